"""`python -m tests.faults`: many random faults, and a table of what came of them."""

import argparse
import asyncio
import itertools
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from synid_engine.serving.messages import MOST_ATTEMPTS, JobState

from .kit import make_kit
from .lives import Life, Story, tell
from .plan import Fault, plan


async def run(folder: Path, faults: Sequence[Fault], *, lanes: int, silence_s: float) -> list[Story]:
    """Share the faults among houses that live side by side."""
    kit = make_kit(folder / "kit", silence_s=silence_s)
    began, lived = time.monotonic(), itertools.count(1)

    def follow(life: Life) -> None:
        count, seconds = next(lived), time.monotonic() - began
        left = seconds / count * (len(faults) - count)
        line = f"{seconds:6.0f} s  {count} of {len(faults)}, about {left:.0f} s left: {life.fault.family}\n"
        sys.stderr.write(line)

    houses = [
        tell(folder / f"{lane}", kit, faults[lane::lanes], is_deadly=lane == 0, on_life=follow)
        for lane in range(lanes)
    ]
    return list(await asyncio.gather(*houses))


def summary(stories: Sequence[Story], *, seed: int, seconds: float) -> str:
    """Return the table."""
    lives = [life for story in stories for life in story.lives]
    rows = [("what went wrong", "times", "struck", "longest life")]
    for family in dict.fromkeys(
        life.fault.family for life in sorted(lives, key=lambda one: one.fault.family)
    ):
        of_it = [life for life in lives if life.fault.family == family]
        struck = sum(life.has_struck for life in of_it)
        rows.append((family, f"{len(of_it)}", f"{struck}", f"{max(life.seconds for life in of_it):.1f} s"))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    ends: Counter[str] = Counter()
    for story in stories:
        ends.update(story.ends)
    deadly = [story.deadly for story in stories if story.deadly is not None]
    faults = [fault for story in stories for fault in story.faults]
    lines += [
        "",
        f"{len(lives)} faults (seed {seed}), {seconds:.0f} s,"
        f" {sum(story.starts for story in stories)} starts of the coordinator",
        "every request, order and report was sent twice",
        f"{ends.total()} jobs: {', '.join(f'{count} {state}' for state, count in sorted(ends.items()))}",
        *(f"a job that kills every engine: {state} after {attempts} engines" for state, attempts in deadly),
        f"lost, doubled or left over: {len(faults)}",
        *faults,
    ]
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Run and print; the exit code is 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="0 draws one")
    parser.add_argument("--lanes", type=int, default=2, help="houses side by side")
    parser.add_argument("--silence-s", type=float, default=8.0, help="more on a busy machine")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything, which is then kept")
    parser.add_argument("--out", type=Path, help="a file for the table, besides printing it")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # houses end with it, as with Ctrl-C
    seed = given.seed or time.time_ns() % 1_000_000
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="synid-faults-") as temporary:
        folder = Path(given.keep or temporary)
        stories = asyncio.run(
            run(folder, plan(seed, given.points), lanes=given.lanes, silence_s=given.silence_s)
        )
    told = summary(stories, seed=seed, seconds=time.monotonic() - began) + "\n"
    sys.stdout.write(told)
    if given.out is not None:
        given.out.write_text(told, encoding="utf-8")
    is_well = all(not story.faults and story.exit_code == 0 for story in stories)
    is_well &= [story.deadly for story in stories if story.deadly] == [(JobState.FAILED, MOST_ATTEMPTS)]
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
