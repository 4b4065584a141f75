from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor

from synid_engine.errors import (
    BaseModelMismatchError,
    DeviceOutOfMemoryError,
    InvalidSettingError,
    JobCancelledError,
    PictureSizeMismatchError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.rng import cpu_generator
from synid_engine.sampling.denoise import Picture, StepProgress, denoise, render, to_pictures
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun

# Diffusers' multistep schedulers hand tensors to np.array, which NumPy 2 grumbles about.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

MakeBank = Callable[..., IdentityBank]
LEFT = torch.cat([torch.ones(8, 4), torch.zeros(8, 4)], dim=1)
ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=4)


def mixed_rows(make_bank: MakeBank) -> list[RenderRow]:
    initial = torch.randn(4, 8, 8, generator=cpu_generator(9))
    first, second = make_bank(1), make_bank(2, tokens=5)
    return [
        ROW,
        replace(ROW, banks=(first,), seed=5, negative_prompt="angry"),
        replace(ROW, banks=(second,), guidance_scale=1.0, num_inference_steps=6, identity_scale=0.4),
        replace(ROW, banks=(first, second), region_masks=(LEFT, 1 - LEFT), guidance_scale=8.0),
        replace(ROW, banks=(first,), identity_start=0.3, identity_end=0.8, noise_scheduler="dpm_multistep"),
        replace(
            ROW, banks=(second,), token_scale=0.5, guidance_rescale=0.0, noise_scheduler="euler_ancestral"
        ),
        replace(ROW, initial_latents=initial, strength=0.5, num_inference_steps=8, noise_scheduler="unipc"),
        replace(ROW, banks=(first,), token_scale=0.0, prompt="an old man", noise_scheduler="euler"),
    ]


