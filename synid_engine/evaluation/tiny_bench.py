"""`synid bench tiny`: what the embedded models can do, on people that none of them was trained on."""

import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image

from synid_engine.evaluation.figures import BenchReport, Figure
from synid_engine.evaluation.likeness import found_traits, visible_traits
from synid_engine.evaluation.metrics import lab_error, mean, psnr, to_array, wilson_interval
from synid_engine.evaluation.models import EMBEDDED_MODELS, Judges, load_judges, to_tensor
from synid_engine.evaluation.partial import PartialResults
from synid_engine.evaluation.progress import BenchOptions, Ticker
from synid_engine.evaluation.tiny_sheets import DrawnPrompt, save_failures, save_first
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.sampling.denoise import render as draw
from synid_engine.sampling.row import RenderRow
from synid_engine.tiny.captions import named_traits, seen_tilt
from synid_engine.tiny.dataset import Labelled, held_out_people
from synid_engine.tiny.world import landmarks, mouth_box, render, sample_shot, trait_values

_SHOT_SEED, _CAPTION_SEED, _NOISE_SEED = 61_001, 62_001, 9_400_000
_RENDER_KEYS = ("psnr", "mouth", "lab", "landmarks")
_READ = ("clean", "decoded")
_NOT_IN_TRAITS = ("expression", "background")
_MOST_KINDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyBenchConfig:
    """How much is measured, and how it is drawn.

    Attributes:
        renders: Pictures of the world that go through the VAE.
        prompts: Captions that are drawn.
        chunk: Pictures between two saves of the partial results.
        timed: Pictures that are drawn alone, for the seconds.
        shown: Drawn pictures on the sheet.
        steps: Denoising steps.
        guidance: Guidance scale.
        fewest: Times that a trait must have been named to be told.
    """

    renders: int = 500
    prompts: int = 400
    chunk: int = 20
    timed: int = 5
    shown: int = 24
    steps: int = 20
    guidance: float = 5.0
    fewest: int = 5


QUICK = TinyBenchConfig(renders=40, prompts=64, chunk=8, timed=3, shown=16)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bench:
    backbone: Backbone
    judges: Judges
    config: TinyBenchConfig
    partial: PartialResults
    options: BenchOptions
    subjects: list[Labelled] = field(default_factory=list[Labelled])


def bench_tiny(options: BenchOptions, *, config: TinyBenchConfig | None = None) -> BenchReport:
    """Measure VAE, prompts, trait classifier, landmarks and speed.

    Args:
        options: How to run.
        config: How much to measure; None decides by `options.quick`.

    Raises:
        WeightsError: A model is missing or damaged.
    """
    config = config or (QUICK if options.quick else TinyBenchConfig())
    backbone = load_backbone(options.models or EMBEDDED_MODELS)
    folder = options.out / f"{options.stem('tiny')}.partial"
    partial = PartialResults(folder, fingerprint=f"{backbone.model_hash} {config}")
    subjects = held_out_subjects(max(config.renders, config.prompts))
    bench = _Bench(
        backbone=backbone,
        judges=load_judges(),
        config=config,
        partial=partial,
        options=options,
        subjects=subjects,
    )
    renders = _measure_renders(bench)
    drawn = _measure_prompts(bench)
    hits = hits_of(drawn)
    seconds = cast("list[float]", partial.once("seconds", lambda: _time_pictures(bench)))
    figures = (
        *_render_figures(renders),
        *_prompt_figures(hits, config),
        *failure_kinds(drawn),
        _speed_figure(seconds),
    )
    stem = options.out / options.stem("tiny")
    captions = [_caption(bench.subjects[i])[0] for i in range(config.prompts)]
    notes = (
        save_first(partial, captions[: config.shown], Path(f"{stem}.png")),
        save_failures(partial, drawn, Path(f"{stem}-failures.png")),
    )
    partial.forget()
    return BenchReport(name="tiny", figures=figures, quick=options.quick, notes=notes)


def held_out_subjects(count: int) -> list[Labelled]:
    """Give each held-out person one random shot."""
    subjects: list[Labelled] = []
    for number, person in enumerate(held_out_people(count)):
        rng = np.random.default_rng((_SHOT_SEED, number))
        shot = sample_shot(rng, person.style)
        subjects.append(Labelled(person_id=number, person=person, shot=shot))
    return subjects


