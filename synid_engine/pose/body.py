"""The eighteen joints of a body as plain data, in the order of OpenPose. Knows no picture and no network."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

JOINTS = (
    "nose",
    "neck",
    "right shoulder",
    "right elbow",
    "right wrist",
    "left shoulder",
    "left elbow",
    "left wrist",
    "right hip",
    "right knee",
    "right ankle",
    "left hip",
    "left knee",
    "left ankle",
    "right eye",
    "left eye",
    "right ear",
    "left ear",
)
"""Right and left are the person's own."""
LIMBS = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
"""The joints at the ends of each, in the order in which they are drawn."""

_TWINS = (0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16)
_FAR = 10.0  # frames beside the frame; nothing is seen that far out

Share = Annotated[float, Field(ge=-_FAR, le=_FAR, allow_inf_nan=False)]
Point = tuple[Share, Share]
Joints = Annotated[tuple[Point | None, ...], Field(min_length=len(JOINTS), max_length=len(JOINTS))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Where the joints of one person are in a frame.

    Attributes:
        joints: In the order of `JOINTS`: shares of the frame's width and height, from its upper left corner;
            outside of 0..1 is outside of the frame. None is hidden or unknown.
        aspect: Width of the frame divided by its height.
    """

    joints: Joints
    aspect: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0

    @property
    def seen(self) -> tuple[Point | None, ...]:
        """The joints within the frame."""
        return tuple(
            joint if joint is not None and 0 <= joint[0] < 1 and 0 <= joint[1] < 1 else None
            for joint in self.joints
        )

    @property
    def has_limb(self) -> bool:
        """Whether the frame shows more than single joints."""
        seen = self.seen
        return any(seen[first] is not None and seen[second] is not None for first, second in LIMBS)

    @property
    def area(self) -> float:
        """What the joints within the frame span, in squares of its height; tells who is nearest."""
        seen = [joint for joint in self.seen if joint is not None]
        if not seen:
            return 0.0
        across, down = [x for x, _ in seen], [y for _, y in seen]
        return (max(across) - min(across)) * self.aspect * (max(down) - min(down))

    def mirrored(self) -> "Body":
        """Return the body as a mirror shows it: the other hand is raised, on the other side."""
        flipped = [None if joint is None else (1.0 - joint[0], joint[1]) for joint in self.joints]
        return Body(joints=tuple(flipped[twin] for twin in _TWINS), aspect=self.aspect)

    def placed(self, width: int, height: int) -> tuple[tuple[float, float] | None, ...]:
        """Return the joints in pixels of a picture that holds the whole frame, in its middle.

        Where the picture is longer than the frame, it shows what lies beside it. A joint outside of the
        picture is None, as it is to whoever looks for joints in a picture.
        """
        frame_height = min(float(height), width / self.aspect)
        frame_width = frame_height * self.aspect
        left, top = (width - frame_width) / 2, (height - frame_height) / 2
        pixels = (
            None if joint is None else (left + joint[0] * frame_width, top + joint[1] * frame_height)
            for joint in self.joints
        )
        return tuple(
            one if one is not None and 0 <= one[0] < width and 0 <= one[1] < height else None
            for one in pixels
        )


def largest_first(bodies: Iterable[Body]) -> list[Body]:
    """Return those of whom a limb is in the frame, the largest first."""
    return sorted((body for body in bodies if body.has_limb), key=lambda body: body.area, reverse=True)
