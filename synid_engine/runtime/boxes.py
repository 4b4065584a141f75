"""Boxes in pictures: which of them show the same thing. Knows nothing about what that is."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


def distinct_boxes(boxes: Numbers, scores: Numbers, *, max_overlap: float) -> NDArray[np.intp]:
    """Return the rows of the surest box of each thing, the surest first.

    Args:
        boxes: (n, 4), x0, y0, x1, y1.
        scores: (n,), how sure each is.
        max_overlap: Boxes that share more of their union show one thing.
    """
    areas = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        union = np.maximum(areas[best] + areas[rest] - shared, 1e-9)
        order = rest[shared / union <= max_overlap]
    return np.array(kept, dtype=np.intp)
