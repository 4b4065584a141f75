"""What a published model is: where it lies on a hub, which of its files are used, what its licence allows.

Plain data. Knows nothing about networks, disks or tensors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Literal, TypeAlias, get_args

from synid_engine.errors import InvalidSettingError

NO_LICENCE = "none stated"
"""What a model has whose authors name no licence."""

_SHA256 = re.compile("[0-9a-f]{64}")
_COMMIT = re.compile("[0-9a-f]{40}")
_NAME = re.compile("[a-z0-9][a-z0-9._-]*")
_MOST_FEW, _MOST_GUIDANCE = 50, 20

FewStepMethod: TypeAlias = Literal["ddim_trailing", "lcm"]
"""What few-step adapters are trained for: DDIM that begins at the noisiest timestep, or LCM's own steps."""
PICKLES = frozenset({".bin", ".ckpt", ".pkl", ".pt", ".pth"})
"""How the names of files end that could run anything when they are read."""


class LicenceClass(StrEnum):
    """What a licence lets a server owner do."""

    PERMISSIVE = "permissive"
    USE_RESTRICTED = "use-restricted"
    RESEARCH_ONLY = "research-only"


class ModelRole(StrEnum):
    """What a model is for."""

    BASE = "base"
    POSE_CONTROL = "pose control"
    CLIP = "picture and text encoder"
    FACE_DETECTOR = "face detector"
    FACE_ENCODER = "face recogniser"
    POSE_DETECTOR = "pose detector"
    PREVIEW = "preview decoder"
    FEW_STEPS = "few-step adapter"
    PICTURE_JUDGE = "picture judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a repository.

    Attributes:
        path: Where it lies in the repository.
        instead: Another path that serves as well, for repositories that have only that one; or empty.
        saved_as: Where it lies in the model's own folder; empty where that is its path.
        size: Bytes; None where nobody here has seen the file.
        sha256: In hexadecimal; likewise.
    """

    path: str
    instead: str = ""
    saved_as: str = ""
    size: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        for path in (self.path, self.instead, self.saved_as):
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise InvalidSettingError(field="path", value=path, allowed="a path within the repository")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise InvalidSettingError(field="sha256", value=self.sha256, allowed="64 hexadecimal digits")

    @property
    def candidates(self) -> tuple[str, ...]:
        """The paths to try, in order."""
        return (self.path, self.instead) if self.instead else (self.path,)

    @property
    def is_pickle(self) -> bool:
        """Whether reading it could run whatever its author put in."""
        return PurePosixPath(self.path).suffix in PICKLES

    def place_of(self, path: str) -> str:
        """Return where the candidate `path` lies in the model's own folder."""
        return self.saved_as or path

    @property
    def places(self) -> tuple[str, ...]:
        """Where it can lie in the model's own folder."""
        return tuple(dict.fromkeys(self.place_of(path) for path in self.candidates))


@dataclass(frozen=True, slots=True, kw_only=True)
class FewStepSchedule:
    """How a few-step adapter is drawn with, by those who published it.

    Attributes:
        steps: Denoising steps of a picture.
        guidance_scale: 1 draws without guidance.
        noise_scheduler: The method that it was trained for.
    """

    steps: int
    guidance_scale: float
    noise_scheduler: FewStepMethod

    def __post_init__(self) -> None:
        if self.steps not in range(1, _MOST_FEW + 1):
            raise InvalidSettingError(field="steps", value=self.steps, allowed=f"1 to {_MOST_FEW}")
        if not 1 <= self.guidance_scale <= _MOST_GUIDANCE:
            allowed = f"1 to {_MOST_GUIDANCE}"
            raise InvalidSettingError(field="guidance_scale", value=self.guidance_scale, allowed=allowed)
        if self.noise_scheduler not in get_args(FewStepMethod):
            allowed = ", ".join(get_args(FewStepMethod))
            raise InvalidSettingError(field="noise_scheduler", value=self.noise_scheduler, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A published model.

    Attributes:
        name: Short, unique, and the name of its folder here.
        role: What it is for.
        repo: Its repository on the hub.
        revision: A commit, or a branch where no commit is known here.
        files: What is used of it.
        licence: Its name, as published.
        licence_class: What that allows; research-only models have to be accepted by name.
        about: One line for people.
        few_steps: How a few-step adapter is drawn with; None for all else.
    """

    name: str
    role: ModelRole
    repo: str
    revision: str
    files: tuple[ModelFile, ...]
    licence: str
    licence_class: LicenceClass
    about: str
    few_steps: FewStepSchedule | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidSettingError(field="name", value=self.name, allowed="small letters and digits")

    @property
    def size(self) -> int | None:
        """Bytes of all files, as far as they are known; None if none is."""
        known = [file.size for file in self.files if file.size is not None]
        return sum(known) if known else None

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit."""
        return _COMMIT.fullmatch(self.revision) is not None

    @property
    def needs_acceptance(self) -> bool:
        """Whether somebody must say that the licence suits them."""
        return self.licence_class is LicenceClass.RESEARCH_ONLY

    @property
    def has_pickles(self) -> bool:
        """Whether it is published only in a form that is never read here."""
        return any(file.is_pickle for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPart:
    """A model and its place in the folder of a set; the base's place is empty, the folder itself.

    Attributes:
        place: Where.
        model: Its name.
        folder: Of the model, what is put there; empty for all of it.
    """

    place: str
    model: str
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptionPart:
    """What perceives in a set: how it is loaded, and its folder within the set's `perception`."""

    kind: str
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSet:
    """Models that make one product together, as one folder that an engine loads.

    Attributes:
        name: Unique among sets and models.
        parts: Its models, the base first.
        perception: What finds and knows faces and compares pictures with words; written down in the folder.
        about: One line for people.
    """

    name: str
    parts: tuple[SetPart, ...]
    perception: Mapping[str, PerceptionPart]
    about: str
