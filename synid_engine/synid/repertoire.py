"""What a base model draws by name: poses and shapes of pictures. Plain data, the same for every process."""

from dataclasses import dataclass

from synid_engine.errors import NotDeclaredError


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
        poses: Words that the base model understands, in the order in which they are offered.
        shapes: The first is the one that it draws when nobody says.
    """

    poses: tuple[str, ...] = ()
    shapes: tuple[Shape, ...] = ()

    def choices(self) -> dict[str, tuple[str, ...]]:
        """Return what there is to choose from, by option; one shape alone is no choice."""
        shapes = self._shape_names()
        return {"pose": self.poses, "shape": shapes if len(shapes) > 1 else ()}

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


def posed(prompt: str, pose: str) -> str:
    """Return a prompt that says the pose, if there is one, before all else: what is said first wins."""
    return f"{pose}, {prompt}" if pose else prompt
