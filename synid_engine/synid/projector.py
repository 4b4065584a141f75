"""Stage 2: from pictures to identity tokens, learnt through the frozen denoiser."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import InvalidSettingError
from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.stage import NO_BOOKMARK, Bookmark, Report, StageModels, require_within
from synid_engine.synid.trainable import TrainableTokens, bank_from_tokens
from synid_engine.synid.training import TrainingConfig, train
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.training_state import TrainingState

_SAID = 1e-3  # how much a text state must differ from an empty prompt's to be a word


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorConfig:
    """How tokens are learnt.

    Attributes:
        tokens: How many.
        spread: Standard deviation of the noise on the first tokens, as a part of the text states' own.
        value_gain: Loudness of the bank that is compiled from tokens, beside the prompt's 1.
        training: Budget and losses.
    """

    tokens: int = 8
    spread: float = 0.1
    value_gain: float = 0.2
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        require_within("tokens", self.tokens, 1, 64)
        require_within("spread", self.spread, 0, 10)
        require_within("value_gain", self.value_gain, 0, 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """What stage 2 hands on.

    Attributes:
        tokens: Identity tokens, in the space of the text states.
        value_gain: The loudness that they were trained at.
        loss: Mean loss over the last steps.
        steps: Steps that the last training took.
    """

    tokens: Float[Tensor, "tokens context_dim"]
    value_gain: float
    loss: float
    steps: int = 0

    def bank(self, models: StageModels) -> IdentityBank:
        """Compile the tokens for their base model."""
        tokens = self.tokens.to(models.backbone.device)
        with torch.no_grad():
            return bank_from_tokens(tokens, models.backbone, value_gain=self.value_gain)


@runtime_checkable
class TokenLibrary(Protocol):
    """Finished characters that a new one may begin from."""

    def warmed(
        self, tokens: Float[Tensor, "tokens context_dim"], reference: IdentityReference
    ) -> Float[Tensor, "tokens context_dim"]:
        """Return first tokens that are nearer to their end."""
        ...


def project(
    anchors: AnchorEnsemble,
    models: StageModels,
    config: ProjectorConfig,
    generator: torch.Generator,
    *,
    report: Report,
    library: TokenLibrary | None = None,
    bookmark: Bookmark[TrainingState] = NO_BOOKMARK,
) -> Projection:
    """Learn tokens that redraw the anchors, each by its weight, whatever the caption leaves out.

    They begin as what the base model's identity encoder reads from the anchors, or, where the base model was
    trained without one, as the description's words.

    Args:
        anchors: What to learn.
        models: Frozen.
        config: How many tokens, and their training.
        generator: All chance.
        report: Told after every step.
        library: Moves the first tokens; None begins with the words alone, and so does what is not trained.
        bookmark: Where the training goes on, and is kept.

    Source: SynID, identity projector.
    Deviation: upstream's network maps a constant to the prompt's own text mean, so that no picture can change
        its tokens; here the tokens themselves are trained by what the pictures show.
    """
    pictures = anchors.pictures
    start = portrait_tokens(pictures.latents, pictures.weights, models, count=config.tokens)
    if start is None:
        start = first_tokens(pictures.prompts[anchors.portrait], models, config, generator)
    if library is not None and config.training.steps > 0:
        start = library.warmed(start, anchors.reference)
    return learn_tokens(
        start,
        pictures,
        anchors.reference,
        models,
        config.training,
        generator,
        value_gain=config.value_gain,
        report=report,
        bookmark=bookmark,
    )


def learn_tokens(  # noqa: PLR0913  (where training begins, from what, and how it is told and kept)
    start: Float[Tensor, "tokens context_dim"],
    pictures: TrainingPictures,
    reference: IdentityReference,
    models: StageModels,
    training: TrainingConfig,
    generator: torch.Generator,
    *,
    value_gain: float,
    report: Report,
    bookmark: Bookmark[TrainingState],
) -> Projection:
    """Train tokens until pictures are redrawn with them: what the stages that learn tokens have in common.

    Args:
        start: The first tokens.
        pictures: What to redraw.
        reference: Whom the recogniser should see.
        models: Frozen.
        training: Budget and losses.
        generator: All chance.
        value_gain: Loudness of the bank that is compiled from tokens.
        report: Told after every step.
        bookmark: Where the training goes on, and is kept.
    """
    trainable = TrainableTokens.start(start, models.backbone, value_gain=value_gain)
    outcome = train(
        trainable,
        pictures,
        reference,
        models,
        training,
        generator,
        report=report,
        bookmark=bookmark,
    )
    return Projection(
        tokens=trainable.tokens.detach().cpu(),
        value_gain=value_gain,
        loss=outcome.final_loss,
        steps=outcome.steps,
    )


def portrait_tokens(
    latents: Float[Tensor, "pictures c h w"],
    weights: Float[Tensor, " pictures"],
    models: StageModels,
    *,
    count: int,
) -> Float[Tensor, "tokens context_dim"] | None:
    """Return the weighted mean of what the identity encoder reads; None where there is no encoder.

    Raises:
        InvalidSettingError: The encoder does not give `count` tokens.
    """
    encoder = models.identity_encoder
    if encoder is None:
        return None
    if count != encoder.token_count:
        raise InvalidSettingError(field="tokens", value=count, allowed=str(encoder.token_count))
    with torch.no_grad():
        tokens = encoder(latents.to(models.backbone.device).float()).cpu()
    return torch.einsum("p,pkd->kd", weights / weights.sum(), tokens)


def first_tokens(
    prompt: str, models: StageModels, config: ProjectorConfig, generator: torch.Generator
) -> Float[Tensor, "tokens context_dim"]:
    """Return text states of the identity's words, evenly spaced, with a little noise to tell them apart."""
    states = models.backbone.encode_prompts([prompt])[0].float().cpu()
    empty = models.backbone.encode_prompts([""])[0].float().cpu()
    silent = empty.repeat(len(states) // len(empty), 1)  # a long prompt has several chunks
    apart = (states - silent).square().sum(dim=1)
    said = apart > _SAID**2 * states.square().sum(dim=1)  # the words, not the padding
    said[0] = False
    words = states[said] if bool(said.any()) else states
    index = torch.linspace(0, len(words) - 1, config.tokens).round().long()
    noise = torch.randn(config.tokens, states.shape[1], generator=generator)
    return words[index] + config.spread * float(states.std()) * noise
