"""What the recipes of the small networks share: one loop, checkpoints, averaged weights, recorded figures."""

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from synid_engine.perception.network_file import load_network, save_network
from synid_engine.tiny.training import Budget, MovingAverage, autocast, pick_device, set_rate

_SAVE_EVERY_S, _SHOW_EVERY_S = 60, 20


def add_arguments(
    parser: argparse.ArgumentParser, *, minutes: float, batch: int, learning_rate: float, seed: int
) -> None:
    """Add the options that every recipe has."""
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True, help="JSON file for the measured quality")
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--lr", type=float, default=learning_rate)
    parser.add_argument("--seed", type=int, default=seed)


def load_or_build(folder: Path, architecture: str, build: Callable[[], nn.Module]) -> nn.Module:
    """Take the shipped weights where they are, else new ones."""
    if not (folder / "config.json").exists():
        return build()
    network = load_network(folder, kinds=(architecture,), device=torch.device("cpu")).network
    return network.requires_grad_(requires_grad=True)


@dataclass(slots=True, kw_only=True)
class PerceptionRun:
    """One training run: precision, time, optimiser, averaged weights, checkpoints.

    Attributes:
        heads: Further modules that are trained and thrown away, such as class centres.
    """

    arguments: argparse.Namespace
    device: torch.device
    generator: torch.Generator
    order: np.random.Generator
    heads: nn.Module = field(default_factory=nn.Module)
    budget: Budget | None = None
    _average: MovingAverage | None = None
    _optimizer: torch.optim.Optimizer | None = None
    _parameters: list[nn.Parameter] = field(default_factory=list[nn.Parameter])
    _loss: float = 0.0

    @classmethod
    def start(cls, arguments: argparse.Namespace) -> "PerceptionRun":
        """Choose the device; seed the weights, the pictures' order and the augmentations."""
        cast("Any", torch).manual_seed(arguments.seed)
        return cls(
            arguments=arguments,
            device=pick_device(),
            generator=torch.Generator().manual_seed(arguments.seed),
            order=np.random.default_rng(arguments.seed),
        )

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, channels last."""
        return cast("Any", network).to(self.device, memory_format=torch.channels_last)

    def rows(self, usable: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw the pictures of one batch."""
        return self.order.choice(usable, size=int(self.arguments.batch))

    @property
    def fraction(self) -> float:
        """How much of the time is spent, 0 to 1."""
        return 0.0 if self.budget is None else self.budget.fraction

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """Use bf16 where the hardware has it."""
        return autocast(self.device)

    def steps(self, network: nn.Module, config: Mapping[str, object]) -> Iterator[int]:
        """Count steps until the minutes are spent, saving the averaged weights every minute."""
        self._average = MovingAverage(network, decay=0.998)
        self._parameters = [*network.parameters(), *self.heads.parameters()]
        self._optimizer = torch.optim.AdamW(
            self._parameters, lr=self.arguments.lr, weight_decay=0.01, betas=(0.9, 0.98)
        )
        self.budget = Budget(minutes=self.arguments.minutes, learning_rate=self.arguments.lr)
        shown = saved = time.monotonic()
        for step in self.budget.steps():
            set_rate(self._optimizer, self.budget.rate(step))
            yield step
            if step % 4 == 0:
                self._average.update(network)
            if time.monotonic() - shown > _SHOW_EVERY_S:
                shown = time.monotonic()
                print(f"{self.budget.fraction:.0%} step {step} loss {self._loss:.4f}", flush=True)  # noqa: T201
            if time.monotonic() - saved > _SAVE_EVERY_S:
                saved = time.monotonic()
                with self._average.applied_to(network):
                    self.save(network, config)
        network.load_state_dict(self._average.shadow)

    def learn(self, loss: Tensor) -> None:
        """Take one step down this loss; the learning rate was set when the step was counted."""
        if self._optimizer is None:
            raise RuntimeError("learn() belongs inside steps()")
        self._optimizer.zero_grad(set_to_none=True)
        cast("Any", loss).backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, 5.0)
        self._optimizer.step()
        self._loss = 0.98 * self._loss + 0.02 * float(loss.detach())

    def save(self, network: nn.Module, config: Mapping[str, object]) -> None:
        """Write the network as it will be shipped."""
        save_network(self.arguments.out, network, config)

    def finish(self, network: nn.Module, config: Mapping[str, object], figures: Mapping[str, object]) -> None:
        """Save the averaged weights and write the figures down."""
        self.save(network, config)
        record(self.arguments.figures, figures)


def record(path: Path, figures: Mapping[str, object]) -> None:
    """Print measured figures and keep them as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name}: {value}", flush=True)  # noqa: T201
