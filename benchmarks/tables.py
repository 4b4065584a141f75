"""Put what the benches printed into the tables of the pages.

Run: `python benchmarks/tables.py`, after a result was put into `benchmarks/results`. With `--check` nothing
is written, and the exit code tells whether the tables are those of the results.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", ROOT / "MODEL_CARD.md", ROOT / "docs" / "figures.md")
_TABLE = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
_LARGE = 1000
_VERDICTS = {True: "yes", False: "no", None: ""}
_STEPS = ("A single anchor", "B + ensemble", "C + bootstrap and drift", "D + adapter")
_MEASURES = (
    ("same character, face traits", "same character"),
    ("expressions and scenes followed", "followed"),
    ("face likeness to portrait", "face likeness"),
    ("picture likeness (CLIP-I)", "CLIP-I"),
    ("creation", "creation"),
)
_COSTS = (
    ("same character, face traits", "same character (95 %)"),
    ("same character, clothes too", "clothes too (95 %)"),
    ("expressions and scenes followed", "followed (95 %)"),
    ("learning", "learning"),
    ("kept", "kept"),
)
_HEADLINES = (
    (
        "identity",
        "same character of the ceiling, face traits",
        "the same face, of what real drawings of one person reach",
    ),
    (
        "identity",
        "following, of that without identity",
        "prompts followed, of what is followed without a character",
    ),
    ("identity", "told apart from others (AUC)", "told apart from other characters (AUC)"),
    ("identity", "creation, mean", "a character is learned in"),
    ("tiny", "expressions drawn", "expressions that come out as asked"),
    (
        "serving",
        "8 rows of 8 characters / of one character",
        "8 pictures of 8 characters / of one character, time",
    ),
    (
        "serving",
        "pictures a minute, queue of 32 / pipeline one by one",
        "pictures a minute: the queue / the stock pipeline",
    ),
    (
        "serving",
        "a picture while a creation runs / alone, p95",
        "a picture while a character is learned / alone, p95",
    ),
    ("bot", "acknowledged, p99", "a thousand interactions in a minute: acknowledged, p99"),
    ("moderation", "harmless pictures withheld, threshold 0.8", "harmless pictures withheld"),
)
_PUBLISHED = {  # SynID's README: CLIP identity and pairwise consistency
    "Woman (brunette)": ("0.952", "0.944"),
    "Elderly man": ("0.951", "0.943"),
    "Anime girl": ("0.966", "0.954"),
    "Young man": ("0.941", "0.953"),
    "Woman (redhead)": ("0.963", "0.941"),
}

Figures = dict[str, dict[str, Any]]


def plain(name: str, *, command: str) -> str:
    """Show what a command printed, as it is."""
    path = RESULTS / f"{name}.txt"
    if not path.exists():
        return unmeasured(command)
    return f"\n```\n{path.read_text(encoding='utf-8').rstrip()}\n```\n\nPrinted by `{command}`.\n"


def measured_table(name: str, *, command: str) -> str:
    """Tell figures, where they have been measured."""
    if not any((RESULTS / f"{name}{ending}.json").exists() for ending in ("", "-quick")):
        return unmeasured(command)
    return bench_table(name, command=command)


def unmeasured(command: str) -> str:
    """Say what is missing."""
    return f"\nNo result is kept yet; `{command}` prints it.\n"


def load(name: str) -> tuple[Figures, bool]:
    """Read a result: the full one where there is one, else the quick one, and say which."""
    full = RESULTS / f"{name}.json"
    path = full if full.exists() else RESULTS / f"{name}-quick.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    return {figure["name"]: figure for figure in report["figures"]}, bool(report["quick"])


def number(value: float | None) -> str:
    """Round as a reader wants it."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= _LARGE else f"{value:.3g}"


def cell(figure: dict[str, Any]) -> str:
    """Write a value with its unit and its interval."""
    text = f"{number(figure['value'])} {figure['unit']}".strip()
    ends = figure.get("interval_95")
    return f"{text} ({number(ends[0])} to {number(ends[1])})" if ends else text


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]], *, quick: bool, command: str) -> str:
    """Lay a table out, with the command that prints it under it."""
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ("---",) * len(heads), *rows)]
    note = f"`{command}{' --quick' if quick else ''}`"
    if quick:
        note += ", fewer pictures than the targets are meant for"
    return "\n".join(["", *lines, "", f"Printed by {note}.", ""])


