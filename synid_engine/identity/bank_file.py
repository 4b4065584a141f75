"""The file of a bank: safetensors, exact, written whole or not at all, refused when anything is odd.

A bank's numbers come from strangers' archives, so every name, shape and value is checked before use.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from synid_engine.errors import CorruptTensorError, MissingTensorError, TensorWriteError

FORMAT = "synid.identity-bank"
VERSION = "1"
LARGEST_FILE = 64 * 2**20
_GROUPS = ("keys", "values", "null_keys", "null_values")
_CHANGES = ("downs", "ups")
_TOKENS = ("identity_tokens", "null_tokens")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BankContent:
    """What the file holds: named tensors (`keys/LAYER`, ...), the base model's hash and short texts."""

    tensors: Mapping[str, Tensor]
    model_hash: str
    metadata: Mapping[str, str]


def bank_bytes(content: BankContent) -> bytes:
    """Return the content of a bank's file."""
    header = {"format": FORMAT, "version": VERSION, "model_hash": content.model_hash}
    header["metadata"] = json.dumps(dict(content.metadata), ensure_ascii=False, sort_keys=True)
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in content.tensors.items()}
    return save(tensors, metadata=header)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file whole or not at all.

    Raises:
        TensorWriteError: The system refused; whatever was at `path` is untouched.
    """
    temporary = path.with_name(f".tmp-{uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise TensorWriteError(path=path, reason=error.strerror or str(error)) from error


def read_bank(path: Path) -> BankContent:
    """Read and check a bank.

    Raises:
        MissingTensorError: There is no readable file.
        CorruptTensorError: It is not a whole, well-formed bank.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise MissingTensorError(path=path) from error
    if size > LARGEST_FILE:
        raise CorruptTensorError(path=path, detail=f"{size} bytes, of which {LARGEST_FILE} are allowed")
    try:
        with cast("Any", safe_open)(str(path), framework="pt", device="cpu") as file:
            header = cast("dict[str, str]", file.metadata() or {})
            names = cast("list[str]", list(file.keys()))
            tensors = {name: cast("Tensor", file.get_tensor(name)) for name in names}
    except SafetensorError as error:
        raise CorruptTensorError(path=path, detail=str(error)) from error
    except OSError as error:
        raise MissingTensorError(path=path) from error
    fault = _header_fault(header) or _tensor_fault(tensors)
    if fault:
        raise CorruptTensorError(path=path, detail=fault)
    return BankContent(
        tensors=tensors, model_hash=header["model_hash"], metadata=_texts(header.get("metadata", "{}")) or {}
    )


def _header_fault(header: Mapping[str, str]) -> str:
    if header.get("format") != FORMAT:
        return f"not an identity bank but {header.get('format', 'unnamed tensors')!r}"
    if header.get("version") != VERSION:
        return f"version {header.get('version')!r}, where {VERSION!r} is known"
    if not header.get("model_hash"):
        return "no base model named"
    return "" if _texts(header.get("metadata", "{}")) is not None else "metadata is not short texts"


def _texts(text: str) -> dict[str, str] | None:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    items = cast("dict[str, object]", value)
    return cast("dict[str, str]", items) if all(isinstance(item, str) for item in items.values()) else None


def _tensor_fault(tensors: Mapping[str, Tensor]) -> str:
    layers = [name.removeprefix("keys/") for name in tensors if name.startswith("keys/")]
    changed = [name.removeprefix("downs/") for name in tensors if name.startswith("downs/")]
    expected = {f"{group}/{layer}" for group in _GROUPS for layer in layers} | set(_TOKENS)
    expected |= {f"{group}/{projection}" for group in _CHANGES for projection in changed}
    if not layers or set(tensors) != expected:
        odd = sorted(set(tensors) ^ expected)
        return f"tensors missing or unknown: {', '.join(odd[:3]) or 'all'}"
    for name, tensor in tensors.items():
        if tensor.ndim != 2 or not tensor.is_floating_point():  # noqa: PLR2004
            return f"{name} is not a floating-point matrix"
        if not bool(torch.isfinite(tensor.float()).all()):
            return f"{name} has values that are not finite"
    for projection in changed:
        if tensors[f"downs/{projection}"].shape[0] != tensors[f"ups/{projection}"].shape[0]:
            return f"{projection} has a change of two ranks"
    return _shape_fault(tensors, layers)


def _shape_fault(tensors: Mapping[str, Tensor], layers: list[str]) -> str:
    count = tensors[f"keys/{layers[0]}"].shape[0]
    for layer in layers:
        shapes = {tuple(tensors[f"{group}/{layer}"].shape) for group in _GROUPS}
        if len(shapes) != 1 or next(iter(shapes))[0] != count or count == 0:
            return f"{layer} has keys and values of different shapes"
    widths = {tensors[name].shape[1] for name in _TOKENS}
    return "" if len(widths) == 1 else "identity tokens and null tokens differ in width"


def _sync_folder(folder: Path) -> None:
    """Make the new name durable; not every system lets a folder be opened."""
    with suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
