"""How far a creation is, in one file, so that a crash costs a few steps and not all.

The file is safetensors with a JSON tree in its header: no pickle, and only the dataclasses named here come
back. A fingerprint of everything that a creation depends on (words, configuration, seed, base model) stands
in it; a file of another creation is not used.
"""

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from synid_engine.errors import CorruptTensorError, TensorWriteError
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.bank_file import write_durably
from synid_engine.synid.adapter import Adapted, UnfinishedAdapter
from synid_engine.synid.bootstrap import Bootstrapped, SelectedPictures, UnfinishedBootstrap
from synid_engine.synid.checkpoint import Checkpoint, every_25_steps
from synid_engine.synid.drift import DriftCorrection, DriftRounds, UnfinishedDrift
from synid_engine.synid.embeds import IdentityReference, PictureEmbeds
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.optimiser import LossScale
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.probes import ProbeScore
from synid_engine.synid.projector import Projection
from synid_engine.synid.stopping import Looks
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.training_state import TrainingState

FORMAT = "synid-checkpoint-4"
_PICTURE_AXES = 4
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Adapted,
        AnchorEnsemble,
        Bootstrapped,
        Checkpoint,
        DriftCorrection,
        DriftRounds,
        IdentityBank,
        IdentityReference,
        Looks,
        LossScale,
        PictureEmbeds,
        ProbeScore,
        Projection,
        SelectedPictures,
        TrainingPictures,
        TrainingState,
        UnfinishedAdapter,
        UnfinishedBootstrap,
        UnfinishedDrift,
    )
}


def fingerprint(
    *, description: str, style: str | None, seed: int, config: DistillConfig, model_hash: str
) -> str:
    """Name a creation: two have one name when they would do the same work."""
    parts = (description, style, seed, repr(config), model_hash)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@runtime_checkable
class CheckpointKeeper(Protocol):
    """Where a creation's checkpoints go, and where it goes on from."""

    def load(self, name: str) -> Checkpoint | None:
        """Return what an earlier attempt at the creation of this fingerprint left.

        Raises:
            CorruptTensorError: It is damaged.
        """
        ...

    def is_due(self, steps: int) -> bool:
        """Tell whether to keep a state within a stage, so many training steps after the last one."""
        ...

    def keep(self, name: str, checkpoint: Checkpoint) -> None:
        """Keep what is done so far; what it raises ends the creation.

        Raises:
            TensorWriteError: It cannot be written.
        """
        ...

    def finish(self) -> None:
        """Forget all: the creation is done."""
        ...


@dataclass(frozen=True, slots=True)
class NoKeeper:
    """Keeps nothing."""

    def load(self, name: str) -> Checkpoint | None:
        """Return nothing."""

    def is_due(self, steps: int) -> bool:
        """Never."""
        return False

    def keep(self, name: str, checkpoint: Checkpoint) -> None:
        """Do nothing with it."""

    def finish(self) -> None:
        """Have nothing to forget."""


@dataclass(frozen=True, slots=True)
class FileKeeper:
    """Keeps the newest checkpoint in one file, which is deleted at the end."""

    path: Path

    def load(self, name: str) -> Checkpoint | None:
        """Read the file."""
        return read_checkpoint(self.path, name=name)

    def is_due(self, steps: int) -> bool:
        """Keep a state every 25 steps."""
        return every_25_steps(steps)

    def keep(self, name: str, checkpoint: Checkpoint) -> None:
        """Replace the file."""
        write_checkpoint(self.path, checkpoint, name=name)

    def finish(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def write_checkpoint(path: Path, checkpoint: Checkpoint, *, name: str) -> None:
    """Replace the file whole or not at all.

    Args:
        path: The file; its folder is made if absent.
        checkpoint: What is done so far.
        name: The creation's fingerprint.

    Raises:
        TensorWriteError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TensorWriteError(path=path, reason=error.strerror or type(error).__name__) from error
    write_durably(path, checkpoint_bytes(checkpoint, name=name))


def checkpoint_bytes(checkpoint: Checkpoint, *, name: str) -> bytes:
    """Return the content of the file of a creation with this fingerprint."""
    tensors: dict[str, Tensor] = {}
    tree = json.dumps(_pack(checkpoint, tensors))
    return save(tensors, metadata={"format": FORMAT, "name": name, "tree": tree})


def read_checkpoint(path: Path, *, name: str) -> Checkpoint | None:
    """Read what is done; None if there is no file, or it belongs to another creation.

    Raises:
        CorruptTensorError: The file is damaged.
    """
    if not path.exists():
        return None
    try:
        with cast("Any", safe_open)(str(path), framework="pt", device="cpu") as file:
            header = cast("dict[str, str]", file.metadata() or {})
            if header.get("format") != FORMAT or header.get("name") != name:
                return None
            tensors = {key: cast("Tensor", file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
        found = _unpack(json.loads(header["tree"]), tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptTensorError(path=path, detail=str(error)) from error
    if not isinstance(found, Checkpoint):
        raise CorruptTensorError(path=path, detail="not a checkpoint")
    return found


def _pack(value: object, tensors: dict[str, Tensor]) -> object:
    """Turn a value into JSON, with every tensor moved into `tensors`."""
    if isinstance(value, Tensor):
        key = f"t{len(tensors)}"
        tensors[key] = value.detach().to("cpu").clone(memory_format=torch.contiguous_format)
        strided = value.ndim == _PICTURE_AXES and not value.is_contiguous()
        return {"tensor": key, "channels_last": strided}
    if is_dataclass(value) and type(value).__name__ in _TYPES:
        packed = {field.name: _pack(getattr(value, field.name), tensors) for field in fields(value)}
        return {"type": type(value).__name__, "fields": packed}
    if isinstance(value, tuple):
        return {"tuple": [_pack(item, tensors) for item in cast("tuple[object, ...]", value)]}
    if isinstance(value, dict):
        items = cast("dict[str, object]", value)
        return {"mapping": {key: _pack(item, tensors) for key, item in items.items()}}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}")


def _unpack(node: object, tensors: dict[str, Tensor]) -> object:
    if not isinstance(node, dict):
        return node
    tree = cast("dict[str, Any]", node)
    if "tensor" in tree:
        layout = torch.channels_last if tree["channels_last"] else torch.contiguous_format
        # A copy lies aligned in memory, and so is summed in the same order as before it was written.
        return tensors[tree["tensor"]].clone(memory_format=layout)
    if "type" in tree:
        values = {key: _unpack(item, tensors) for key, item in tree["fields"].items()}
        return _TYPES[tree["type"]](**values)
    if "tuple" in tree:
        return tuple(_unpack(item, tensors) for item in tree["tuple"])
    return {key: _unpack(item, tensors) for key, item in tree["mapping"].items()}
