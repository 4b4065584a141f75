"""How large the weights of a folder are once they are loaded, told by the beginnings of their files."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from synid_engine.errors import DamagedModelError

_HALF = ".fp16."
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # as safetensors has it


def loaded_bytes(folder: Path, *, number_bytes: int) -> int:
    """Return the bytes that the safetensors files of a folder take in memory.

    Args:
        folder: Of one model; what is not there counts nothing. Files in half precision beside others are the
            same weights again.
        number_bytes: Of each number, in the format that it is loaded in.

    Raises:
        DamagedModelError: A file is not of this format.
    """
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if _HALF not in file.name]
    return number_bytes * sum(_numbers(file) for file in plain or files)


def stored_bytes(files: Iterable[Path]) -> int:
    """Return the sizes of those of these files that are there."""
    return sum(file.stat().st_size for file in files if file.is_file())


def _numbers(file: Path) -> int:
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
            if length > _LONGEST_HEADER:
                raise ValueError("its header has no end")  # noqa: TRY301  (one kind of damage among others)
            header = cast("Mapping[str, Any]", json.loads(opened.read(length)))
        shapes = [one["shape"] for name, one in header.items() if name != "__metadata__"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedModelError(folder=file.parent, part=file.name, detail=str(error)) from error
    return sum(math.prod(shape) for shape in shapes)
