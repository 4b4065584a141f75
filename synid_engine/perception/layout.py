"""Which models a base model's perception consists of, and where they are: `perception.json`.

A folder of perception describes its three parts in this file, each by a kind and a folder, which is absolute
or starts from the file's own. So a base model from the hub can share one CLIP and one pack of face models
with others:

    {
      "clip": {"kind": "clip", "folder": "../../clip-vit-large-patch14"},
      "face_detector": {"kind": "scrfd", "folder": "../../buffalo_l"},
      "face_encoder": {"kind": "arcface", "folder": "../../buffalo_l"}
    }

A folder without the file has the layout of the embedded model: its parts are the folders `clip`,
`face_detector` and `face_encoder`, all of this project's own kinds. Knows nothing about how a part is loaded.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError

LAYOUT_NAME = "perception.json"
CLIP, EMBEDDED, SCRFD, YUNET, ARCFACE = "clip", "embedded", "scrfd", "yunet", "arcface"
_KINDS: Mapping[str, tuple[str, ...]] = {
    "clip": (CLIP,),
    "face_detector": (EMBEDDED, SCRFD, YUNET),
    "face_encoder": (EMBEDDED, ARCFACE),
}
"""What each part can be; the first is what a folder without the file holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptionPart:
    """One model: `kind` says how it is loaded, and `folder` where it is."""

    kind: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptionLayout:
    """The three parts.

    Attributes:
        clip: `clip`, in the hub's layout.
        face_detector: `embedded`, `scrfd` from a pack of insightface's layout, or `yunet` of OpenCV Zoo.
        face_encoder: `embedded`, or `arcface` from such a pack.
    """

    clip: PerceptionPart
    face_detector: PerceptionPart
    face_encoder: PerceptionPart


def read_layout(folder: str | Path) -> PerceptionLayout:
    """Read which parts a folder of perception has.

    Raises:
        MissingModelError: The folder is not there.
        DamagedModelError: The file is no description of the three parts.
        UnsupportedModelError: A part is of a kind that nobody here can load.
    """
    root = Path(folder)
    if not root.is_dir():
        raise MissingModelError(folder=root.parent, part=root.name)
    path = root / LAYOUT_NAME
    try:
        described: object = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return _layout({part: PerceptionPart(kind=_KINDS[part][0], folder=root / part) for part in _KINDS})
    except (OSError, ValueError) as error:
        raise DamagedModelError(folder=root, part=LAYOUT_NAME, detail=str(error)) from error
    if not isinstance(described, dict) or set(cast("dict[str, object]", described)) != set(_KINDS):
        detail = f"it must describe {', '.join(_KINDS)} and nothing else"
        raise DamagedModelError(folder=root, part=LAYOUT_NAME, detail=detail)
    parts = cast("dict[str, object]", described)
    return _layout({part: _part(root, part, value) for part, value in parts.items()})


def write_layout(folder: str | Path, layout: PerceptionLayout) -> None:
    """Write the description; folders are kept as ways from `folder`, so both can move together."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    parts = {name: cast("PerceptionPart", getattr(layout, name)) for name in _KINDS}
    described = {
        name: {"kind": part.kind, "folder": Path(os.path.relpath(part.folder, root)).as_posix()}
        for name, part in parts.items()
    }
    (root / LAYOUT_NAME).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _part(root: Path, name: str, value: object) -> PerceptionPart:
    given = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    kind, folder = given.get("kind"), given.get("folder")
    if len(given) != 2 or not isinstance(kind, str) or not isinstance(folder, str):  # noqa: PLR2004 - the two
        detail = f"{name} must have a kind and a folder"
        raise DamagedModelError(folder=root, part=LAYOUT_NAME, detail=detail)
    if kind not in _KINDS[name]:
        feature = f"{name} of the kind {kind}, not {' or '.join(_KINDS[name])}, in {LAYOUT_NAME}"
        raise UnsupportedModelError(folder=root, feature=feature)
    return PerceptionPart(kind=kind, folder=root / folder)


def _layout(parts: Mapping[str, PerceptionPart]) -> PerceptionLayout:
    return PerceptionLayout(
        clip=parts["clip"], face_detector=parts["face_detector"], face_encoder=parts["face_encoder"]
    )
