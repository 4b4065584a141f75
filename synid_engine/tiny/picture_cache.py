"""Half-size copies of the training pictures in one file, and freshly drawn people that no training saw.

Perception works at 128 pixels and below, so it never needs the large pictures again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synid_engine.tiny.captions import seen_tilt
from synid_engine.tiny.dataset import Labelled, held_out_people, open_shards
from synid_engine.tiny.world import face_box, landmarks, render, sample_shot, trait_values

SIDE = 128
TRAITS = (
    "style",
    "hair",
    "hair_color",
    "skin",
    "facial_hair",
    "glasses",
    "clothes",
    "clothes_color",
    "expression",
    "background",
    "framing",
    "tilt",
)
CLASSES = {trait: len(trait_values(trait)) for trait in TRAITS}
_SHOT_TRAITS = ("expression", "background", "framing")
_SHOT_SEED = 4_141


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureSet:
    """Pictures of 128 pixels with all that is known about them."""

    pictures: NDArray[np.uint8]
    labels: list[Labelled]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: NDArray[np.int64] | list[int], device: torch.device) -> Tensor:
        """Return (batch, 3, 128, 128) in 0..1, channels last in memory."""
        chosen = torch.as_tensor(np.ascontiguousarray(self.pictures[rows]))
        return chosen.to(device).permute(0, 3, 1, 2).float() / 255

    def geometry(self) -> Tensor:
        """Return (pictures, 14): face box and landmarks as parts of the side."""
        rows = [
            np.concatenate([face_box(i.person, i.shot, size=1), landmarks(i.person, i.shot, size=1).ravel()])
            for i in self.labels
        ]
        return torch.as_tensor(np.stack(rows).astype(np.float32))

    def person_ids(self) -> Tensor:
        """Return the number of each picture's person."""
        return torch.tensor([item.person_id for item in self.labels])

    def trait_labels(self) -> Tensor:
        """Return (pictures, traits): the number of each trait's value, -1 where it cannot be seen."""
        return trait_numbers(self.labels)


def trait_numbers(labels: Sequence[Labelled]) -> Tensor:
    """Return (pictures, traits): the number of each trait's value, -1 where it cannot be seen."""
    numbers = {trait: {value: i for i, value in enumerate(trait_values(trait))} for trait in TRAITS}
    return torch.tensor([[numbers[t].get(_value(item, t), -1) for t in TRAITS] for item in labels])


def open_pictures(data: Path, cache: Path) -> PictureSet:
    """Map the half-size copies of all finished shards, making them where they are missing."""
    shards, labels = open_shards(data)
    path = cache / f"pictures-{SIDE}-{len(labels)}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npy")
        copies = np.lib.format.open_memmap(partial, "w+", np.uint8, (len(labels), SIDE, SIDE, 3))
        first = 0
        for shard in shards:
            for start in range(0, len(shard), 100):
                block = np.asarray(shard[start : start + 100])
                copies[first : first + len(block)] = _halve(block)
                first += len(block)
        copies.flush()
        partial.rename(path)
    return PictureSet(pictures=np.load(path, mmap_mode="r"), labels=labels)


def open_held_out(cache: Path, *, people: int = 200, shots: int = 4) -> PictureSet:
    """Draw people outside the training set, `shots` pictures each, one after another."""
    labels: list[Labelled] = []
    for number, person in enumerate(held_out_people(people)):
        rng = np.random.default_rng((_SHOT_SEED, number))
        labels += [
            Labelled(person_id=number, person=person, shot=sample_shot(rng, person.style))
            for _ in range(shots)
        ]
    path = cache / f"held-out-{SIDE}-{people}x{shots}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, _halve(np.stack([render(item.person, item.shot) for item in labels])))
    return PictureSet(pictures=np.load(path), labels=labels)


def _halve(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, height, width, _ = pictures.shape
    blocks = pictures.reshape(count, height // 2, 2, width // 2, 2, 3).astype(np.uint16)
    return ((blocks.sum(axis=(2, 4)) + 2) // 4).astype(np.uint8)


def _value(item: Labelled, trait: str) -> str:
    if trait == "hair_color" and not item.person.shows_hair_color:
        return ""
    if trait == "tilt":
        return seen_tilt(item.shot)
    return str(getattr(item.shot if trait in _SHOT_TRAITS else item.person, trait))
