"""Folders that an engine loads: each has a base model and its companions by links to the models' folders.

A model that several sets share lies on the disk once. Knows files, not tensors.
"""

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from storage.files import disk_errors, move_folder, sync_folder, write_whole
from storage.model_errors import ModelNameTakenError, OwnSetTakenError
from storage.models import RECORD_FILE
from storage.swept_scratch import swept_scratch
from synid_engine.runtime.model_spec import SetPart

BASES = "bases"
_SCRATCH = ".scratch"
_BASE_PARTS = (
    "feature_extractor",
    "model_index.json",
    "safety_checker",
    "scheduler",
    "text_encoder",
    "text_encoder_2",
    "tokenizer",
    "tokenizer_2",
    "unet",
    "vae",
)
_NAME = re.compile("[a-z0-9][a-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBase:
    """A base model that somebody brought along.

    Attributes:
        path: Its folder, in diffusers' layout.
        source: What it was made from: the folder itself, or a checkpoint in one file.
        source_sha256: Of that file; empty for a folder.
    """

    path: Path
    source: Path
    source_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposedSet:
    """A folder of links, as recorded in it.

    Attributes:
        name: Its own.
        of: The set that it is, or whose companions it has.
        own_base: None where the base is the set's.
        model_hash: SHA-256 of its base model when it was put together.
    """

    name: str
    of: str
    model_hash: str
    own_base: OwnBase | None = None


class SetFolders:
    """The sets under a store's folder."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    @property
    def scratch(self) -> Path:
        """Where to lay what is not finished, on the same disk."""
        return self._root / _SCRATCH

    def folder_of(self, name: str) -> Path:
        """Return where a set of this name lies or would lie."""
        return self._root / name

    def base_folder_of(self, name: str) -> Path:
        """Return where the base of a set is kept that was made from one file."""
        return self._root / BASES / name

    def record_of(self, name: str) -> ComposedSet | None:
        """Return what a set's folder says of itself; None if there is no such set."""
        try:
            fields = json.loads((self.folder_of(name) / RECORD_FILE).read_text("utf-8"))
            own = cast("dict[str, str] | None", fields["own_base"])
            base = None
            if own is not None:
                base = OwnBase(
                    path=Path(own["path"]), source=Path(own["source"]), source_sha256=own["source_sha256"]
                )
            of, model_hash = str(fields["set"]), str(fields["model_hash"])
            return ComposedSet(name=name, of=of, model_hash=model_hash, own_base=base)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def all(self) -> Iterator[ComposedSet]:
        """Yield the sets that are here, by name."""
        for path in sorted(self._root.glob("*/")):
            found = self.record_of(path.name)
            if found is not None:
                yield found

    def require_free(self, name: str, *, taken: Collection[str], source: Path) -> None:
        """Find out whether somebody's own set can have this name; one with the same base may be replaced.

        Args:
            name: The name.
            taken: Names of published models and sets.
            source: What the base is made from.

        Raises:
            ModelNameTakenError: A published model or set has it, or no folder could.
            OwnSetTakenError: A set has it whose base is made from something else that is still there.
        """
        own = self.record_of(name)
        is_other = self.folder_of(name).exists() and (own is None or own.own_base is None)
        if not _NAME.fullmatch(name) or name in taken or name == BASES or is_other:
            raise ModelNameTakenError(name=name)
        if own is None or own.own_base is None or own.own_base.source == source:
            return
        if own.own_base.source.exists():
            raise OwnSetTakenError(name=name, source=own.own_base.source)

    def put(
        self, record: ComposedSet, parts: Collection[SetPart], files: Mapping[str, bytes], *, base: Path
    ) -> Path:
        """Make or replace a set's folder.

        Args:
            record: What it is.
            parts: Its companions, each a folder in this store; a part without a place is passed over.
            files: What is written into it besides, by place.
            base: The base model's folder.

        Returns:
            The folder.

        Raises:
            DiskFullError: There is no room.
            UnwritableError: The folder may not be written.
        """
        final = self.folder_of(record.name)
        links = {Path(name): base / name for name in _BASE_PARTS if (base / name).exists()}
        links |= {Path(one.place): self._root / one.model / one.folder for one in parts if one.place}
        with swept_scratch(self.scratch) as scratch:
            folder = scratch / "set"
            for place, target in links.items():
                near = target.is_relative_to(self._root)
                to = Path(os.path.relpath(target, (final / place).parent)) if near else target
                with disk_errors(folder / place):
                    (folder / place).parent.mkdir(parents=True, exist_ok=True)
                    (folder / place).symlink_to(to)
            for place, data in {**files, RECORD_FILE: _as_json(record)}.items():
                write_whole(folder / place, data)
            with disk_errors(final):
                if final.exists():
                    final.rename(scratch / "old")
                folder.rename(final)
                sync_folder(self._root)
        return final

    def put_base(self, name: str, made: Path) -> Path:
        """Keep a base made in a scratch folder in the place of an earlier one. Errors as in `put`."""
        final = self.base_folder_of(name)
        with disk_errors(final):
            if final.exists():
                shutil.rmtree(final)
        move_folder(made, final)
        return final


def _as_json(record: ComposedSet) -> bytes:
    own = record.own_base
    fields = {
        "set": record.of,
        "model_hash": record.model_hash,
        "own_base": None
        if own is None
        else {"path": str(own.path), "source": str(own.source), "source_sha256": own.source_sha256},
    }
    return f"{json.dumps(fields, ensure_ascii=False, indent=2)}\n".encode()
