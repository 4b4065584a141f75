"""When a training has learnt what it can: the same questions are asked again and again, and a person is told.

A training loss jumps with the timesteps and the noise that each batch happens to draw, and hardly says how
far the training is. Asked of the same noise at the same timesteps, the denoiser answers better and better,
and then no better. Knows nothing about optimisers, or how batches are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import IdentityRow
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.synid.embeds import IdentityReference, embed_pictures
from synid_engine.synid.exercise import predict
from synid_engine.synid.losses import diffusion_loss
from synid_engine.synid.stage import StageModels, require_at_least, require_within
from synid_engine.synid.trainable import Trainable

_SEED = 7_301_946  # of noise that no training draws


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingConfig:
    """When a training ends before its last step.

    Attributes:
        every: Steps between two looks; 0 never looks, and trains to the end.
        patience: Looks in a row without a gain after which it ends.
        least_gain: Share that a look must add to all that was gained since the beginning, to count as a gain
            of the loss or of the likeness.
        questions: Rows that are predicted at each look, at as many timesteps.
        judged_noise: Share of the timesteps, the clean ones, whose implied pictures are compared with the
            reference.
    """

    every: int = 0
    patience: int = 1
    least_gain: float = 0.1
    questions: int = 4
    judged_noise: float = 0.5

    def __post_init__(self) -> None:
        require_at_least("every", self.every, 0)
        require_at_least("patience", self.patience, 1)
        require_at_least("questions", self.questions, 2)
        for name in ("least_gain", "judged_noise"):
            require_within(name, getattr(self, name), 0, 1)

    @property
    def work(self) -> int:
        """Work of a look in forward rows of the UNet; decoding and comparing a picture counts as ten."""
        return self.questions + 10 * self.judged

    @property
    def judged(self) -> int:
        """How many of the questions are at clean timesteps."""
        return round(self.judged_noise * self.questions)

    def looks(self, steps: int) -> int:
        """Return the most looks at a training of so many steps, with that before the first."""
        return 1 + steps // self.every if self.every else 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks:
    """What was seen so far.

    Attributes:
        losses: Of the fixed questions, at each look.
        distances: What the implied pictures lack of likeness 1 to the reference, at each look.
        best: The parameters of the best look, on the CPU.
    """

    losses: tuple[float, ...] = ()
    distances: tuple[float, ...] = ()
    best: tuple[Tensor, ...] = ()

    def with_one(self, loss: float, distance: float, parameters: Sequence[Tensor]) -> "Looks":
        """Return these with one more; the parameters are copied if no look before was as good."""
        losses, distances = (*self.losses, loss), (*self.distances, distance)
        quality = [_shrunk(losses, index) + _shrunk(distances, index) for index in range(len(losses))]
        is_best = quality[-1] <= min(quality)
        kept = tuple(parameter.detach().cpu().clone() for parameter in parameters) if is_best else self.best
        return Looks(losses=losses, distances=distances, best=kept)

    def without_gain(self, least_gain: float) -> int:
        """Return for how many looks neither has added this share to its gain."""
        return min(_stale(self.losses, least_gain), _stale(self.distances, least_gain))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Questions:
    """The rows of every look.

    Attributes:
        latents: Clean latents of the pictures that are learnt.
        noise: The same at each look.
        timesteps: From clean to noisy, evenly.
        context: Text states that say nothing about the person, so that the identity must.
        prompt_lengths: How many of those are each row's own.
    """

    latents: Float[Tensor, "rows c h w"]
    noise: Float[Tensor, "rows c h w"]
    timesteps: Int[Tensor, " rows"]
    context: Float[Tensor, "rows tokens context_dim"]
    prompt_lengths: tuple[int, ...]

    @classmethod
    def of_pictures(
        cls, latents: Tensor, states: Sequence[Tensor], context: Tensor, *, rows: int, train_timesteps: int
    ) -> "Questions":
        """Ask for the pictures in turn.

        Args:
            latents: Of all pictures, on the device.
            states: Text states of each.
            context: The same, padded to the longest.
            rows: How many questions.
            train_timesteps: Of the noise schedule.
        """
        where = [row % len(latents) for row in range(rows)]
        noise = gaussian_noise((rows, *latents.shape[1:]), cpu_generator(_SEED))
        timesteps = (torch.arange(rows) * 2 + 1) * train_timesteps // (2 * rows)
        return cls(
            latents=latents[where],
            noise=noise.to(latents.device),
            timesteps=timesteps.to(latents.device),
            context=context[where],
            prompt_lengths=tuple(len(states[one]) for one in where),
        )


class Watch:
    """Looks at a training now and then, and keeps the best that it saw.

    Source: Voronov et al. 2023, "Is This Loss Informative? Faster Text-to-Image Customization by Tracking
        Objective Dynamics": the loss on fixed noise, timesteps and pictures tells when to stop.
    Deviation: it stops when the loss shrinks no more, not by its variance; and only if the recogniser, shown
        the pictures that the same predictions imply, sees no more of the person either. No picture is held
        out, for there are four: what no training step sees is their noise.
    """

    def __init__(
        self,
        config: StoppingConfig,
        questions: Questions,
        trainable: Trainable,
        reference: IdentityReference,
        models: StageModels,
        *,
        min_snr_gamma: float,
    ) -> None:
        self._config, self._questions, self._trainable = config, questions, trainable
        self._reference, self._models, self._gamma = reference, models, min_snr_gamma
        backbone = models.backbone
        self._schedule = NoiseSchedule.from_config(backbone.noise_scheduler_config, device=backbone.device)
        self.looks = Looks()

    @property
    def is_over(self) -> bool:
        """Whether nothing was gained for as long as is waited."""
        config = self._config
        return config.every > 0 and self.looks.without_gain(config.least_gain) >= config.patience

    def after(self, step: int) -> None:
        """Look, if it is time after so many steps; 0 is before the first."""
        if self._config.every and step % self._config.every == 0:
            loss, distance = self._ask(self._trainable.bank())
            self.looks = self.looks.with_one(loss, distance, self._trainable.parameters())

    @torch.no_grad()
    def take_best(self) -> None:
        """Give the trainable the parameters of the best look; without looks it stays as it is."""
        if self.looks.best:
            for parameter, kept in zip(self._trainable.parameters(), self.looks.best, strict=True):
                parameter.copy_(kept)

    @torch.no_grad()
    def _ask(self, bank: IdentityBank) -> tuple[float, float]:
        """Return the loss of the predictions, and how far their pictures are from the reference."""
        asked, schedule = self._questions, self._schedule
        noisy = schedule.add_noise(asked.latents, asked.noise, asked.timesteps)
        rows = [IdentityRow(banks=(bank,))] * len(noisy)
        noise_pred = predict(
            noisy, asked.timesteps, asked.context, asked.prompt_lengths, rows, self._models.backbone
        )
        target = schedule.target(asked.latents, asked.noise, asked.timesteps)
        weights = schedule.min_snr_weights(asked.timesteps, gamma=self._gamma)
        clean = asked.timesteps < self._config.judged_noise * schedule.train_timesteps
        implied = schedule.predict_x0(noise_pred[clean], noisy[clean], asked.timesteps[clean])
        pictures = torch.cat([self._models.backbone.decode(one[None]) for one in implied])
        seen = embed_pictures(pictures, self._models.perception)
        likeness = float(self._reference.similarities(seen).mean())
        return float(diffusion_loss(noise_pred, target, weights)), 1 - likeness


def _shrunk(values: Sequence[float], index: int) -> float:
    """Return one of some values as a share of the first."""
    return values[index] / values[0] if values[0] > 0 else 1.0


def _stale(values: Sequence[float], least_gain: float) -> int:
    """Return how many values have come since the last that added its share to all that was gained."""
    best, since = values[0] if values else 0.0, 0
    for value in values[1:]:
        is_gain = best - value > least_gain * max(0.0, values[0] - value)
        best, since = min(best, value), 0 if is_gain else since + 1
    return since
