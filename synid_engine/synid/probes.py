"""Looking at a bank from outside: a few pictures with fixed scenes and seeds, compared with the reference."""

from dataclasses import dataclass

from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.drawing import DrawConfig, draw, prompt_scores
from synid_engine.synid.embeds import IdentityReference, embed_pictures
from synid_engine.synid.stage import Report, StageModels, stage_seed
from synid_engine.synid.words import IdentityWords


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a bank is asked to draw: scenes, and the seed that their noise follows from."""

    scenes: tuple[str, ...]
    seed: int
    draw: DrawConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeScore:
    """Means over the pictures: likeness to the reference, and cosine with the prompt."""

    identity: float
    prompt: float

    def total(self, *, prompt_weight: float) -> float:
        """Return one number to compare banks by."""
        return self.identity + prompt_weight * self.prompt


def probe_bank(
    bank: IdentityBank,
    probe: Probe,
    words: IdentityWords,
    reference: IdentityReference,
    models: StageModels,
    *,
    report: Report,
) -> ProbeScore:
    """Draw the probe's scenes with a bank and score them."""
    prompts = [words.prompt(scene) for scene in probe.scenes]
    seeds = [stage_seed(probe.seed, f"probe {number}") for number in range(len(prompts))]
    drawn = draw(prompts, seeds, models, probe.draw, report=report, bank=bank)
    embeds = embed_pictures(drawn.images, models.perception)
    scores = prompt_scores(embeds.image_embeds, prompts, models.perception)
    return ProbeScore(identity=float(reference.similarities(embeds).mean()), prompt=float(scores.mean()))
