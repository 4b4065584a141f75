"""Render the training pictures once, into memory-mapped shards beside their labels.

People are split by seed: everyone in a training shard comes from `TRAIN_SEED`, and evaluation draws from
`EVAL_SEED`, then removes whoever happens to equal a training person.

Run: `python -m synid_engine.tiny.dataset --out DATA --people 10000 --shots 4 --workers 2`
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synid_engine.tiny.world import IMAGE_SIZE, Person, Shot, render, sample_person, sample_shot

TRAIN_SEED = 20_260
EVAL_SEED = 77_770_001
SHARD_PEOPLE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One rendered picture's exact description."""

    person_id: int
    person: Person
    shot: Shot


def sample_people(seed: int, first: int, count: int, shots: int) -> Iterator[Labelled]:
    """Yield the pictures of people `first .. first + count`; each depends on the seed and its number."""
    for person_id in range(first, first + count):
        rng = np.random.default_rng((seed, person_id))
        person = sample_person(rng)
        for _ in range(shots):
            yield Labelled(person_id=person_id, person=person, shot=sample_shot(rng, person.style))


def held_out_people(count: int, *, train_people: int = 20_000) -> list[Person]:
    """Sample people that no training shard can hold."""
    seen = {sample_person(np.random.default_rng((TRAIN_SEED, i))) for i in range(train_people)}
    people: list[Person] = []
    i = 0
    while len(people) < count:
        person = sample_person(np.random.default_rng((EVAL_SEED, i)))
        if person not in seen:
            people.append(person)
        i += 1
    return people


def write_shard(folder: Path, index: int, shots: int, size: int) -> int:
    """Render one shard unless it is there already, and say how many pictures it holds."""
    target = folder / f"{index:04d}.npy"
    labels = list(sample_people(TRAIN_SEED, index * SHARD_PEOPLE, SHARD_PEOPLE, shots))
    if target.exists():
        return len(labels)
    pictures = np.stack([render(item.person, item.shot, size=size) for item in labels])
    partial = folder / f"{index:04d}.part.npy"
    np.save(partial, pictures)
    partial.rename(target)
    rows = [
        {"person_id": item.person_id, "person": asdict(item.person), "shot": asdict(item.shot)}
        for item in labels
    ]
    target.with_suffix(".json").write_text(json.dumps(rows), encoding="utf-8")
    return len(labels)


def open_shards(folder: Path) -> tuple[list[NDArray[np.uint8]], list[Labelled]]:
    """Map every finished shard.

    Returns:
        The pictures, one (N, H, W, 3) memory map a shard, and their labels in the same order.
    """
    shards: list[NDArray[np.uint8]] = []
    labels: list[Labelled] = []
    for path in sorted(folder.glob("[0-9][0-9][0-9][0-9].npy")):
        if not path.with_suffix(".json").exists():
            continue
        shards.append(np.load(path, mmap_mode="r"))
        rows = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        labels.extend(
            Labelled(person_id=row["person_id"], person=Person(**row["person"]), shot=Shot(**row["shot"]))
            for row in rows
        )
    return shards, labels


def _job(task: tuple[Path, int, int, int]) -> int:
    return write_shard(*task)


def main() -> None:
    """Render the shards with worker processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--size", type=int, default=IMAGE_SIZE)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    tasks = [
        (arguments.out, i, arguments.shots, arguments.size)
        for i in range(-(-arguments.people // SHARD_PEOPLE))
    ]
    started, done = time.monotonic(), 0
    with multiprocessing.Pool(arguments.workers) as pool:
        for count in pool.imap(_job, tasks):
            done += count
            rate = done / (time.monotonic() - started)
            print(f"{done} pictures, {rate:.0f}/s", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
