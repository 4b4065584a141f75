"""An engine under the smallest plan makes the same character and draws the same pictures as a free one."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from synid_engine import engine as engine_module
from synid_engine.engine import Engine
from synid_engine.errors import TooLittleMemoryError
from synid_engine.runtime.device import choose_device
from synid_engine.runtime.memory_plan import GIB, WHOLE, least_bytes
from synid_engine.runtime.sd15_memory import SD15_WORK
from synid_engine.serving.calibration import CalibrationConfig, calibrated
from synid_engine.synid import memory
from synid_engine.synid.memory import memory_plan_of, sizes_of
from synid_engine.synid.pipeline import DistillConfig

pytestmark = pytest.mark.usefixtures("exact")

DESCRIPTION = "a woman with red hair, wearing a green jacket"


@pytest.fixture
def large_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rows of a step be what takes most, so that the smallest plan has one picture a step."""
    monkeypatch.setattr(memory, "SD15_WORK", replace(SD15_WORK, row=4 * GIB))


def least_gb(folder: Path) -> float:
    return least_bytes(*sizes_of(folder, dtype=torch.float32)) / GIB


def test_smallest_plan_makes_the_same_character(whole_model: Path, tiny_config: DistillConfig) -> None:
    small = Engine.load(whole_model, device="cpu", memory_gb=least_gb(whole_model))
    whole = Engine.load(whole_model, device="cpu")
    assert (small.models.memory.tier, whole.models.memory) == ("small", WHOLE)
    config = tiny_config.ablated("B")
    made, expected = (one.create("Nova", DESCRIPTION, seed=3, config=config) for one in (small, whole))
    pairs = zip(made.bank.tensors(), expected.bank.tensors(), strict=True)
    assert all(torch.equal(first, second) for first, second in pairs)


@pytest.mark.usefixtures("large_rows")
def test_one_picture_a_step_is_the_same_picture(whole_model: Path) -> None:
    small = Engine.load(whole_model, device="cpu", memory_gb=least_gb(whole_model))
    whole = Engine.load(whole_model, device="cpu")
    assert (small.models.memory.tier, small.models.memory.most_rows) == ("small", 2)
    assert (small.config.max_rows, whole.config.max_rows) == (1, 4)
    drawn = [one.render(None, "smiling", count=3, seed=5, num_inference_steps=2) for one in (small, whole)]
    for first, second in zip(*drawn, strict=True):
        error = np.asarray(first.image).astype(int) - np.asarray(second.image).astype(int)
        assert np.abs(error).max() <= 1


def test_parts_that_wait_are_loaded_on_the_processor(
    whole_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is a processor by another name, which is asked for as itself wherever nothing waits."""
    asked: dict[str, object] = {}

    def listened(name: str) -> None:
        load = getattr(engine_module, name)

        def loading(*args: object, **wishes: object) -> object:
            asked[name] = wishes.get("text_device", wishes["device"])
            return load(*args, **wishes)

        monkeypatch.setattr(engine_module, name, loading)

    for name in ("load_backbone", "load_perception", "load_pose_estimator", "load_identity_encoder"):
        listened(name)
    Engine.load(whole_model, device="cpu:0", memory_gb=least_gb(whole_model))
    assert asked == {
        "load_backbone": "cpu",
        "load_perception": "cpu",
        "load_pose_estimator": "cpu",
        "load_identity_encoder": "cpu:0",
    }
    Engine.load(whole_model, device="cpu:0")
    assert set(asked.values()) == {"cpu:0"}


def test_gradients_go_twice_through_blocks_under_the_smallest_plan(whole_model: Path) -> None:
    small = Engine.load(whole_model, device="cpu", memory_gb=least_gb(whole_model)).models.backbone
    whole = Engine.load(whole_model, device="cpu").models.backbone
    assert small.unet.is_gradient_checkpointing
    assert small.vae.is_gradient_checkpointing
    assert not whole.unet.is_gradient_checkpointing


def test_small_plan_alone_decodes_large_pictures_in_tiles(
    whole_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiled: list[str] = []
    monkeypatch.setattr(memory, "decode_in_tiles", lambda backbone: tiled.append(backbone.model_id))
    Engine.load(whole_model, device="cpu")
    assert tiled == []
    small = Engine.load(whole_model, device="cpu", memory_gb=least_gb(whole_model))
    assert tiled == [small.models.backbone.model_id]


def test_all_that_lies_in_the_folder_is_counted(whole_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(whole_model, folder)
    before, _ = sizes_of(folder, dtype=torch.float16)
    for part in ("preview", "few_steps"):
        (folder / part).mkdir()
        save_file({"weight": torch.zeros(10)}, folder / part / "weights.safetensors")
    (folder / "pose_estimator").mkdir()
    (folder / "pose_estimator" / "yolox_l.onnx").write_bytes(bytes(300))
    after, _ = sizes_of(folder, dtype=torch.float16)
    assert after == replace(before, others=before.others + 2 * 10 * 2, perception=before.perception + 300)


def test_folder_without_enough_memory_is_refused(whole_model: Path) -> None:
    with pytest.raises(TooLittleMemoryError):
        Engine.load(whole_model, device="cpu", memory_gb=0.5)


def test_processor_without_a_limit_has_no_plan(whole_model: Path) -> None:
    assert memory_plan_of(whole_model, device=torch.device("cpu"), memory_gb=None) is WHOLE


@pytest.mark.parametrize(("memory_gb", "limit"), [(None, 6 * GIB), (4.0, 4 * GIB), (12.0, 6 * GIB)])
def test_free_memory_of_a_gpu_is_asked_for(
    whole_model: Path, monkeypatch: pytest.MonkeyPatch, memory_gb: float | None, limit: int
) -> None:
    planned: list[int] = []
    kept: list[float] = []

    def plan(free_bytes: int, *_sizes: object) -> object:
        planned.append(free_bytes)
        return WHOLE

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 5))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (6 * GIB, 8 * GIB))
    monkeypatch.setattr(torch.cuda.memory, "_lazy_init", lambda: None)
    monkeypatch.setattr(
        torch._C, "_cuda_setMemoryFraction", lambda share, _device: kept.append(share), raising=False
    )
    monkeypatch.setattr(memory, "plan_memory", plan)
    memory_plan_of(whole_model, device=choose_device(), memory_gb=memory_gb)
    assert planned == [limit]
    assert kept == ([] if memory_gb is None else [min(1.0, memory_gb / 8)])


@pytest.mark.usefixtures("large_rows")
def test_calibration_stays_within_the_plan(whole_model: Path, tiny_config: DistillConfig) -> None:
    small = Engine.load(whole_model, device="cpu", memory_gb=least_gb(whole_model))
    quick = CalibrationConfig(rows=(2, 4, 8), repeats=1)
    found = calibrated(small, threads=1, file=None, config=quick, distill=tiny_config)
    assert (found.max_rows, found.machine.most_rows) == (2, 2)