def true_traits(subject: Labelled) -> dict[str, str]:
    """Return what a perfect classifier would read; a hair colour that nothing shows is left out."""
    person, shot = subject.person, subject.shot
    values = {
        "style": person.style,
        "hair": person.hair,
        "hair_color": person.hair_color,
        "skin": person.skin,
        "facial_hair": person.facial_hair,
        "glasses": person.glasses,
        "clothes": person.clothes,
        "clothes_color": person.clothes_color,
        "expression": shot.expression,
        "background": shot.background,
        "framing": shot.framing,
        "tilt": seen_tilt(shot),
    }
    return {trait: values[trait] for trait in visible_traits(values, tuple(values))}


def rates(hits: Mapping[str, Sequence[bool]]) -> dict[str, float]:
    """Return each trait's share of hits; without trials there is no rate."""
    return {trait: mean([float(hit) for hit in found]) for trait, found in hits.items() if found}


def _chunks(count: int, size: int) -> list[range]:
    return [range(start, min(count, start + size)) for start in range(0, count, size)]


def _measure_renders(bench: _Bench) -> list[dict[str, object]]:
    """Send renders of the world through VAE, classifier and detector."""
    ticker = Ticker("renders", total=bench.config.renders, on_progress=bench.options.on_progress)
    found: list[dict[str, object]] = []
    for rows in _chunks(bench.config.renders, bench.config.chunk):
        key = f"renders-{rows.start}"
        remembered = bench.partial.has(key)
        measured = bench.partial.once(key, lambda rows=rows: _render_chunk(bench, rows))
        found += cast("list[dict[str, object]]", measured)
        ticker.step(steps=len(rows), remembered=remembered)
    return found


