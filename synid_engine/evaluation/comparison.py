"""`synid bench compare`: the same people by SynID's bank and by what people would do otherwise."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import cast

from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.evaluation.cast import ABLATED, DEVELOPED, Described
from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.identity_bench import save_sheet
from synid_engine.evaluation.metrics import bootstrap_interval, mean
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.prompts import EvaluationPrompt, suite_prompts
from synid_engine.evaluation.rivals.inversion import invert
from synid_engine.evaluation.rivals.lesson import Lesson, prepare_lesson
from synid_engine.evaluation.rivals.lora import adapt_low_rank
from synid_engine.evaluation.rivals.published import inject
from synid_engine.evaluation.suites import SuitePicture, bank_bytes, draw_prompts, following
from synid_engine.evaluation.trial import SHOWN, TrialSettings, begin_trials, shown_prompts
from synid_engine.runtime.backbone import Backbone
from synid_engine.synid.stage import Report
from synid_engine.synid.words import PlainWording


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one way came to with one character. Lists have one entry a picture, or one a wish.

    Attributes:
        face_same: Whether all face traits equal the portrait's, 1 or 0.
        all_same: Whether all identity traits do.
        follows: Whether the expression or scene is there.
        seconds: Until the first picture can be asked for.
        byte_count: What is kept of the character besides its words and its portrait.
    """

    face_same: list[float]
    all_same: list[float]
    follows: list[float]
    seconds: float
    byte_count: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ready:
    """A way after its learning.

    Attributes:
        engine: Draws.
        prompts: What it is told, in the order of the suite.
        byte_count: See `Outcome`.
        character: Drawn by the engine; None leaves everything to the prompts, as they are.
    """

    engine: Engine
    prompts: tuple[EvaluationPrompt, ...]
    byte_count: int = 0
    character: Character | None = None


Prepare = Callable[[Lesson, Engine, tuple[EvaluationPrompt, ...], Report], _Ready]


def bench_compare(options: BenchOptions) -> BenchReport:
    """Draw the same people in every way; a development character only when quick.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    people = DEVELOPED[:1] if options.quick else ABLATED
    settings = begin_trials("compare", people, options)
    outcomes = run_comparison(settings, people)
    sheet = save_sheet(
        options.out / f"{options.stem('compare')}.png", *_shown(settings, people), title="compare"
    )
    settings.partial.forget()
    return BenchReport(
        name="compare", figures=comparison_figures(outcomes), quick=options.quick, notes=(sheet,)
    )


def run_comparison(settings: TrialSettings, people: Sequence[Described]) -> dict[str, list[Outcome]]:
    """Return what each way came to with each character, in the order of the characters."""
    ticker = Ticker("ways", total=len(people) * len(WAYS), on_progress=settings.on_progress)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in WAYS}
    for who in people:
        lessons: list[Lesson] = []

        def lesson(who: Described = who, lessons: list[Lesson] = lessons) -> Lesson:
            if not lessons:
                lessons.append(prepare_lesson(settings.engine, who, on_progress=ticker.touch))
            return lessons[0]

        for name in WAYS:
            key = f"{name} {who.seed}"
            remembered = settings.partial.has(key)

            def measure(name: str = name, key: str = key, lesson: Callable[[], Lesson] = lesson) -> object:
                return asdict(_run(settings, name, lesson(), key, ticker))

            fields = cast("dict[str, object]", settings.partial.once(key, measure))
            outcomes[name].append(Outcome(**cast("dict[str, list[float]]", fields)))  # pyright: ignore[reportArgumentType]
            ticker.step(f"{who.name}, {name}", remembered=remembered)
    return outcomes


def comparison_figures(outcomes: Mapping[str, Sequence[Outcome]]) -> tuple[Figure, ...]:
    """Tell each way's measures; intervals come from drawing the characters again."""
    figures: list[Figure] = []
    for name, found in outcomes.items():
        figures += [
            _rate(f"{name}: same character, face traits", [one.face_same for one in found]),
            _rate(f"{name}: same character, clothes too", [one.all_same for one in found]),
            _rate(f"{name}: expressions and scenes followed", [one.follows for one in found]),
            Figure(name=f"{name}: learning", value=mean([one.seconds for one in found]), unit="s"),
            Figure(name=f"{name}: kept", value=max(one.byte_count for one in found) / 1000, unit="KB"),
        ]
    return tuple(figures)


def _rate(name: str, hits: Sequence[Sequence[float]]) -> Figure:
    def rate(units: Sequence[int]) -> float:
        return 100 * mean([hit for unit in units for hit in hits[unit]])

    interval = bootstrap_interval(len(hits), rate, resamples=300)
    return Figure(name=name, value=rate(range(len(hits))), unit="%", interval=interval)


