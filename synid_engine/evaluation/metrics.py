"""Numbers about pictures and vectors: errors, likeness, separation, and how sure one can be of them.

Knows nothing about models.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.typing import NDArray
from PIL import Image

Box = tuple[int, int, int, int]
Interval = tuple[float, float]

HIGHEST_PSNR = 100.0
"""What equal pictures count as."""

_Z_95 = 1.959964
_RESAMPLES = 1000
_TO_XYZ = np.array(
    ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
)
_WHITE = _TO_XYZ.sum(axis=1)  # D65
_LAB_KNEE = 216 / 24389
_LAB_SLOPE = 24389 / 27
_SRGB_KNEE = 0.04045


def to_array(picture: Image.Image) -> NDArray[np.float64]:
    """Return (height, width, 3) in 0..1."""
    return np.asarray(picture.convert("RGB"), dtype=np.float64) / 255


def psnr(
    one: Float[ndarray, "height width 3"], other: Float[ndarray, "height width 3"], *, box: Box | None = None
) -> float:
    """Return the peak signal-to-noise ratio in dB of pictures in 0..1, whole or inside a box."""
    x0, y0, x1, y1 = box or (0, 0, one.shape[1], one.shape[0])
    error = float(np.square(one[y0:y1, x0:x1] - other[y0:y1, x0:x1]).mean())
    return HIGHEST_PSNR if error == 0 else min(HIGHEST_PSNR, -10 * math.log10(error))


def to_lab(picture: Float[ndarray, "height width 3"]) -> NDArray[np.float64]:
    """Turn sRGB in 0..1 into CIE L*a*b* under D65."""
    rgb = picture.astype(np.float64)
    linear = np.where(rgb <= _SRGB_KNEE, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    roots = cast("NDArray[np.float64]", np.cbrt(xyz))
    linear_part = (_LAB_SLOPE * xyz + 16) / 116
    f = cast("NDArray[np.float64]", np.where(xyz > _LAB_KNEE, roots, linear_part))
    light = 116 * f[..., 1] - 16
    return np.stack([light, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def lab_error(one: Float[ndarray, "height width 3"], other: Float[ndarray, "height width 3"]) -> float:
    """Return the mean colour distance (CIE 1976) of the pixels."""
    return float(np.linalg.norm(to_lab(one) - to_lab(other), axis=-1).mean())


def cosines_to(vectors: Float[ndarray, "count dim"], target: Float[ndarray, " dim"]) -> list[float]:
    """Return the cosine of each vector to one."""
    return [float(value) for value in _unit(vectors) @ _unit(target[None])[0]]


def pairwise_cosines(vectors: Float[ndarray, "count dim"]) -> list[float]:
    """Return the cosine of each pair of vectors, each pair once."""
    unit = _unit(vectors)
    rows, columns = np.triu_indices(len(unit), k=1)
    return [float(value) for value in (unit @ unit.T)[rows, columns]]


def cross_cosines(one: Float[ndarray, "count dim"], other: Float[ndarray, "others dim"]) -> list[float]:
    """Return the cosine of each vector of one set to each of another."""
    return [float(value) for value in (_unit(one) @ _unit(other).T).ravel()]


def same_and_different(vectors: Mapping[str, Float[ndarray, "count dim"]]) -> tuple[list[float], list[float]]:
    """Return the cosines of all pairs of vectors of one character, and of all pairs of two characters.

    Args:
        vectors: By character.
    """
    names = list(vectors)
    same = [value for name in names for value in pairwise_cosines(vectors[name])]
    different = [
        value
        for number, name in enumerate(names)
        for other in names[number + 1 :]
        for value in cross_cosines(vectors[name], vectors[other])
    ]
    return same, different


def auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the chance that a positive scores above a negative; a tie counts half; NaN without both."""
    if not positives or not negatives:
        return math.nan
    low = np.sort(np.asarray(negatives, dtype=np.float64))
    below = np.searchsorted(low, positives, side="left")
    not_above = np.searchsorted(low, positives, side="right")
    return float((below + not_above).mean() / 2 / len(low))


def mean(values: Sequence[float]) -> float:
    """Return the mean; NaN of nothing."""
    return float(np.mean(values)) if values else math.nan


def wilson_interval(successes: int, trials: int) -> Interval:
    """Return the 95 % interval of a rate whose trials are independent."""
    if trials == 0:
        return 0.0, 1.0
    rate, z2 = successes / trials, _Z_95**2
    center = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z_95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return max(0.0, center - half), min(1.0, center + half)


def bootstrap_interval(
    count: int, statistic: Callable[[Sequence[int]], float], *, resamples: int = _RESAMPLES
) -> Interval:
    """Return the 95 % interval of a statistic by drawing its units again with replacement.

    Args:
        count: How many units there are, for example characters, whose pictures depend on each other.
        statistic: From the numbers of the units drawn, with repetitions, to a value; NaN is left out.
        resamples: How often to draw; the draws are the same in every run.
    """
    rng = np.random.default_rng(95)
    drawn = [statistic([int(i) for i in rng.integers(count, size=count)]) for _ in range(resamples)]
    finite = [value for value in drawn if math.isfinite(value)]
    if not finite:
        return math.nan, math.nan
    low, high = np.percentile(finite, (2.5, 97.5))
    return float(low), float(high)


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the 95 % bootstrap interval of a mean."""
    if not values:
        return math.nan, math.nan
    array = np.asarray(values, dtype=np.float64)
    return bootstrap_interval(len(array), lambda units: float(array[list(units)].mean()))


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    array = vectors.astype(np.float64)
    return array / np.linalg.norm(array, axis=-1, keepdims=True).clip(1e-12)
