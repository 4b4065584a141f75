import math

import numpy as np
import pytest
from PIL import Image

from synid_engine.evaluation.metrics import (
    HIGHEST_PSNR,
    auc,
    bootstrap_interval,
    cosines_to,
    cross_cosines,
    lab_error,
    mean,
    mean_interval,
    pairwise_cosines,
    psnr,
    to_array,
    to_lab,
    wilson_interval,
)


def _flat(level: float) -> np.ndarray:
    return np.full((8, 8, 3), level)


def test_psnr_of_a_known_error() -> None:
    assert psnr(_flat(0.5), _flat(0.6)) == pytest.approx(20)
    assert psnr(_flat(0.5), _flat(0.51)) == pytest.approx(40)
    assert psnr(_flat(0.5), _flat(0.5)) == HIGHEST_PSNR


def test_psnr_inside_a_box_sees_nothing_else() -> None:
    one, other = _flat(0.5), _flat(0.5)
    other[2:4, 5:7] = 0.6
    assert psnr(one, other, box=(5, 2, 7, 4)) == pytest.approx(20)
    assert psnr(one, other, box=(0, 0, 5, 8)) == HIGHEST_PSNR


def test_lab_of_known_colours() -> None:
    known = {
        "white": (100, 0, 0),
        "black": (0, 0, 0),
        "#ff0000": (53.24, 80.09, 67.20),
        "#00ff00": (87.73, -86.18, 83.18),
        "#0000ff": (32.30, 79.19, -107.86),
        "#777777": (50.03, 0, 0),
    }
    for colour, expected in known.items():
        found = to_lab(to_array(Image.new("RGB", (2, 2), colour)))[0, 0]
        assert found == pytest.approx(expected, abs=0.02), colour


def test_lab_error_is_the_mean_distance_of_pixels() -> None:
    one, other = np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
    other[0, 0] = 1
    assert lab_error(one, other) == pytest.approx(25, abs=0.01)
    assert lab_error(other, other) == 0


def test_auc_counts_orders_and_half_of_ties() -> None:
    assert auc([3.0, 4.0], [1.0, 2.0]) == 1
    assert auc([1.0, 2.0], [3.0, 4.0]) == 0
    assert auc([1.0, 1.0], [1.0, 1.0]) == 0.5
    assert auc([2.0, 4.0], [1.0, 3.0]) == 0.75
    assert math.isnan(auc([], [1.0]))


def test_wilson_interval_of_known_rates() -> None:
    assert wilson_interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    low, high = wilson_interval(10, 10)
    assert (low, high) == pytest.approx((0.7225, 1), abs=1e-4)
    assert wilson_interval(0, 0) == (0, 1)


def test_cosines_take_each_pair_once() -> None:
    vectors = np.array([[1.0, 0], [0, 2], [3, 3]])
    assert pairwise_cosines(vectors) == pytest.approx([0, 0.5**0.5, 0.5**0.5])
    assert cosines_to(vectors, np.array([5.0, 0])) == pytest.approx([1, 0, 0.5**0.5])
    assert cross_cosines(vectors[:1], vectors[1:]) == pytest.approx([0, 0.5**0.5])


def test_bootstrap_interval_holds_the_mean_and_is_the_same_every_time() -> None:
    values = [float(i % 10) for i in range(200)]
    low, high = mean_interval(values)
    assert low < 4.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 2.87 / 200**0.5, rel=0.15)
    assert mean_interval(values) == (low, high)


def test_bootstrap_leaves_out_draws_without_a_value() -> None:
    low, high = bootstrap_interval(2, lambda units: 1.0 if len(set(units)) == 2 else math.nan)
    assert (low, high) == (1, 1)
    assert all(math.isnan(end) for end in bootstrap_interval(2, lambda _: math.nan))


def test_mean_of_nothing_is_no_number() -> None:
    assert math.isnan(mean([]))
