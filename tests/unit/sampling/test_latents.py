import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

from synid_engine.runtime.backbone import Backbone, load_backbone
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.guidance import guide
from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.sampling.noise_scheduler import make_noise_scheduler


@pytest.mark.parametrize("kind", ["small_folder", "epsilon_folder"])
def test_noise_and_targets_are_those_of_diffusers(kind: str, request: pytest.FixtureRequest) -> None:
    models = load_backbone(request.getfixturevalue(kind), device="cpu", dtype=torch.float32)
    schedule = NoiseSchedule.from_config(models.noise_scheduler_config)
    reference = DDIMScheduler.from_config(models.noise_scheduler_config)
    clean, noise = (gaussian_noise((3, 4, 8, 8), cpu_generator(seed)) for seed in (1, 2))
    timesteps = torch.tensor([0, 500, 998])
    noisy = schedule.add_noise(clean, noise, timesteps)
    assert torch.allclose(noisy, reference.add_noise(clean, noise, timesteps), atol=1e-6)
    target = schedule.target(clean, noise, timesteps)
    if schedule.prediction_type == "v_prediction":
        assert torch.allclose(target, reference.get_velocity(clean, noise, timesteps), atol=1e-6)
    assert torch.allclose(schedule.predict_x0(target, noisy, timesteps), clean, atol=1e-3)
    assert torch.allclose(schedule.predict_noise(target, noisy, timesteps), noise, atol=1e-5)
    weights = schedule.min_snr_weights(timesteps)
    assert bool(((weights > 0) & (weights <= 1)).all())


def test_picture_behind_pure_noise_is_found_by_v_prediction(backbone: Backbone) -> None:
    schedule = NoiseSchedule.from_config(backbone.noise_scheduler_config)
    last = torch.tensor([schedule.train_timesteps - 1])
    assert schedule.alphas_cumprod[-1] == 0
    clean, noise = (gaussian_noise((1, 4, 8, 8), cpu_generator(seed)) for seed in (1, 2))
    assert torch.equal(schedule.add_noise(clean, noise, last), noise)
    assert torch.equal(schedule.predict_x0(schedule.target(clean, noise, last), noise, last), clean)


def test_picture_behind_a_prediction_is_the_one_the_sampler_uses(backbone: Backbone) -> None:
    schedule = NoiseSchedule.from_config(backbone.noise_scheduler_config)
    sampler = make_noise_scheduler("ddim", backbone.noise_scheduler_config)
    sampler.set_timesteps(10)
    noise_pred, noisy = (gaussian_noise((1, 4, 8, 8), cpu_generator(seed)) for seed in (1, 2))
    timestep = sampler.timesteps[4]
    expected = sampler.step(noise_pred, timestep, noisy).pred_original_sample
    assert torch.allclose(schedule.predict_x0(noise_pred, noisy, timestep[None]), expected, atol=1e-6)


@pytest.mark.parametrize("rescale", [0.0, 0.3, 1.0])
def test_guidance_is_that_of_diffusers(rescale: float) -> None:
    uncond, text = (gaussian_noise((1, 4, 8, 8), cpu_generator(seed)) for seed in (1, 2))
    expected = rescale_noise_cfg(uncond + 5 * (text - uncond), text, guidance_rescale=rescale)
    assert torch.allclose(
        guide(uncond, text, guidance_scale=5.0, guidance_rescale=rescale), expected, atol=1e-6
    )


def test_full_rescale_restores_the_contrast() -> None:
    uncond, text = (gaussian_noise((1, 4, 8, 8), cpu_generator(seed)) for seed in (1, 2))
    guided = guide(uncond, text, guidance_scale=9.0, guidance_rescale=1.0)
    assert torch.isclose(guided.std(), text.std(), rtol=1e-4)
