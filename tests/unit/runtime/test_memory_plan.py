"""Which plan is chosen for what is free, and that none promises more than that."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from synid_engine.errors import DamagedModelError, TooLittleMemoryError
from synid_engine.runtime.memory_plan import (
    GIB,
    MARGIN_BYTES,
    MIB,
    WHOLE,
    WeightBytes,
    WorkBytes,
    least_bytes,
    plan_memory,
)
from synid_engine.runtime.sd15_memory import CARDS, SD15_WEIGHTS, SD15_WORK, WorkSize
from synid_engine.runtime.weight_files import loaded_bytes, stored_bytes

SIZES = st.integers(min_value=0, max_value=3 * GIB)
WEIGHTS = st.builds(
    WeightBytes, unet=SIZES, vae=SIZES, text_encoders=SIZES, perception=SIZES, controlnet=SIZES
)
WORK = st.builds(
    WorkBytes,
    row=SIZES,
    posed_row=SIZES,
    decoded=SIZES,
    training_row=SIZES,
    training_row_again=SIZES,
    judged=SIZES,
    judged_again=SIZES,
    perception=SIZES,
)


@given(free_bytes=st.integers(min_value=0, max_value=200 * GIB), weights=WEIGHTS, work=WORK)
def test_no_plan_promises_more_than_is_free(free_bytes: int, weights: WeightBytes, work: WorkBytes) -> None:
    if free_bytes < least_bytes(weights, work):
        with pytest.raises(TooLittleMemoryError) as caught:
            plan_memory(free_bytes, weights, work)
        assert (caught.value.free_bytes, caught.value.needed_bytes) == (
            free_bytes,
            least_bytes(weights, work),
        )
        return
    plan = plan_memory(free_bytes, weights, work)
    assert plan.peak_bytes + MARGIN_BYTES <= free_bytes
    assert plan.most_pictures >= 1
    assert plan.training_rows >= 4


def test_known_cards_get_the_tier_that_fits() -> None:
    tiers = {card: plan_memory(free, SD15_WEIGHTS, SD15_WORK) for card, free in CARDS.items()}
    assert [plan.tier for plan in tiers.values()] == ["small", "middle", "roomy", "roomy", "roomy"]
    assert tiers["8 GB"].waiting == ("text encoders", "perception")
    assert tiers["8 GB"].peak_bytes < 6 * GIB
    assert (
        tiers["T4, 16 GB"].training_rows < tiers["24 GB"].training_rows < tiers["H200, 141 GB"].training_rows
    )
    assert not any(plan.waiting for card, plan in tiers.items() if card != "8 GB")


def test_more_room_never_means_fewer_rows_within_a_tier() -> None:
    least = least_bytes(SD15_WEIGHTS, SD15_WORK)
    plans = [plan_memory(least + step * 64 * MIB, SD15_WEIGHTS, SD15_WORK) for step in range(400)]
    for before, after in pairwise(plans):
        if before.tier == after.tier:
            assert (after.most_rows, after.training_rows) >= (before.most_rows, before.training_rows)


def test_what_waits_is_not_on_the_device() -> None:
    plan = plan_memory(least_bytes(SD15_WEIGHTS, SD15_WORK), SD15_WEIGHTS, SD15_WORK)
    assert plan.device_of("perception", "cuda:0") == plan.device_of("text encoders", "cuda:0") == "cpu"
    heavier = replace(SD15_WEIGHTS, perception=100 * GIB, text_encoders=100 * GIB)
    assert (
        plan_memory(CARDS["8 GB"], heavier, SD15_WORK).peak_bytes
        == plan_memory(CARDS["8 GB"], SD15_WEIGHTS, SD15_WORK).peak_bytes
    )
    assert WHOLE.device_of("perception", "cuda:0") == "cuda:0"


def test_one_byte_too_little_is_refused() -> None:
    least = least_bytes(SD15_WEIGHTS, SD15_WORK)
    assert plan_memory(least, SD15_WEIGHTS, SD15_WORK).tier == "small"
    with pytest.raises(TooLittleMemoryError):
        plan_memory(least - 1, SD15_WEIGHTS, SD15_WORK)


def test_the_least_is_that_of_any_plan() -> None:
    nothing = WeightBytes(unet=0, vae=0, text_encoders=0, perception=0)
    strange = WorkBytes(
        row=0,
        posed_row=0,
        decoded=0,
        training_row=0,
        training_row_again=0,
        judged=0,
        judged_again=MIB,
        perception=0,
    )
    assert least_bytes(nothing, strange) == MARGIN_BYTES
    assert plan_memory(MARGIN_BYTES, nothing, strange).peak_bytes == 0


def test_work_grows_with_pictures_and_with_numbers() -> None:
    own = WorkSize(cells=64 * 64, channels=320, pixels=512 * 512, picture_channels=128, number_bytes=2)
    assert own.of(SD15_WORK) == SD15_WORK
    larger = replace(own, cells=4 * own.cells, pixels=2 * own.pixels, number_bytes=4).of(SD15_WORK)
    assert larger.row == 8 * SD15_WORK.row
    assert larger.judged == 4 * SD15_WORK.judged
    assert larger.perception == SD15_WORK.perception


def test_weights_are_counted_by_the_beginnings_of_their_files(tmp_path: Path) -> None:
    whole = {"a": torch.zeros(3, 5), "b": torch.zeros(7, dtype=torch.float16)}
    save_file(whole, tmp_path / "model.safetensors")
    assert loaded_bytes(tmp_path, number_bytes=2) == 2 * (15 + 7)
    save_file({"a": torch.zeros(3, 5)}, tmp_path / "model.fp16.safetensors")
    assert loaded_bytes(tmp_path, number_bytes=4) == 4 * (15 + 7)
    assert loaded_bytes(tmp_path / "nothing", number_bytes=4) == 0
    assert stored_bytes([tmp_path / "nothing"]) == 0


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, json.dumps({}).encode(), b"\2\0\0\0\0\0\0\0[]"])
def test_weights_of_no_known_form_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(DamagedModelError):
        loaded_bytes(tmp_path, number_bytes=2)
