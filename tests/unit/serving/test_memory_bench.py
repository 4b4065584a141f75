"""What the small plan takes: gone through with shapes, on a second device that is not there."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from synid_engine.perception import AlignedFaceEncoder, RegressionFaceDetector
from synid_engine.perception.bundle import load_perception
from synid_engine.perception.clip import TransformersClipScorer
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.memory_plan import GIB, WAITING_PARTS, MemoryPlan
from synid_engine.runtime.sd15_memory import SD15_WEIGHTS
from synid_engine.serving import memory_bench
from synid_engine.serving.live_bytes import LiveBytes
from synid_engine.serving.memory_bench import IMAGINED, SMALL_PLAN, imagined_peaks, memory_figures
from synid_engine.serving.random_model import sd15_shapes
from synid_engine.serving.shapes import imagine, imagined, tensors_of
from synid_engine.synid.losses import clip_loss, face_loss

SMALL = MemoryPlan(
    tier="small", waiting=WAITING_PARTS, most_rows=2, training_rows=2, works_twice=True, keeps_graphs=False
)


def test_small_plan_is_the_one_for_eight_gigabytes() -> None:
    assert SMALL_PLAN.tier == "small"
    assert SMALL_PLAN.waiting == WAITING_PARTS
    assert SMALL_PLAN.works_twice


def test_text_encoders_that_wait_are_on_no_device_but_the_processor(posed_backbone: Backbone) -> None:
    mode = FakeTensorMode()
    shapes = imagined(posed_backbone, mode, device=IMAGINED, text_device="cpu")
    assert {tensor.device for encoder in shapes.text_encoders for tensor in encoder.parameters()} == {
        torch.device("cpu")
    }
    kept = {tensor.device for tensor in (*shapes.unet.parameters(), *shapes.vae.parameters())}
    assert kept == {torch.device(IMAGINED)}
    meter = LiveBytes(IMAGINED)
    meter.hold(tensors_of(shapes))
    everything = sum(tensor.nbytes for tensor in tensors_of(posed_backbone))
    reading = sum(
        tensor.nbytes
        for encoder in posed_backbone.text_encoders
        for tensor in (*encoder.parameters(), *encoder.buffers())
    )
    assert meter.current == everything - reading
    with mode:
        assert shapes.encode_prompts(["a calm person"]).device == torch.device(IMAGINED)


def test_steps_of_every_kind_mix_no_devices(posed_folder: Path) -> None:
    backbone = load_backbone(posed_folder, device="cpu", dtype=torch.bfloat16)  # as on a GPU
    peaks = imagined_peaks(backbone, SMALL)
    waiting = sum(tensor.nbytes for one in backbone.text_encoders for tensor in one.parameters())
    weights = sum(tensor.nbytes for tensor in tensors_of(backbone)) - waiting
    assert len(peaks) == 3
    assert all(peak > weights for peak in peaks.values())


def test_shapes_take_what_the_models_take(posed_backbone: Backbone) -> None:
    latents = torch.zeros(1, *posed_backbone.latent_shape)
    meter, other, mode = LiveBytes(), LiveBytes(IMAGINED), FakeTensorMode()
    with meter:
        posed_backbone.decode(latents)
    shapes = imagined(posed_backbone, mode, device=IMAGINED, text_device="cpu")
    with mode:
        imagined_latents = torch.zeros(1, *posed_backbone.latent_shape, device=IMAGINED)
        with other:
            shapes.decode(imagined_latents)
    assert other.peak == meter.peak


def test_judges_that_wait_send_their_gradient_back(whole_model: Path) -> None:
    perception, mode = load_perception(whole_model / "perception", device="cpu"), FakeTensorMode()
    assert isinstance(perception.clip, TransformersClipScorer)
    assert isinstance(perception.face, AlignedFaceEncoder)
    assert isinstance(perception.detector, RegressionFaceDetector)
    detector = replace(perception.detector, network=imagine(perception.detector.network, mode, "cpu"))
    face = replace(perception.face, network=imagine(perception.face.network, mode, "cpu"), detector=detector)
    clip = replace(perception.clip, model=imagine(perception.clip.model, mode, "cpu"))
    with mode:
        images = torch.zeros(1, 3, 64, 64, device=IMAGINED, requires_grad=True)
        reference = torch.zeros(512, device=IMAGINED), torch.zeros(16, device=IMAGINED)
        faces = face_loss(images, reference[0][: face.face_embeds(images).shape[1]], face)
        looks = clip_loss(images, reference[1], reference[1][None], clip, text_weight=0.3)
        (faces + looks).to(images.device).backward()
        assert images.grad is not None
        assert images.grad.device == images.device


def test_peak_of_the_small_plan_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Backbone] = []

    def peaks(shapes: Backbone, _plan: MemoryPlan) -> dict[str, int]:
        shown.append(shapes)
        return {"a step": 3 * GIB, "training": 9 * GIB}

    monkeypatch.setattr(memory_bench, "imagined_peaks", peaks)
    whole, *parts = memory_figures(is_gpu=False)
    assert (whole.name, whole.unit, whole.value) == ("peak memory, small plan", "GiB", 9.0)
    assert (whole.target, whole.bound, whole.holds) == (8.0, "most", False)
    assert [part.value for part in parts] == [3.0, 9.0]
    assert shown[0].image_size == (512, 512)


def test_weights_of_the_full_size_are_those_that_plans_count() -> None:
    shapes = sd15_shapes(dtype=torch.bfloat16)
    control = shapes.pose_control
    assert control is not None
    counted = {
        "unet": [shapes.unet],
        "vae": [shapes.vae],
        "text_encoders": shapes.text_encoders,
        "controlnet": [control.network, control.embedding],
    }
    for part, modules in counted.items():
        nbytes = sum(tensor.nbytes for module in modules for tensor in module.parameters())
        assert getattr(SD15_WEIGHTS, part) == pytest.approx(nbytes, rel=0.01)
