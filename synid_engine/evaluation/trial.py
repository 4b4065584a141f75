"""One trial: create a character, draw a suite with and without its identity, keep what the judges say.

Also the ceiling: what the same judges say of real renders of one person, whose identity is certain.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

import numpy as np
from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.evaluation.cast import Described
from synid_engine.evaluation.likeness import FACE_TRAITS, IDENTITY_TRAITS, is_same
from synid_engine.evaluation.metrics import cosines_to, mean, pairwise_cosines
from synid_engine.evaluation.models import Judges, load_judges
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import BenchOptions, OnProgress, Ticker
from synid_engine.evaluation.prompts import EvaluationPrompt, Suite, suite_prompts
from synid_engine.evaluation.suites import bank_bytes, described, draw_prompts, following
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.tiny.dataset import held_out_people
from synid_engine.tiny.world import Person, Shot, render, sample_shot

_CEILING_SEED = 63_001
SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one character came to. Lists have one entry a picture, or one a trait that was asked for.

    Attributes:
        name: The character.
        creation_s: Seconds of its creation.
        kilobytes: Its bank.
        face_same: Whether all face traits equal the portrait's, 1 or 0.
        all_same: Whether all identity traits do.
        follows: Whether the expression or scene is there.
        plain_face_same: The same three without identity, by description and prompt alone.
        plain_all_same: See above.
        plain_follows: See above.
        likeness: Cosine to the portrait by the held-out recogniser.
        embeds: Its vectors.
        clip_likeness: Cosine to the portrait by CLIP (CLIP-I).
        clip_pairs: Cosine of each pair of pictures by CLIP.
        clip_words: Cosine of picture and prompt by CLIP (CLIP-T).
    """

    name: str
    creation_s: float
    kilobytes: float
    face_same: list[float]
    all_same: list[float]
    follows: list[float]
    plain_face_same: list[float]
    plain_all_same: list[float]
    plain_follows: list[float]
    likeness: list[float]
    embeds: list[list[float]]
    clip_likeness: list[float]
    clip_pairs: list[float]
    clip_words: list[float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialSettings:
    """What trials share.

    Attributes:
        engine: The models that draw.
        judges: The models that look.
        suite: Which prompts.
        partial: Where finished trials are remembered.
        on_progress: Told of every step.
    """

    engine: Engine
    judges: Judges
    suite: Suite
    partial: PartialResults
    on_progress: OnProgress


def begin_trials(
    name: str, people: Sequence[Described], options: BenchOptions, *, suite: Suite | None = None
) -> TrialSettings:
    """Load the models of a bench, and what an earlier run of it with the same people remembers.

    Args:
        name: The bench.
        people: Its characters.
        options: How it runs.
        suite: Which prompts; None takes the full ones, or the quick ones where the bench is quick.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    engine = Engine.load(options.models)
    return TrialSettings(
        engine=engine,
        judges=load_judges(),
        suite=suite or ("quick" if options.quick else "full"),
        partial=PartialResults(
            options.out / f"{options.stem(name)}.partial", fingerprint=f"{engine.model_hash} {people}"
        ),
        on_progress=options.on_progress,
    )


def run_trials(
    settings: TrialSettings,
    people: Sequence[Described],
    *,
    config: DistillConfig | None = None,
    label: str = "",
    with_plain: bool = True,
    library: Sequence[Character] = (),
) -> list[Trial]:
    """Run one trial for each character, or remember it.

    Args:
        settings: What trials share.
        people: The characters.
        config: How they are created; None is the engine's own way.
        label: Tells trials of the same people with other configurations apart.
        with_plain: Whether to draw without identity too.
        library: Finished characters to begin from.
    """
    ticker = Ticker(f"characters {label}".strip(), total=len(people), on_progress=settings.on_progress)
    trials: list[Trial] = []
    for who in people:
        key = f"{label}-{who.seed}"
        remembered = settings.partial.has(key)

        def measure(who: Described = who, key: str = key) -> object:
            return asdict(_run(settings, who, config, key, ticker, with_plain=with_plain, library=library))

        fields = cast("dict[str, object]", settings.partial.once(key, measure))
        trials.append(Trial(**cast("dict[str, list[float]]", fields)))  # pyright: ignore[reportArgumentType]
        ticker.step(who.name, remembered=remembered)
    return trials


def shown_pictures(
    settings: TrialSettings, people: Sequence[Described], *, label: str = ""
) -> tuple[list[Image.Image], list[str]]:
    """Return portrait and first pictures of each trial, with captions."""
    pictures: list[Image.Image] = []
    captions: list[str] = []
    prompts = shown_prompts(suite_prompts(settings.suite))
    for who in people:
        key = f"{label}-{who.seed}"
        for number in range(SHOWN + 1):
            picture = settings.partial.picture(f"{key}-{number}")
            if picture is not None:
                pictures.append(picture)
                captions.append(f"{who.name}: {who.description}" if not number else prompts[number - 1].words)
    return pictures, captions


def ceiling_rates(judges: Judges, suite: Suite, *, people: int = 20) -> tuple[list[float], list[float]]:
    """Ask the judges about real renders of held-out people in the suite's shots.

    Returns:
        For each person the share of pictures with the same face traits, and with all identity traits.
    """
    faces: list[float] = []
    wholes: list[float] = []
    prompts = suite_prompts(suite)
    for number, person in enumerate(held_out_people(people)):
        rng = np.random.default_rng((_CEILING_SEED, number))
        canonical = judges.read([_draw(person, Shot())])[0]
        readings = judges.read([_draw(person, _shot(person, prompt, rng)) for prompt in prompts])
        faces.append(mean([float(is_same(one, canonical, FACE_TRAITS)) for one in readings]))
        wholes.append(mean([float(is_same(one, canonical, IDENTITY_TRAITS)) for one in readings]))
    return faces, wholes


def _run(
    settings: TrialSettings,
    who: Described,
    config: DistillConfig | None,
    key: str,
    ticker: Ticker,
    *,
    with_plain: bool,
    library: Sequence[Character],
) -> Trial:
    engine, judges = settings.engine, settings.judges
    started = time.monotonic()
    character = engine.create(
        who.name,
        who.description,
        seed=who.seed,
        config=config,
        on_progress=ticker.touch,
        library=library,
    )
    creation_s = time.monotonic() - started
    prompts = suite_prompts(settings.suite)
    canonical = judges.read([character.portrait])[0]
    rows = draw_prompts(engine, character, prompts, judges, canonical, on_progress=ticker.touch)
    plain = (
        draw_prompts(
            engine, None, described(prompts, who.description), judges, canonical, on_progress=ticker.touch
        )
        if with_plain
        else ()
    )
    images = [row.image for row in rows]
    settings.partial.keep_picture(f"{key}-0", character.portrait)
    for number, prompt in enumerate(shown_prompts(prompts), start=1):
        settings.partial.keep_picture(f"{key}-{number}", rows[prompts.index(prompt)].image)
    embeds = judges.face_embeds(images)
    clip = judges.image_embeds(images)
    texts = judges.text_embeds([prompt.words for prompt in prompts])
    return Trial(
        name=who.name,
        creation_s=creation_s,
        kilobytes=bank_bytes(character) / 1000,
        face_same=[float(row.face_is_same) for row in rows],
        all_same=[float(row.all_is_same) for row in rows],
        follows=following(rows),
        plain_face_same=[float(row.face_is_same) for row in plain],
        plain_all_same=[float(row.all_is_same) for row in plain],
        plain_follows=following(plain),
        likeness=cosines_to(embeds, judges.face_embeds([character.portrait])[0]),
        embeds=[[float(value) for value in row] for row in embeds],
        clip_likeness=cosines_to(clip, judges.image_embeds([character.portrait])[0]),
        clip_pairs=pairwise_cosines(clip),
        clip_words=[cosines_to(clip[i : i + 1], texts[i])[0] for i in range(len(images))],
    )


def shown_prompts(prompts: tuple[EvaluationPrompt, ...]) -> list[EvaluationPrompt]:
    """Choose the first picture of each of the first groups."""
    first = {prompt.group: prompt for prompt in reversed(prompts)}
    order = dict.fromkeys(prompt.group for prompt in prompts)
    return [first[group] for group in order][:SHOWN]


def _shot(person: Person, prompt: EvaluationPrompt, rng: np.random.Generator) -> Shot:
    wanted = prompt.expected
    framing = wanted.get("framing", "portrait")
    shot = sample_shot(rng, person.style)
    return replace(shot, expression=wanted["expression"], background=wanted["background"], framing=framing)


def _draw(person: Person, shot: Shot) -> Image.Image:
    return Image.fromarray(render(person, shot))