@pytest.mark.parametrize("guidance_scale", [1.0, 5.0])
@pytest.mark.parametrize("kind", ["small_folder", "epsilon_folder"])
def test_plain_row_equals_the_pipeline(
    kind: str, guidance_scale: float, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    row = replace(ROW, guidance_scale=guidance_scale, negative_prompt="an angry man", num_inference_steps=7)
    models = load_backbone(folder, device="cpu", dtype=torch.float32)

    def stock(output_type: str) -> np.ndarray | Tensor:
        return pipeline(
            row.prompt,
            negative_prompt=row.negative_prompt,
            num_inference_steps=row.num_inference_steps,
            guidance_scale=row.guidance_scale,
            guidance_rescale=row.guidance_rescale,
            generator=torch.Generator().manual_seed(row.seed),
            output_type=output_type,
        ).images

    assert torch.allclose(denoise(models, [row]), stock("latent"), atol=1e-4)
    picture = render(models, [row])[0]
    assert picture.dtype == np.uint8
    assert np.abs(picture / 255 - stock("np")[0]).max() <= 1 / 255


def test_mixed_rows_equal_one_by_one(backbone: Backbone, make_bank: MakeBank) -> None:
    rows = mixed_rows(make_bank)
    together = denoise(backbone, rows)
    for row, latents in zip(rows, together, strict=True):
        assert torch.allclose(denoise(backbone, [row])[0], latents, atol=1e-4)
    assert torch.allclose(denoise(backbone, rows, max_rows=3), together, atol=1e-4)
    assert torch.allclose(denoise(backbone, rows[::-1]).flip(0), together, atol=1e-4)


def distance(picture: Picture, other: Picture) -> tuple[float, float]:
    """Mean and largest difference in levels of 255."""
    difference = np.abs(picture.astype(int) - other.astype(int))
    return float(difference.mean()), float(difference.max())


def test_short_format_keeps_pictures_beside_neighbours(small_folder: Path, make_bank: MakeBank) -> None:
    models = load_backbone(small_folder, device="cpu", dtype=torch.bfloat16)
    rows = mixed_rows(make_bank)
    alone = [render(models, [row])[0] for row in rows]
    assert min(distance(alone[0], other)[0] for other in alone[1:]) > 4  # another row would be noticed
    for batch in (2, 8):
        together = render(models, rows, max_rows=batch)
        distances = [distance(*pair) for pair in zip(alone, together, strict=True)]
        assert max(mean for mean, _ in distances) <= 2
        assert max(largest for _, largest in distances) <= 16


def test_short_format_draws_the_same_picture(
    small_folder: Path, backbone: Backbone, make_bank: MakeBank
) -> None:
    models = load_backbone(small_folder, device="cpu", dtype=torch.bfloat16)
    rows = mixed_rows(make_bank)
    pairs = zip(render(models, rows), render(backbone, rows), strict=True)
    distances = [distance(*pair) for pair in pairs]
    assert max(mean for mean, _ in distances) <= 2


def test_scales_of_zero_are_the_stock_model_exactly(backbone: Backbone, make_bank: MakeBank) -> None:
    silent = replace(ROW, banks=(make_bank(1),), identity_scale=0.0, token_scale=0.0)
    closed = replace(ROW, banks=(make_bank(1),), identity_start=1.0, identity_end=1.0)
    stock = denoise(backbone, [ROW])
    assert torch.equal(denoise(backbone, [silent]), stock)
    assert torch.equal(denoise(backbone, [closed]), stock)


def test_unconditional_half_uses_the_null_identity(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    row = replace(ROW, banks=(bank,))
    other_keys = {layer: tensor.flip(0) * 2 for layer, tensor in bank.null_values.items()}
    other_null = replace(bank, null_values=other_keys)
    other_tokens = replace(bank, null_tokens=bank.null_tokens * -1)
    expected = denoise(backbone, [row])
    for changed in (other_null, other_tokens):
        guided = denoise(backbone, [replace(row, banks=(changed,))])
        assert (guided - expected).abs().max() > 1e-3
        unguided = [replace(row, banks=(which,), guidance_scale=1.0) for which in (bank, changed)]
        first, second = denoise(backbone, unguided).unbind()
        assert torch.equal(first, second)


CHANGES: dict[str, dict[str, object]] = {
    "prompt": {"prompt": "an old man"},
    "negative_prompt": {"negative_prompt": "smiling"},
    "seed": {"seed": 77},
    "num_inference_steps": {"num_inference_steps": 5},
    "guidance_scale": {"guidance_scale": 2.0},
    "guidance_rescale": {"guidance_rescale": 0.1},
    "identity_scale": {"identity_scale": 0.5},
    "token_scale": {"token_scale": 0.5},
    "identity_start": {"identity_start": 0.5},
    "identity_end": {"identity_end": 0.5},
    "region_masks": {"region_masks": (LEFT,)},
    "initial_latents": {"initial_latents": torch.ones(4, 8, 8), "strength": 0.75},
    "noise_scheduler": {"noise_scheduler": "dpm_multistep"},
    "no bank": {"banks": ()},
}


@pytest.mark.parametrize("argument", CHANGES)
def test_every_argument_has_an_effect(backbone: Backbone, make_bank: MakeBank, argument: str) -> None:
    row = replace(ROW, banks=(make_bank(1),))
    changed = replace(row, **CHANGES[argument])
    before, after = denoise(backbone, [row, changed]).unbind()
    assert (before - after).abs().max() > 1e-3


def test_strength_decides_how_much_of_the_start_is_left(backbone: Backbone) -> None:
    start = torch.randn(4, 8, 8, generator=cpu_generator(2))
    rows = [
        replace(ROW, initial_latents=start, strength=strength, num_inference_steps=10)
        for strength in (0.1, 0.5, 1.0)
    ]
    distances = [(latents - start).norm() for latents in denoise(backbone, rows)]
    assert distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("name", ["ddim", "dpm_multistep", "euler", "euler_ancestral", "unipc"])
def test_every_method_starts_image_to_image_near_its_start(backbone: Backbone, name: str) -> None:
    start = torch.randn(4, 8, 8, generator=cpu_generator(2))
    row = replace(ROW, initial_latents=start, strength=0.1, num_inference_steps=20, noise_scheduler=name)
    latents = denoise(backbone, [row])[0]
    assert torch.isfinite(latents).all()
    assert (latents - start).norm() < 0.5 * start.norm()


def test_picture_may_have_another_size(backbone: Backbone) -> None:
    latents = denoise(backbone, [replace(ROW, latent_size=(8, 12))])
    assert latents.shape == (1, 4, 8, 12)
    assert to_pictures(backbone, latents)[0].shape == (64, 96, 3)


def test_odd_size_with_regions_is_drawn(backbone: Backbone, make_bank: MakeBank) -> None:
    row = replace(ROW, latent_size=(9, 7), banks=(make_bank(1),), region_masks=(LEFT,))
    assert torch.isfinite(denoise(backbone, [row])).all()


def test_rows_of_two_sizes_are_refused(backbone: Backbone) -> None:
    with pytest.raises(PictureSizeMismatchError):
        denoise(backbone, [ROW, replace(ROW, latent_size=(8, 12))])
    with pytest.raises(PictureSizeMismatchError):
        denoise(backbone, [replace(ROW, initial_latents=torch.zeros(4, 4, 4))])


def test_bank_of_another_model_is_refused(backbone: Backbone, make_bank: MakeBank) -> None:
    bank = make_bank(1)
    fewer = replace(bank, keys=dict(list(bank.keys.items())[:2]))
    for wrong in (replace(bank, model_hash="other"), fewer):
        with pytest.raises(BaseModelMismatchError):
            denoise(backbone, [replace(ROW, banks=(wrong,))])


def test_rows_join_and_leave_a_running_batch(backbone: Backbone, make_bank: MakeBank) -> None:
    rows = mixed_rows(make_bank)[:4]
    expected = [denoise(backbone, [row])[0] for row in rows]
    run = DenoiseRun(backbone)
    done: dict[int, Tensor] = {}
    tickets: list[int] = []
    for row in rows:
        tickets.append(run.add(row))
        done |= run.step()
    run.cancel(tickets[3])
    run.cancel(99)
    while run.tickets:
        assert run.preview(run.tickets[0]).shape == (4, 8, 8)
        done |= run.step()
    assert sorted(done) == tickets[:3]
    for ticket in tickets[:3]:
        assert torch.allclose(done[ticket], expected[ticket], atol=1e-4)
    assert run.step() == {}
    assert run.steps_left == 0


def test_progress_is_told_and_may_cancel(backbone: Backbone) -> None:
    seen: list[StepProgress] = []
    denoise(backbone, [ROW, replace(ROW, num_inference_steps=6)], on_step=seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert [progress.rows_done for progress in seen] == [0, 0, 0, 1, 1, 2]
    assert seen[-1].fraction == 1

    def cancel(progress: StepProgress) -> None:
        if progress.step == 2:
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        denoise(backbone, [ROW], on_step=cancel)


def test_full_device_says_how_many_rows(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError

    run = DenoiseRun(backbone)
    run.add(ROW)
    monkeypatch.setattr(backbone.unet, "forward", full)
    with pytest.raises(DeviceOutOfMemoryError) as caught:
        run.step()
    monkeypatch.undo()
    assert caught.value.rows == 2
    assert run.steps_left == 4


def test_added_conditions_reach_the_unet_row_by_row(
    backbone: Backbone, make_unet: Callable[..., UNet2DConditionModel]
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        unet = make_unet(
            addition_embed_type="text_time",
            addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=8 + 4 * 2,
        ).requires_grad_(requires_grad=False)
    wide = replace(backbone, unet=unet)
    rows = [
        replace(
            ROW,
            added_conditions={"text_embeds": torch.full((8,), value), "time_ids": torch.tensor([64.0, 64.0])},
        )
        for value in (0.0, 3.0)
    ]
    rows.append(replace(rows[0], negative_added_conditions=rows[1].added_conditions))
    together = denoise(wide, rows)
    for row, latents in zip(rows, together, strict=True):
        assert torch.allclose(denoise(wide, [row])[0], latents, atol=1e-4)
    assert min((together[0] - other).abs().max() for other in together[1:]) > 1e-4


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_inference_steps", 0),
        ("num_inference_steps", 1001),
        ("guidance_scale", 0.5),
        ("guidance_scale", float("nan")),
        ("guidance_rescale", 1.5),
        ("identity_scale", -1.0),
        ("token_scale", float("inf")),
        ("identity_start", -0.1),
        ("identity_end", 1.1),
        ("strength", 0.0),
        ("strength", 0.5),
        ("region_masks", (LEFT,)),
    ],
)
def test_row_outside_its_range_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        replace(ROW, **{field: value})
    assert caught.value.field == field
