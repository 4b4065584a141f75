"""A body as the skeleton map that holds a row to it."""

from dataclasses import replace

from synid_engine.pose.body import Body
from synid_engine.pose.skeleton_map import draw_map
from synid_engine.sampling.row import RenderRow


def posed_row(row: RenderRow, body: Body, *, size: tuple[int, int], strength: float) -> RenderRow:
    """Return a row that draws somebody in a pose.

    Args:
        row: Without a pose.
        body: Whose frame is fitted into the picture.
        size: Width and height of the picture in pixels.
        strength: Weight of the pose; 0 leaves it to the prompt.

    Raises:
        InvalidSettingError: The strength is outside its range.
    """
    width, height = size
    return replace(row, pose_map=draw_map([body], width=width, height=height), pose_strength=strength)
