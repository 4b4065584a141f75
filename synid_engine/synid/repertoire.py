"""What a base model draws by name: poses and shapes of pictures. Plain data, the same for every process."""

from dataclasses import dataclass
from pathlib import Path

from synid_engine.errors import (
    InvalidSettingError,
    NoPoseControlError,
    NoPoseEstimatorError,
    NotDeclaredError,
)
from synid_engine.pose.body import Body
from synid_engine.pose.estimator_folder import ESTIMATOR, can_estimate
from synid_engine.pose.library import NAMED_POSES

_CONTROLNET = "controlnet/config.json"
_ONE_POSE = "left out beside the pose of a picture"
_NO_POSE = "left out where no pose is asked for"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A shape of pictures, in pixels; whole latent cells."""

    name: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repertoire:
    """What a base model declares; by default nothing, which leaves everything to the prompt.

    Attributes:
        poses: Words that the base model understands, or names of maps that hold it to a pose, in the order in
            which they are offered.
        shapes: The first is the one that it draws when nobody says.
        has_pose_maps: Whether poses are maps: any body can be asked for, and how strictly it is kept to.
        reads_poses: Whether the pose of a picture that somebody brings can be read.
    """

    poses: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()
    has_pose_maps: bool = False
    reads_poses: bool = False

    def choices(self) -> dict[str, tuple[str, ...]]:
        """Return what there is to choose from, by option; one shape alone is no choice."""
        shapes = self._shape_names()
        return {"pose": self.poses, "shape": shapes if len(shapes) > 1 else ()}

    def hidden_options(self) -> frozenset[str]:
        """Return the options that nobody is shown, because there is nothing to choose."""
        empty = {option for option, names in self.choices().items() if not names}
        unusable = {"pose_strength": not self.has_pose_maps, "pose_image": not self.reads_poses}
        return frozenset(empty | {option for option, is_hidden in unusable.items() if is_hidden})

    def wanted_body(self, *, pose: str, body: Body | None, strength: float | None) -> Body | None:
        """Return the body that a request holds a picture to; None leaves the pose to the prompt.

        Args:
            pose: A declared pose, or empty.
            body: A pose of one's own, or none.
            strength: As it was asked for; None is no wish.

        Raises:
            NotDeclaredError: There is no such pose.
            NoPoseControlError: The base model cannot be held to a body.
            InvalidSettingError: There are both a declared pose and a body, or a strength without either.
        """
        self.require(pose=pose, shape="")
        if body is not None:
            self.require_pose_maps()
        self.require_strength(strength, is_posed=bool(pose) or body is not None)
        if body is not None and pose:
            raise InvalidSettingError(field="pose", value=pose, allowed=_ONE_POSE)
        return NAMED_POSES[pose] if pose and self.has_pose_maps else body

    def require_strength(self, strength: float | None, *, is_posed: bool) -> None:
        """Refuse a strength that would do nothing; None is no wish.

        Raises:
            NoPoseControlError: The base model cannot be held to a pose.
            InvalidSettingError: No pose is asked for.
        """
        if strength is None:
            return
        self.require_pose_maps()
        if not is_posed:
            raise InvalidSettingError(field="pose strength", value=strength, allowed=_NO_POSE)

    def require_pose_maps(self) -> None:
        """Refuse a body, or a strength of poses, where poses are words.

        Raises:
            NoPoseControlError: They are, or there are none.
        """
        if not self.has_pose_maps:
            raise NoPoseControlError

    def require_pose_reading(self) -> None:
        """Refuse a picture that shall show a pose.

        Raises:
            NoPoseControlError: The base model cannot be held to one.
            NoPoseEstimatorError: Nothing here can read one.
        """
        self.require_pose_maps()
        if not self.reads_poses:
            raise NoPoseEstimatorError

    def require(self, *, pose: str, shape: str) -> None:
        """Refuse names that are not declared; an empty one is no wish.

        Raises:
            NotDeclaredError: There is no such pose or shape.
        """
        for field, name, declared in (("pose", pose, self.poses), ("shape", shape, self._shape_names())):
            if name and name not in declared:
                raise NotDeclaredError(field=field, value=name, declared=declared)

    def shape(self, name: str) -> Shape | None:
        """Return the shape of this name; None if there is none."""
        return next((one for one in self.shapes if one.name == name), None)

    def _shape_names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.shapes)


def folder_repertoire(folder: Path) -> Repertoire:
    """Return what a base model of this folder declares: the named poses, if it has a ControlNet for them."""
    if not (folder / _CONTROLNET).is_file():
        return Repertoire()
    return Repertoire(
        poses=tuple(NAMED_POSES), has_pose_maps=True, reads_poses=can_estimate(folder / ESTIMATOR)
    )


def posed(prompt: str, pose: str) -> str:
    """Return a prompt that says the pose, if there is one, before all else: what is said first wins."""
    return f"{pose}, {prompt}" if pose else prompt