def _run(settings: TrialSettings, name: str, lesson: Lesson, key: str, ticker: Ticker) -> Outcome:
    def report(fraction: float, detail: str) -> None:
        ticker.touch()

    prompts = suite_prompts(settings.suite)
    started = time.monotonic()
    ready = WAYS[name](lesson, settings.engine, prompts, report)
    seconds = time.monotonic() - started
    if name in LEARN_FROM_PICTURES:
        seconds += lesson.seconds
    rows = _draw(settings, lesson, ready, ticker)
    for number, prompt in enumerate(shown_prompts(prompts), start=1):
        settings.partial.keep_picture(f"{key}-{number}", rows[prompts.index(prompt)].image)
    settings.partial.keep_picture(f"{key}-0", lesson.portrait)
    return Outcome(
        face_same=[float(row.face_is_same) for row in rows],
        all_same=[float(row.all_is_same) for row in rows],
        follows=following(rows),
        seconds=seconds,
        byte_count=ready.byte_count,
    )


def _draw(settings: TrialSettings, lesson: Lesson, ready: _Ready, ticker: Ticker) -> tuple[SuitePicture, ...]:
    judges = settings.judges
    canonical = judges.read([lesson.portrait])[0]
    return draw_prompts(
        ready.engine, ready.character, ready.prompts, judges, canonical, on_progress=ticker.touch
    )


def _words_alone(
    lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], _report: Report
) -> _Ready:
    words = engine.wording.identity(lesson.who.description, None)
    return _Ready(engine=_literal(engine), prompts=_reworded(prompts, words.prompt))


def _same_seed(
    lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], _report: Report
) -> _Ready:
    worded = _reworded(prompts, lesson.words.prompt)
    seeded = tuple(replace(prompt, seed=lesson.portrait_seed) for prompt in worded)
    return _Ready(engine=_literal(engine), prompts=seeded)


def _inverted(
    lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], report: Report
) -> _Ready:
    learnt = invert(lesson, engine.models.backbone, report=report)
    worded = _reworded(prompts, lambda scene: f"{learnt.name}, {lesson.words.bare_prompt(scene)}")
    return _Ready(engine=_literal(engine, learnt.backbone), prompts=worded, byte_count=learnt.byte_count)


def _low_rank(
    lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], report: Report
) -> _Ready:
    learnt = adapt_low_rank(lesson, engine.models.backbone, report=report)
    worded = _reworded(prompts, lesson.words.prompt)
    return _Ready(engine=_literal(engine, learnt.backbone), prompts=worded, byte_count=learnt.byte_count)


def _published(
    lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], report: Report
) -> _Ready:
    learnt = inject(lesson, engine.models.backbone, report=report)
    worded = _reworded(prompts, lesson.words.prompt)
    return _Ready(engine=_literal(engine, learnt.backbone), prompts=worded, byte_count=learnt.byte_count)


def _bank(lesson: Lesson, engine: Engine, prompts: tuple[EvaluationPrompt, ...], _report: Report) -> _Ready:
    character = engine.create(lesson.who.name, lesson.who.description, seed=lesson.who.seed)
    return _Ready(engine=engine, prompts=prompts, byte_count=bank_bytes(character), character=character)


WAYS: dict[str, Prepare] = {
    "words alone": _words_alone,
    "same seed, full description": _same_seed,
    "textual inversion": _inverted,
    "LoRA, rank 8": _low_rank,
    "SynID as published": _published,
    "identity bank": _bank,
}
LEARN_FROM_PICTURES = ("textual inversion", "LoRA, rank 8", "SynID as published")
"""Their time includes the pictures that they learn from."""


def _literal(engine: Engine, backbone: Backbone | None = None) -> Engine:
    """Return an engine that takes prompts as they are, on another base model if one is given."""
    models = engine.models if backbone is None else replace(engine.models, backbone=backbone)
    return replace(engine, models=models, wording=PlainWording())


def _reworded(
    prompts: tuple[EvaluationPrompt, ...], word: Callable[[str], str]
) -> tuple[EvaluationPrompt, ...]:
    return tuple(replace(prompt, words=word(prompt.words)) for prompt in prompts)


def _shown(settings: TrialSettings, people: Sequence[Described]) -> tuple[list[Image.Image], list[str]]:
    """Return the portrait and the first pictures of each way, with captions."""
    pictures: list[Image.Image] = []
    captions: list[str] = []
    prompts = shown_prompts(suite_prompts(settings.suite))
    for name in WAYS:
        for who in people:
            for number in range(SHOWN + 1):
                picture = settings.partial.picture(f"{name} {who.seed}-{number}")
                if picture is not None:
                    pictures.append(picture)
                    captions.append(f"{name}: {prompts[number - 1].words if number else who.name}")
    return pictures, captions