def bench_table(name: str, *, command: str = "") -> str:
    """Tell each figure beside its target."""
    figures, quick = load(name)
    rows: list[tuple[str, ...]] = []
    for title, one in figures.items():
        if ": CLIP" not in title and ": face likeness" not in title:
            target = "" if one["target"] is None else number(one["target"])
            rows.append((title.strip(), cell(one), target, _VERDICTS[one["holds"]]))
    heads = ("figure", "value (95 %)", "target", "holds")
    return table(heads, rows, quick=quick, command=command or f"synid bench {name}")


def memory_table() -> str:
    """Tell the plan of each known card; this machine's own is nobody else's."""
    sys.path.insert(0, str(ROOT))
    from bot.memory_table import COLUMNS, card_plans  # noqa: PLC0415  (the script runs without an installation)
    from synid_engine.runtime.sd15_memory import CARDS  # noqa: PLC0415

    rows = [plan.to_row() for plan in card_plans() if plan.card in CARDS]
    return table(("card", *COLUMNS[1:]), rows, quick=False, command="synid doctor")


def headline_table() -> str:
    """Tell the figures that matter most, in plain words."""
    rows: list[tuple[str, ...]] = []
    for name, figure, words in _HEADLINES:
        one = {title.strip(): value for title, value in load(name)[0].items()}[figure]
        rows.append((words, cell(one), number(one["target"]), _VERDICTS[one["holds"]]))
    return table(("what", "value (95 %)", "target", "holds"), rows, quick=False, command="synid bench NAME")


def ablation_table() -> str:
    """Tell each step in a row."""
    figures, quick = load("ablation")
    rows = [(step, *(cell(figures[f"{step}: {name}"]) for name, _ in _MEASURES)) for step in _STEPS]
    heads = ("step", *(title for _, title in _MEASURES))
    return table(heads, rows, quick=quick, command="synid ablate")


def comparison_table() -> str:
    """Tell each way in a row."""
    if not any((RESULTS / f"compare{ending}.json").exists() for ending in ("", "-quick")):
        return unmeasured("synid bench compare")
    figures, quick = load("compare")
    ways = list(dict.fromkeys(name.split(": ")[0] for name in figures))
    rows = [(way, *(cell(figures[f"{way}: {name}"]) for name, _ in _COSTS)) for way in ways]
    heads = ("way", *(title for _, title in _COSTS))
    return table(heads, rows, quick=quick, command="synid bench compare")


def synid_table() -> str:
    """Put SynID's five characters beside ours; those that were not drawn are left open."""
    figures, quick = load("identity")

    def ours(name: str, what: str) -> str:
        figure = figures.get(f"  {name}: {what}")
        return number(figure["value"]) if figure else "-"

    rows = [
        (name, *published, ours(name, "CLIP identity"), ours(name, "CLIP pairs"), ours(name, "face likeness"))
        for name, published in _PUBLISHED.items()
    ]
    heads = (
        "character",
        "SynID, CLIP identity",
        "SynID, pairwise",
        "here, CLIP identity",
        "here, pairwise",
        "here, held-out face likeness",
    )
    return table(heads, rows, quick=quick, command="synid bench identity")


TABLES: dict[str, Callable[[], str]] = {
    "headline": headline_table,
    "memory": memory_table,
    "tiny": lambda: bench_table("tiny"),
    "identity": lambda: bench_table("identity"),
    "ablation": ablation_table,
    "compare": comparison_table,
    "synid": synid_table,
    "warm": lambda: bench_table("warm-start"),
    "serving": lambda: measured_table("serving", command="synid bench serving"),
    "speed": lambda: measured_table("gpu", command="synid bench gpu"),
    "bot": lambda: measured_table("bot", command="synid bench bot"),
    "moderation": lambda: measured_table("moderation", command="synid bench moderation"),
    "busy": lambda: plain("busy-machine", command="python benchmarks/busy_machine.py"),
    "faults": lambda: plain("faults", command="make test-kill"),
}


def renewed(text: str) -> str:
    """Return a page with its tables written anew."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = 0
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = renewed(before)
        if before != after:
            stale += 1
            if not is_check:
                page.write_text(after, encoding="utf-8")
    return int(is_check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
