"""All that an engine does, on a device whose tensors cannot be mixed with the processor's."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from synid_engine.engine import Engine, Rendered
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.backbone import load_backbone
from synid_engine.runtime.memory_plan import GIB, WAITING_PARTS, least_bytes
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.engine_loop import LoopConfig
from synid_engine.serving.gpu_bench import GpuBenchConfig, gpu_figures
from synid_engine.serving.messages import CreateWork, Lease, RenderWork
from synid_engine.serving.orders import Assign
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.reports import Broken, Finished, Previewed
from synid_engine.serving.step_kinds import StepKinds
from synid_engine.synid.memory import sizes_of
from synid_engine.synid.pipeline import DistillConfig

from ...adapters import kohya_layout, put_adapter, random_factors  # noqa: TID252  (tests are no package)
from ...engine_desk import Desk  # noqa: TID252
from ...second_device import SECOND, MixedDevicesError, There, second_device  # noqa: TID252
from ...small_models import save_preview_vae, save_whole_model  # noqa: TID252

pytestmark = pytest.mark.usefixtures("exact")

DESCRIPTION = "a woman with red hair, wearing a green jacket"


@pytest.fixture
def device() -> Generator[str]:
    with second_device():
        yield str(SECOND)


def pixels(pictures: list[Rendered]) -> np.ndarray:
    return np.stack([np.asarray(picture.image) for picture in pictures]).astype(int)


def test_tensors_of_two_devices_are_not_mixed(device: str) -> None:
    away, here = torch.ones(3, device=device), torch.ones(3)
    assert isinstance(away, There)
    assert (away + away.new_tensor([1.0, 2, 3])).tolist() == [2, 3, 4]
    assert torch.equal((away * torch.tensor(2.0)).cpu(), here * 2)
    with pytest.raises(MixedDevicesError):
        away + here
    with pytest.raises(MixedDevicesError):
        torch.cat([here, away])
    with pytest.raises(MixedDevicesError):
        away.numpy()
    with pytest.raises(MixedDevicesError):
        np.asarray(away)
    with pytest.raises(MixedDevicesError):
        torch.rand(3, device=device, generator=torch.Generator())
    layer = torch.nn.Linear(3, 1).to(device)
    layer(away).sum().backward()
    assert isinstance(layer.weight.grad, There)
    assert layer.weight.grad.tolist() == [[1, 1, 1]]


class Crossings(TorchDispatchMode):
    """Counts tensors that are brought to the second device, each of which a GPU would be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: OpOverload, _types: object, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> object:
        given = kwargs or {}
        is_copy = func.overloadpacket.__name__ == "_to_copy"
        self.count += is_copy and not isinstance(args[0], There) and given.get("device") == SECOND
        return func(*args, **given)


def test_step_of_a_batch_that_stays_brings_nothing_there(whole_model: Path, device: str) -> None:
    backbone = Engine.load(whole_model, device=device).models.backbone
    run = DenoiseRun(backbone)
    for seed in range(2):
        run.add(RenderRow(prompt="a woman", seed=seed, num_inference_steps=4))
    with Crossings() as first:
        run.step()
    with Crossings() as second:
        run.step()
    assert first.count > 0
    assert second.count == 0


def test_character_is_made_and_drawn_there_as_here(whole_model: Path, tiny_config: DistillConfig) -> None:
    here = Engine.load(whole_model, device="cpu")
    expected = here.create("Nova", DESCRIPTION, seed=3, config=tiny_config)
    with second_device():
        there = Engine.load(whole_model, device=str(SECOND))
        made = there.create("Nova", DESCRIPTION, seed=3, config=tiny_config)
        drawn = there.render(made, "smiling", count=2, num_inference_steps=2)
    assert isinstance(next(there.models.backbone.unet.parameters()), There)
    again = here.render(expected, "smiling", count=2, num_inference_steps=2)
    one, other = (
        torch.cat([part.float().flatten() for part in who.bank.tensors()]) for who in (made, expected)
    )
    assert (one - other).norm() < 0.01 * other.norm()  # AdamW turns what rounds to nearly nothing into a step
    assert np.abs(pixels(drawn) - pixels(again)).mean() < 1


def test_smallest_plan_crosses_to_the_processor_and_back(
    whole_model: Path, tiny_config: DistillConfig
) -> None:
    least = least_bytes(*sizes_of(whole_model, dtype=torch.float32)) / GIB
    with second_device():
        engine = Engine.load(whole_model, device=str(SECOND), memory_gb=least)
        assert engine.models.memory.waiting == WAITING_PARTS
        made = engine.create("Nova", DESCRIPTION, seed=3, config=tiny_config.ablated("B"))
        [drawn] = engine.render(made, "smiling", num_inference_steps=2)
    assert drawn.image.size == engine.models.backbone.image_size


@pytest.fixture(scope="module")
def complete_model(posed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold all parts at once: a ControlNet, a small VAE, an adapter for few steps, perception."""
    folder = tmp_path_factory.mktemp("models")
    unet = UNet2DConditionModel.from_pretrained(posed_folder / "unet", local_files_only=True)
    tensors = kohya_layout(random_factors(unet))
    quick = put_adapter(posed_folder, folder / "quick", tensors)
    save_preview_vae(quick / "preview")
    return save_whole_model(quick, folder / "complete")


def test_queue_of_all_kinds_of_work_is_served_there(
    complete_model: Path, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    lessons = replace(tiny_config.bootstrap.draw, few_steps=True)
    config = replace(tiny_config, bootstrap=replace(tiny_config.bootstrap, draw=lessons))
    settings = LoopConfig(batch=BatchConfig(preview_every=1), distill=config, progress_interval_s=0.0)
    work = RenderWork(prompt="(smiling:1.3)", num_inference_steps=3, seed=7, pictures=2)
    posed = work.model_copy(update={"body": next(iter(NAMED_POSES.values())), "guidance_scale": 1.0})
    creation = CreateWork(character_id=1, identity=DESCRIPTION, seed=5)
    with second_device():
        desk = Desk(engine=Engine.load(complete_model, device=str(SECOND)), folder=tmp_path, config=settings)
        for number, one in enumerate((work, posed, creation)):
            desk.order(Assign(lease=Lease(job_id=number, fence=1), owner_id=number, work=one))
        desk.run()
    kinds = [type(report) for report in desk.reports]
    assert Broken not in kinds, [report for report in desk.reports if isinstance(report, Broken)]
    assert kinds.count(Finished) == 3
    assert Previewed in kinds


def test_benchmark_of_a_gpu_runs_there(complete_model: Path) -> None:
    kinds = StepKinds(pictures=2, drawn=2, decoded=2, batch_size=2, pipeline_steps=(1, 2))
    with second_device():
        backbone = load_backbone(complete_model, device=str(SECOND))
        figures = gpu_figures(backbone, GpuBenchConfig(kinds=kinds, repeats=1, image_size=64))
    assert all(figure.value > 0 for figure in figures)
