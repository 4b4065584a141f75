"""A finished character and its folder: `bank.safetensors`, `profile.json`, and PNG pictures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from PIL import Image, UnidentifiedImageError

from synid_engine.errors import CorruptTensorError, MissingTensorError, TensorWriteError
from synid_engine.identity.bank import IdentityBank

_SCHEMA_VERSION = 1
_MOST_ANCHORS = 100


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Character:
    """Somebody who can be drawn again.

    Attributes:
        name: For people.
        description: The words that it was made from.
        bank: What the engine draws it with, in half precision.
        portrait: The canonical picture.
        anchors: The pictures that it was learnt from.
        scores: Figures of its making.
        report: What its making decided and could not do.
        not_drawn: Words of the description that the base model cannot draw.
        style: Art style; empty if none was asked for.
        seed: Of its making.
        model_id: The base model, for people.
        created_at: UTC time in ISO 8601.
    """

    name: str
    description: str
    bank: IdentityBank
    portrait: Image.Image
    anchors: tuple[Image.Image, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    report: Mapping[str, object] = field(default_factory=dict[str, object])
    not_drawn: tuple[str, ...] = ()
    style: str = ""
    seed: int = 0
    model_id: str = ""
    created_at: str = field(default_factory=_now)

    def save(self, folder: str | Path) -> None:
        """Write the character's files into a folder, which is made if absent.

        Raises:
            TensorWriteError: The system refused.
        """
        root = Path(folder)
        try:
            (root / "anchors").mkdir(parents=True, exist_ok=True)
            self.portrait.save(root / "portrait.png")
            for number, anchor in enumerate(self.anchors):
                anchor.save(root / "anchors" / f"{number}.png")
            self.bank.save(root / "bank.safetensors")
            text = json.dumps(self._profile(), indent=2, ensure_ascii=False, allow_nan=False)
            (root / "profile.json").write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise TensorWriteError(path=root, reason=error.strerror or type(error).__name__) from error

    @classmethod
    def load(cls, folder: str | Path, *, model_hash: str) -> "Character":
        """Read a character that was made with this base model.

        Raises:
            MissingTensorError: A file is not there.
            CorruptTensorError: A file is damaged.
            BaseModelMismatchError: It was made with another base model.
        """
        root = Path(folder)
        profile = _read_profile(root / "profile.json")
        bank = IdentityBank.load(root / "bank.safetensors", model_hash=model_hash)
        report = _mapping(profile.get("report"))
        words = report.get("not_drawn", ())
        paths = (root / "anchors" / f"{number}.png" for number in range(_MOST_ANCHORS))
        seed = profile.get("seed", 0)
        return cls(
            name=str(profile["name"]),
            description=str(profile.get("description") or ""),
            bank=bank,
            portrait=_read_picture(root / "portrait.png"),
            anchors=tuple(_read_picture(path) for path in paths if path.is_file()),
            scores={
                key: float(value)
                for key, value in _mapping(profile.get("scores")).items()
                if isinstance(value, (int, float))
            },
            report={key: value for key, value in report.items() if key != "not_drawn"},
            not_drawn=tuple(map(str, cast("list[object]", words))) if isinstance(words, list) else (),
            style=str(profile.get("style") or ""),
            seed=seed if isinstance(seed, int) else 0,
            model_id=str(profile.get("model_id") or ""),
            created_at=str(profile.get("created_at") or ""),
        )

    def _profile(self) -> dict[str, object]:
        return {
            "schema_version": _SCHEMA_VERSION,
            "name": self.name,
            "description": self.description,
            "style": self.style,
            "seed": self.seed,
            "created_at": self.created_at,
            "model_id": self.model_id,
            "model_hash": self.bank.model_hash,
            "scores": dict(self.scores),
            "report": {**self.report, "not_drawn": list(self.not_drawn)},
        }


def _read_profile(path: Path) -> dict[str, object]:
    try:
        loaded: object = json.loads(path.read_bytes())
    except OSError as error:
        raise MissingTensorError(path=path) from error
    except (ValueError, RecursionError) as error:
        raise CorruptTensorError(path=path, detail="it is not JSON") from error
    profile = _mapping(loaded)
    if not isinstance(profile.get("name"), str) or not isinstance(profile.get("model_hash"), str):
        raise CorruptTensorError(path=path, detail="it names no character or no base model")
    return profile


def _mapping(value: object) -> dict[str, object]:
    return dict(cast("dict[str, object]", value)) if isinstance(value, dict) else {}


def _read_picture(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except (UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CorruptTensorError(path=path, detail="it is no picture") from error
    except OSError as error:
        if path.is_file():
            raise CorruptTensorError(path=path, detail="it is no whole picture") from error
        raise MissingTensorError(path=path) from error