@torch.no_grad()
def _render_chunk(bench: _Bench, rows: range) -> list[dict[str, object]]:
    subjects = [bench.subjects[i] for i in rows]
    height, _ = bench.backbone.image_size
    pictures = [Image.fromarray(render(one.person, one.shot, size=height)) for one in subjects]
    decoded = bench.backbone.decode(bench.backbone.encode(to_tensor(pictures)))
    levels = (decoded * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    again = [Image.fromarray(picture) for picture in levels]
    points = bench.judges.landmarks(pictures)
    clean, read = bench.judges.read(pictures), bench.judges.read(again)
    measured: list[dict[str, object]] = []
    for i, subject in enumerate(subjects):
        one, other = to_array(pictures[i]), to_array(again[i])
        truth = landmarks(subject.person, subject.shot, size=height)
        off = float(np.linalg.norm(points[i] - truth, axis=-1).mean())
        true = true_traits(subject)
        measured.append(
            {
                "psnr": psnr(one, other),
                "mouth": psnr(one, other, box=mouth_box(subject.person, subject.shot, size=height)),
                "lab": lab_error(one, other),
                "landmarks": 100 * off / height,
                "clean": found_traits(clean[i], true),
                "decoded": found_traits(read[i], true),
            }
        )
    return measured


def _measure_prompts(bench: _Bench) -> list[DrawnPrompt]:
    """Draw captions and read in the pictures what they named."""
    ticker = Ticker("prompts", total=bench.config.prompts, on_progress=bench.options.on_progress)
    drawn: list[DrawnPrompt] = []
    for rows in _chunks(bench.config.prompts, bench.config.chunk):
        key = f"prompts-{rows.start}"
        remembered = bench.partial.has(key)
        measured = bench.partial.once(key, lambda rows=rows: _prompt_chunk(bench, rows, ticker))
        drawn += cast("list[DrawnPrompt]", measured)
        ticker.step(steps=len(rows), remembered=remembered)
    return drawn


def hits_of(drawn: Sequence[DrawnPrompt]) -> dict[str, list[bool]]:
    """Return for each trait whether it was drawn, once for each time that it was named."""
    hits: dict[str, list[bool]] = {}
    for one in drawn:
        for trait, hit in one["found"].items():
            hits.setdefault(trait, []).append(hit)
    return hits


def _prompt_chunk(bench: _Bench, rows: range, ticker: Ticker) -> list[DrawnPrompt]:
    worded = [_caption(bench.subjects[i]) for i in rows]
    requests = [_row(bench, text, i) for (text, _), i in zip(worded, rows, strict=True)]
    pictures = [
        Image.fromarray(picture)
        for picture in draw(bench.backbone, requests, max_rows=4, on_step=ticker.touch)
    ]
    measured: list[DrawnPrompt] = []
    for i, picture, reading, (_, named) in zip(
        rows, pictures, bench.judges.read(pictures), worded, strict=True
    ):
        bench.partial.keep_picture(f"prompt-{i}", picture)
        found = found_traits(reading, named)
        missed = [f"{reading[trait]}, not {named[trait]}" for trait, hit in found.items() if not hit]
        measured.append({"number": i, "found": found, "missed": missed})
    return measured


def _caption(subject: Labelled) -> tuple[str, dict[str, str]]:
    rng = np.random.default_rng((_CAPTION_SEED, subject.person_id))
    return named_traits(subject.person, subject.shot, rng)


def _row(bench: _Bench, text: str, number: int) -> RenderRow:
    config = bench.config
    return RenderRow(
        prompt=text,
        seed=_NOISE_SEED + number,
        num_inference_steps=config.steps,
        guidance_scale=config.guidance,
    )


def _time_pictures(bench: _Bench) -> list[float]:
    """Draw pictures alone; the first one only warms up."""
    ticker = Ticker("seconds", total=bench.config.timed + 1, on_progress=bench.options.on_progress)
    seconds: list[float] = []
    for number in range(bench.config.timed + 1):
        started = time.monotonic()
        draw(bench.backbone, [_row(bench, _caption(bench.subjects[number])[0], number)])
        seconds.append(time.monotonic() - started)
        ticker.step()
    return seconds[1:]


def _render_figures(renders: list[dict[str, object]]) -> tuple[Figure, ...]:
    means = {key: mean([cast("float", one[key]) for one in renders]) for key in _RENDER_KEYS}
    read: dict[str, float] = {}
    for kind in _READ:
        hits: dict[str, list[bool]] = {}
        for one in renders:
            for trait, hit in cast("dict[str, bool]", one[kind]).items():
                hits.setdefault(trait, []).append(hit)
        read[kind] = 100 * mean(list(rates(hits).values()))
    return (
        Figure(name="VAE PSNR", value=means["psnr"], unit="dB", target=36),
        Figure(name="VAE PSNR in the mouth box", value=means["mouth"], unit="dB", target=30),
        Figure(name="VAE colour error (CIE Lab)", value=means["lab"], target=2.5, bound="most"),
        Figure(name="traits read in clean renders", value=read["clean"], unit="%", target=99),
        Figure(name="traits read after the VAE", value=read["decoded"], unit="%", target=99),
        Figure(name="landmark error", value=means["landmarks"], unit="% of width", target=1.5, bound="most"),
    )


def _prompt_figures(hits: Mapping[str, Sequence[bool]], config: TinyBenchConfig) -> tuple[Figure, ...]:
    """Tell the mean over traits, the hardest, expressions and backgrounds, then each trait."""
    told = {trait: hits[trait] for trait in hits if len(hits[trait]) >= config.fewest}
    found = rates({trait: told[trait] for trait in told if trait not in _NOT_IN_TRAITS})
    hardest = min(found, key=lambda trait: found[trait], default="")
    return (
        Figure(name="named traits drawn, mean", value=100 * mean(list(found.values())), unit="%", target=92),
        Figure(
            name=f"named traits drawn, hardest ({hardest})",
            value=100 * found.get(hardest, float("nan")),
            unit="%",
            target=85,
        ),
        *(_trait_figure(trait, told.get(trait, ()), target=92) for trait in _NOT_IN_TRAITS),
        *(_trait_figure(trait, told[trait]) for trait in sorted(found)),
    )


def failure_kinds(drawn: Sequence[DrawnPrompt]) -> tuple[Figure, ...]:
    """Tell the most frequent failures, each as its share of all pictures, the largest first."""
    kinds = Counter(kind for one in drawn for kind in one["missed"])
    largest = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:_MOST_KINDS]
    return tuple(
        Figure(name=f"  failure: {kind}", value=100 * count / len(drawn), unit="% of pictures")
        for kind, count in largest
    )


def _trait_figure(trait: str, hits: Sequence[bool], *, target: float | int | None = None) -> Figure:
    low, high = wilson_interval(sum(hits), len(hits))
    name = f"{trait}s drawn" if trait in _NOT_IN_TRAITS else f"  {trait} ({len(trait_values(trait))} values)"
    value = 100 * mean([float(hit) for hit in hits])
    return Figure(name=name, value=value, unit="%", target=target, interval=(100 * low, 100 * high))


def _speed_figure(seconds: Sequence[float]) -> Figure:
    value = statistics.median(seconds)
    return Figure(name="seconds a picture", value=value, unit="s", target=1.5, bound="most")
