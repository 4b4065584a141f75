"""Counting live tensors: what is freed, what is shared, what backward passes keep."""

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from synid_engine.serving.live_bytes import LiveBytes

KIB = 1024


def _numbers(kibibytes: int) -> torch.Tensor:
    return torch.zeros(kibibytes * KIB // 4)


def test_freed_tensors_count_in_the_peak_alone() -> None:
    with LiveBytes() as meter:
        kept, spare = _numbers(8), _numbers(4)
        assert meter.current == 12 * KIB
        del spare
        assert (meter.current, meter.peak) == (8 * KIB, 12 * KIB)
        meter.restart()
        assert meter.peak == 8 * KIB
        del kept
        assert meter.current == 0


def test_views_count_once() -> None:
    with LiveBytes() as meter:
        whole = _numbers(8)
        parts = whole.view(2, -1).T
        assert meter.current == 8 * KIB
        del whole
        assert meter.current == 8 * KIB
        del parts
        assert meter.current == 0


def test_what_was_there_before_counts_when_it_is_held() -> None:
    weights = nn.Linear(32, 32)
    meter = LiveBytes()
    meter.hold(weights.parameters())
    meter.hold(weights.parameters())
    assert meter.current == 4 * (32 * 32 + 32)


def test_other_devices_do_not_count() -> None:
    with LiveBytes("meta") as meter:
        _kept = _numbers(8)
        assert meter.peak == 0
        _counted = torch.zeros(KIB, device="meta")
        assert meter.peak == 4 * KIB


def test_backward_passes_hold_less_where_blocks_are_worked_out_again() -> None:
    parts = [nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(64, 64), nn.Tanh())])] * 4
    for part in parts:
        part.requires_grad_(requires_grad=False)
    given = torch.randn(64, 64, requires_grad=True)
    peaks: list[int] = []
    for again in (False, True):
        with LiveBytes() as meter:
            states = given
            for part in parts:
                states = checkpoint(part, states, use_reentrant=False) if again else part(states)
            states.sum().backward()
        peaks.append(meter.peak)
    assert peaks[1] < peaks[0]
