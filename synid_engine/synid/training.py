"""The one trainer of all stages: a character's own tensors, through the frozen denoiser.

Knows nothing about where the pictures come from or what happens to the result.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from synid_engine.errors import DistillationError
from synid_engine.identity.attention import install_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import pad_contexts
from synid_engine.runtime.rng import gaussian_noise
from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.exercise import Exercise
from synid_engine.synid.losses import clip_loss, diffusion_loss, diversity_loss, face_loss
from synid_engine.synid.optimiser import LossScale, Optimiser
from synid_engine.synid.stage import (
    NO_BOOKMARK,
    Bookmark,
    Report,
    StageModels,
    require_at_least,
    require_within,
)
from synid_engine.synid.stopping import Questions, StoppingConfig, Watch
from synid_engine.synid.trainable import Trainable
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.training_state import TrainingState, restore_training, training_state


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How a character's tensors are trained.

    Attributes:
        steps: Steps of the optimiser; 0 leaves everything as it begins.
        batch_size: Rows a step.
        learning_rate: Of AdamW at the start; it falls to a tenth as a cosine.
        caption_dropout: Share of rows whose caption does not describe the person, so that the identity must.
        level_dropout: Share of rows that see only the tokens, and as many that see only the bank, so that
            each level carries the identity by itself. Deviation: rows without any identity would train
            nothing, since the denoiser is frozen and the null half adds nothing.
        min_snr_gamma: Where the weight of easy timesteps is capped.
        perception_every: Steps between two that are also judged by CLIP and the recogniser; 0 for never.
        perception_noise: Share of the timesteps, the clean ones, at which a picture can be judged.
        face_weight: Weight of the face loss.
        clip_weight: Weight of the CLIP loss.
        text_share: Share of the CLIP loss that the prompt has.
        diversity_weight: Weight of the loss that keeps tokens different.
        max_gradient: Longest gradient; longer ones are shortened.
        stopping: When it ends before its last step.
    """

    steps: int = 60
    batch_size: int = 4
    learning_rate: float = 1e-2
    caption_dropout: float = 0.5
    level_dropout: float = 0.1
    min_snr_gamma: float = 5.0
    perception_every: int = 6
    perception_noise: float = 0.35
    face_weight: float = 0.1
    clip_weight: float = 0.1
    text_share: float = 0.3
    diversity_weight: float = 0.01
    max_gradient: float = 1.0
    stopping: StoppingConfig = field(default_factory=StoppingConfig)

    def __post_init__(self) -> None:
        require_at_least("batch_size", self.batch_size, 1)
        for name in ("steps", "perception_every"):
            require_at_least(name, getattr(self, name), 0)
        require_within("learning_rate", self.learning_rate, 0, 1)
        require_within("level_dropout", self.level_dropout, 0, 0.5)
        for name in ("caption_dropout", "perception_noise", "text_share"):
            require_within(name, getattr(self, name), 0, 1)

    @property
    def rows(self) -> int:
        """Most work in forward rows of the UNet; a backward pass counts as two."""
        judged = self.steps // self.perception_every if self.perception_every else 0
        looks = self.stopping.looks(self.steps) * self.stopping.work if self.steps else 0
        return 3 * self.steps * self.batch_size + 20 * judged + looks


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutcome:
    """The total loss at each step that was taken."""

    losses: tuple[float, ...]

    @property
    def steps(self) -> int:
        """Steps that were taken."""
        return len(self.losses)

    @property
    def final_loss(self) -> float:
        """Mean over the last quarter of the steps; 0 without any."""
        if not self.losses:
            return 0.0
        tail = self.losses[-max(1, len(self.losses) // 4) :]
        return sum(tail) / len(tail)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lesson:
    """One batch: which pictures, how noisy, and what each row is told."""

    latents: Float[Tensor, "batch c h w"]
    noise: Float[Tensor, "batch c h w"]
    timesteps: Int[Tensor, " batch"]
    context: Float[Tensor, "batch tokens context_dim"]
    prompt_lengths: tuple[int, ...]
    text_embeds: Float[Tensor, "batch clip_dim"]
    scales: tuple[tuple[float, float], ...]
    is_judged: bool


class _Teacher:
    """Draws batches and works out their loss; holds what is computed once."""

    def __init__(
        self,
        pictures: TrainingPictures,
        reference: IdentityReference,
        models: StageModels,
        config: TrainingConfig,
        generator: torch.Generator,
    ) -> None:
        backbone = models.backbone
        self._pictures, self._reference, self._models = pictures, reference, models
        self._config, self._generator = config, generator
        self._schedule = NoiseSchedule.from_config(backbone.noise_scheduler_config, device=backbone.device)
        self._latents = pictures.latents.to(backbone.device).float()
        self._states = _encoded((*pictures.prompts, *pictures.bare_prompts), models)
        self._context = pad_contexts(self._states)
        self._text_embeds = models.perception.clip.text_embeds(list(pictures.prompts)).detach()
        install_identity_attention(backbone.unet)

    def lesson(self, step: int) -> _Lesson:
        """Draw a batch."""
        config, generator, device = self._config, self._generator, self._models.backbone.device
        every = config.perception_every
        is_judged = every > 0 and step % every == every - 1
        size = config.batch_size
        picked = torch.multinomial(self._pictures.weights, size, replacement=True, generator=generator)
        total = self._schedule.train_timesteps
        timesteps = torch.randint(0, total, (size,), generator=generator)
        if is_judged:
            clean = max(1, int(total * config.perception_noise))
            timesteps[0] = torch.randint(0, clean, (1,), generator=generator)
        bare = torch.rand(size, generator=generator) < config.caption_dropout
        chances = [float(chance) for chance in torch.rand(size, generator=generator)]
        noise = gaussian_noise((size, *self._latents.shape[1:]), generator).to(device)
        where = picked.to(device)
        said = picked + bare * len(self._pictures.prompts)
        return _Lesson(
            latents=self._latents[where],
            noise=noise,
            timesteps=timesteps.to(device),
            context=self._context[said.to(device)],
            prompt_lengths=tuple(len(self._states[int(one)]) for one in said),
            text_embeds=self._text_embeds[picked.to(self._text_embeds.device)],
            scales=tuple(_scales(chance, config.level_dropout) for chance in chances),
            is_judged=is_judged,
        )

    def watch(self, trainable: Trainable) -> Watch:
        """Return what looks at the training; without captions of the person, as the identity is tried."""
        config, bare = self._config, slice(len(self._pictures.prompts), None)
        questions = Questions.of_pictures(
            self._latents,
            self._states[bare],
            self._context[bare],
            rows=config.stopping.questions,
            train_timesteps=self._schedule.train_timesteps,
        )
        return Watch(
            config.stopping,
            questions,
            trainable,
            self._reference,
            self._models,
            min_snr_gamma=config.min_snr_gamma,
        )

    def exercise(self, lesson: _Lesson, trainable: Trainable, loss_scale: LossScale) -> Exercise:
        """Return a batch as the work that it is: rows to predict, and the whole loss of the prediction."""
        noisy = self._schedule.add_noise(lesson.latents, lesson.noise, lesson.timesteps)
        return Exercise(
            latents=noisy,
            timesteps=lesson.timesteps,
            context=lesson.context,
            prompt_lengths=lesson.prompt_lengths,
            scales=lesson.scales,
            trainable=trainable,
            loss_scale=loss_scale.value,
            loss=lambda noise_pred, bank: self._loss(noise_pred, noisy, lesson, bank),
        )

    def _loss(
        self, noise_pred: Tensor, noisy: Tensor, lesson: _Lesson, bank: IdentityBank
    ) -> Float[Tensor, ""]:
        config, schedule = self._config, self._schedule
        weights = schedule.min_snr_weights(lesson.timesteps, gamma=config.min_snr_gamma)
        target = schedule.target(lesson.latents, lesson.noise, lesson.timesteps)
        loss = diffusion_loss(noise_pred, target, weights)
        if config.diversity_weight > 0:
            loss = loss + config.diversity_weight * diversity_loss(bank.identity_tokens)
        if lesson.is_judged:
            x0 = schedule.predict_x0(noise_pred[:1], noisy[:1], lesson.timesteps[:1])
            loss = loss + self._judge(x0, lesson.text_embeds[:1])
        return loss

    def _judge(self, x0: Float[Tensor, "rows c h w"], text_embeds: Tensor) -> Float[Tensor, ""]:
        """Let the recogniser and CLIP look at the picture that a prediction implies."""
        config, perception = self._config, self._models.perception
        images = self._models.backbone.decode(x0)
        faces = face_loss(images, self._reference.face_embed, perception.face)
        looks = clip_loss(
            images,
            self._reference.image_embed,
            text_embeds,
            perception.clip,
            text_weight=config.text_share,
        )
        return (config.face_weight * faces + config.clip_weight * looks).to(x0.device)


def train(
    trainable: Trainable,
    pictures: TrainingPictures,
    reference: IdentityReference,
    models: StageModels,
    config: TrainingConfig,
    generator: torch.Generator,
    *,
    report: Report,
    bookmark: Bookmark[TrainingState] = NO_BOOKMARK,
) -> TrainingOutcome:
    """Train a character's tensors, in place, on pictures of it.

    Args:
        trainable: Its parameters are changed; nothing else is.
        pictures: What to learn.
        reference: Who it must stay.
        models: Frozen.
        config: Budget, rates and weights.
        generator: Draws pictures, timesteps, noise and dropouts.
        report: Told after every step.
        bookmark: Offered every step; what it has found is gone on with, as if there had been no break.

    Raises:
        DistillationError: The loss, or its gradient, is no longer a number.
        JobCancelledError: The report asked to stop.
    """
    if config.steps == 0:
        report(1.0, "as it is")
        return TrainingOutcome(losses=())
    teacher = _Teacher(pictures, reference, models, config, generator)
    parameters = trainable.parameters()
    scale = LossScale.of_format(models.backbone.dtype)
    optimiser = Optimiser(parameters, max_gradient=config.max_gradient, loss_scale=scale)
    watch = teacher.watch(trainable)
    losses: list[float] = []
    if bookmark.found is None:
        watch.after(0)
    else:
        restore_training(bookmark.found, parameters, optimiser, generator)
        losses += bookmark.found.losses
        watch.looks = bookmark.found.looks
    while len(losses) < config.steps and not watch.is_over:
        step = len(losses)
        share = 0.1 + 0.9 * (1 + math.cos(math.pi * step / config.steps)) / 2
        exercise = teacher.exercise(teacher.lesson(step), trainable, optimiser.loss_scale)
        losses.append(models.classroom.work_out(exercise, models.backbone))
        if not math.isfinite(losses[-1]):
            raise DistillationError("loss", losses[-1])
        optimiser.step(learning_rate=config.learning_rate * share)
        watch.after(step + 1)
        bookmark.offer(lambda: training_state(parameters, optimiser, generator, losses, watch.looks))
        report((step + 1) / config.steps, f"step {step + 1} of {config.steps}, loss {losses[-1]:.3f}")
    watch.take_best()
    if len(losses) < config.steps:
        report(1.0, f"learnt in {len(losses)} of {config.steps} steps")
    return TrainingOutcome(losses=tuple(losses))


def _encoded(prompts: Sequence[str], models: StageModels) -> list[Float[Tensor, "_tokens context_dim"]]:
    return [models.backbone.encode_prompts([prompt])[0] for prompt in prompts]


def _scales(chance: float, dropout: float) -> tuple[float, float]:
    """Return the weights of bank and tokens for a row."""
    if chance < dropout:
        return 0.0, 1.0
    return (1.0, 0.0) if chance < 2 * dropout else (1.0, 1.0)
