"""Show `synid models` at a hub on this machine that behaves well and badly: python -m tests.show_models."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.cli import run
from bot.model_hub import HubConfig
from synid_engine.runtime.model_table import MODELS

from .hub import FakeHub, Manners, fill, hub_in_a_thread

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def _nothing(hub: FakeHub) -> None:
    hub.manners = Manners()


def _slow(hub: FakeHub) -> None:
    hub.manners = Manners(wait_s=0.05, piece=1 << 12)


def _cut(hub: FakeHub) -> None:
    hub.manners = Manners(cut_after={_WEIGHTS: 20_000})


def _cut_at_once(hub: FakeHub) -> None:
    hub.manners = Manners(cut_after={_WEIGHTS: 0})


def _corrupted(hub: FakeHub) -> None:
    hub.manners = Manners(corrupt={_WEIGHTS})


def _other(hub: FakeHub) -> None:
    _nothing(hub)
    spec = MODELS["yunet"]
    hub.files[spec.repo, spec.files[0].path] += b"other"


def _gone(hub: FakeHub) -> None:
    _nothing(hub)
    del hub.files[MODELS["clip-vit-l14"].repo, "vocab.json"]


def _refused(hub: FakeHub) -> None:
    hub.manners = Manners(refused={MODELS["lcm-lora"].repo})


def _offline(hub: FakeHub) -> None:
    _nothing(hub)
    os.environ["HF_HUB_OFFLINE"] = "1"


def _online(hub: FakeHub) -> None:
    fill(hub)
    _nothing(hub)
    os.environ["HF_HUB_OFFLINE"] = "0"


def _damaged(hub: FakeHub) -> None:
    _nothing(hub)
    path = Path(os.environ["SYNID_MODEL_STORE"]) / "taesd" / _WEIGHTS
    path.write_bytes(path.read_bytes()[:-1] + b"?")


_SHOWN: tuple[tuple[str, Callable[[FakeHub], None], tuple[str, ...]], ...] = (
    ("nothing is here", _nothing, ("list",)),
    ("breaks off before anything came", _cut_at_once, ("pull", "taesd")),
    ("sends a wrong byte", _corrupted, ("pull", "taesd")),
    ("breaks off every 20 kB", _cut, ("pull", "taesd")),
    ("sends something else than the table says", _other, ("pull", "yunet")),
    ("lacks a file", _gone, ("pull", "clip-vit-l14")),
    ("refuses a repository", _refused, ("pull", "lcm-lora")),
    ("offline", _offline, ("pull", "sd15")),
    ("research only", _online, ("pull", "buffalo_l")),
    ("accepted", _nothing, ("pull", "buffalo_l", "--accept")),
    ("pickles", _nothing, ("pull", "openpose", "--accept")),
    ("slow", _slow, ("pull", "control-openpose")),
    ("whole", _nothing, ("verify", "taesd")),
    ("a byte changes on the disk", _damaged, ("verify", "taesd")),
    ("pulled again", _nothing, ("pull", "taesd")),
    ("where it is", _nothing, ("path", "taesd")),
    ("good", _nothing, ("pull", "sd15")),
    ("the whole set", _nothing, ("path", "sd15")),
)


def main() -> None:
    """Print each command, what the hub does meanwhile, and what a person reads."""
    with tempfile.TemporaryDirectory() as folder, hub_in_a_thread() as hub:
        table = fill(hub)
        MODELS.update(table)  # a dict, made to fit the hub
        os.environ |= {"HF_ENDPOINT": hub.endpoint, "SYNID_MODEL_STORE": folder, "HF_HUB_OFFLINE": "0"}
        HubConfig.__init__.__kwdefaults__["wait_s"] = 0.0
        for words, behave, command in _SHOWN:
            behave(hub)
            sys.stdout.write(f"\n== the hub: {words}\n$ synid models {' '.join(command)}\n")
            sys.stdout.flush()
            code = run(("models", *command))
            sys.stderr.flush()
            sys.stdout.write(f"exit code {code}\n")


if __name__ == "__main__":
    main()
