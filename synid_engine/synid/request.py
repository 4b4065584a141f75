"""What a person asks for, as one row for the base model: the characters' words, the scene, and the weights.

Knows neither models nor steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from synid_engine.identity.bank import IdentityBank
from synid_engine.sampling.row import RenderRow
from synid_engine.synid.words import IdentityWords, Wording

WORDS = "words"
"""Key of a bank's metadata: what the character's portrait was drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderConfig:
    """How characters are drawn unless a call says otherwise.

    Attributes:
        identity_scale: How strongly the bank acts in cross-attention, and its tokens beside the prompt's; 1
            is the weight that the wording gives it.
        changed_clothes_scale: The same where the prompt names other clothes than the character's: the bank
            holds its own clothes too, and the prompt must win.
        max_rows: Pictures in one forward pass.
        pose_strength: Weight of a pose that a ControlNet holds.
    """

    identity_scale: float = 1.0
    changed_clothes_scale: float = 0.8
    max_rows: int = 4
    pose_strength: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """Somebody in a picture.

    Attributes:
        description: The words that the character was made from.
        style: Art style that it was given; empty leaves it to the description.
        bank: Draws it; its metadata may hold `WORDS`, which fill in what the description leaves open.
    """

    description: str
    style: str
    bank: IdentityBank

    def words(self, wording: Wording) -> IdentityWords:
        """Return what a base model is told about who this is.

        Raises:
            InvalidSettingError: The style does not exist.
        """
        own = wording.identity(self.description, self.style or None)
        return own.filled(self.bank.metadata.get(WORDS, ""))


def request_row(
    subjects: Sequence[Subject],
    prompt: str,
    *,
    wording: Wording,
    config: RenderConfig,
    negative_prompt: str = "",
    identity_scale: float | None = None,
) -> RenderRow:
    """Put a request into the base model's words, with the weight that its reason gives.

    Args:
        subjects: Who is in the picture; none draws the prompt alone. Several share the whole picture, and the
            last one's words carry the scene.
        prompt: Expression, scene, framing.
        wording: Reads people's words.
        config: Weights where none is given.
        negative_prompt: What to steer away from.
        identity_scale: How strongly the banks and their tokens act; None takes the configured one. 0 leaves
            the identity to the words.

    Returns:
        A row with seed 0 and the usual steps.

    Raises:
        InvalidSettingError: A style does not exist, or a number is outside its range.
    """
    negative = wording.normalized(negative_prompt)
    if not subjects:
        return RenderRow(prompt=wording.normalized(prompt), negative_prompt=negative, seed=0)
    words = [one.words(wording) for one in subjects]
    own_clothes = [one.negative_prompt(prompt) for one in words]
    scale = identity_scale
    if scale is None:
        scale = config.changed_clothes_scale if any(own_clothes) else config.identity_scale
    weight = scale * wording.bank_weight
    people = [one.prompt("") for one in words[:-1]]
    return RenderRow(
        prompt=" and ".join([*people, words[-1].prompt(prompt)]),
        negative_prompt=", ".join(part for part in (negative, *own_clothes) if part),
        seed=0,
        banks=tuple(one.bank for one in subjects),
        identity_scale=weight,
        token_scale=weight,
    )
