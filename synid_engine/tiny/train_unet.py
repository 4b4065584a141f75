# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
"""Train the UNet of the embedded family and its identity encoder on cached latents; the text stays frozen.

v-prediction with zero terminal SNR, min-SNR weights, empty captions for a tenth of the samples, and an
exponential moving average. `IDENTITY_P` of the samples are also told who is in the picture, by the identity
tokens of *other* pictures of the same person. `--out` ends as a folder that
`StableDiffusionPipeline.from_pretrained` loads, with `identity_encoder/` beside it.

Run: `python -m synid_engine.tiny.train_unet --data DATA --out WEIGHTS --cache CACHE --minutes 60`
It expects `vae/`, `text_encoder/` and `tokenizer/` in `--out`, and resumes from the `unet/` and the
`identity_encoder/` that lie there.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.perception.network_file import load_network, save_network
from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.tiny.captions import caption
from synid_engine.tiny.dataset import Labelled, open_shards
from synid_engine.tiny.teacher import Teacher
from synid_engine.tiny.train_text import tokenize
from synid_engine.tiny.train_vae import LATENT_CHANNELS, encode
from synid_engine.tiny.training import (
    Budget,
    MovingAverage,
    autocast,
    from_signed,
    pick_device,
    set_rate,
    tile,
    to_tensor,
)
from synid_engine.tiny.world import face_box, landmarks, mouth_box

EMPTY_P = 0.1
IDENTITY_P = 0.6
"""Share of the samples with identity tokens; the others are the stock model's, without any."""
PORTRAIT_NOISE = 0.3
"""Most noise on the latents that tokens are read from: drawings are never as clean as renders."""
SNR_CAP = 5.0
FACE_WEIGHT = 3.0
"""How much an error in the face counts beside one elsewhere: faces are small, and what people look at."""
FEATURE_WEIGHT = 9.0
"""How much an error about the eyes and the mouth counts: expressions are drawn there, in a few cells."""
HARD_WEIGHT = 1.5
"""How much more often a picture is drawn for each of `HARD_TRAITS` in it."""
HARD_TRAITS = {
    "facial_hair": ("moustache", "goatee", "beard", "big beard"),
    "glasses": ("round glasses", "square glasses"),
    "hair": ("short curly", "spiky", "undercut", "buzz cut", "bun"),
    "clothes": ("jacket", "hoodie", "overalls", "dress"),
    "expression": ("smiling", "winking", "sad", "laughing", "shouting", "sleepy"),
}
"""The values that pictures missed most often when they were last measured."""
_MOST_SHOTS = 8
SAMPLE_PROMPTS = (
    "a woman with long wavy red hair, smiling, on a beach, flat style",
    "a bald man with a big beard and sunglasses, angry, city, flat style",
    "a man with spiky blue hair, surprised, at night, toon style",
    "a woman with a black bun, wearing a green turtleneck, forest, toon style",
)

SAMPLE_SCENES = ("smiling, on a beach", "angry, in the city", "surprised, plain blue background")


def build_unet(context_dim: int) -> UNet2DConditionModel:
    """Build the untrained UNet: plain at 16 x 16, cross-attention on the two levels below."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(128, 128, 192),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=context_dim,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def build_noise_scheduler() -> DDIMScheduler:
    """Build the schedule that the family is trained and sampled with."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Latents:
    """Cached latents and the labels that captions are written from, row for row."""

    values: Tensor
    labels: list[Labelled]

    def companions(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return (rows, 2) other pictures of the same people; both may be the same one."""
        others = np.empty((len(rows), 2), dtype=np.int64)
        for i, row in enumerate(rows):
            person = self.labels[row].person_id
            near = range(max(0, row - _MOST_SHOTS), min(len(self.labels), row + _MOST_SHOTS + 1))
            found = [other for other in near if other != row and self.labels[other].person_id == person]
            others[i] = rng.choice(found or [row], size=2)
        return others

    def face_weights(self, rows: NDArray[np.int64]) -> Tensor:
        """Return (rows, 1, side, side) weights of the loss, 1 on average over each picture."""
        side = self.values.shape[-1]
        weights = torch.ones(len(rows), 1, side, side)
        for i, row in enumerate(rows):
            item = self.labels[row]
            x0, y0, x1, y1 = face_box(item.person, item.shot, size=side).tolist()
            weights[i, 0, int(y0) : math.ceil(y1), int(x0) : math.ceil(x1)] = FACE_WEIGHT
            eyes = landmarks(item.person, item.shot, size=side)[:2]
            boxes = (mouth_box(item.person, item.shot, size=side), (*eyes.min(axis=0), *eyes.max(axis=0)))
            for left, top, right, bottom in boxes:
                weights[i, 0, int(top) : math.ceil(bottom), int(left) : math.ceil(right)] = FEATURE_WEIGHT
        return weights / weights.mean(dim=(1, 2, 3), keepdim=True)

    def shares(self) -> NDArray[np.float64]:
        """Return how likely each row is drawn: `HARD_WEIGHT` times as likely for each hard trait."""
        hard = [
            sum(
                getattr(item.shot if trait == "expression" else item.person, trait) in values
                for trait, values in HARD_TRAITS.items()
            )
            for item in self.labels
        ]
        weights = HARD_WEIGHT ** np.array(hard, dtype=np.float64)
        return weights / weights.sum()


@torch.no_grad()
def cache_latents(data: Path, cache: Path, vae: AutoencoderKL, count: int) -> Latents:
    """Encode the first `count` pictures once and keep the latents in fp16."""
    shards, labels = open_shards(data)
    count = min(count, len(labels))
    path = cache / "latents.npy"
    if path.exists() and len(np.load(path, mmap_mode="r")) >= count:
        return Latents(values=torch.from_numpy(np.load(path)[:count]), labels=labels[:count])
    device = next(vae.parameters()).device
    parts: list[NDArray[np.float16]] = []
    done = 0
    for shard in shards:
        for first in range(0, len(shard), 20):
            if done >= count:
                break
            batch = to_tensor(np.asarray(shard[first : first + 20])).to(
                device, memory_format=torch.channels_last
            )
            with autocast(device):
                encoded = encode(vae, batch)
            parts.append(encoded.float().half().cpu().numpy())
            done += len(batch)
        print(f"encoded {done} of {count}", flush=True)  # noqa: T201
        if done >= count:
            break
    cache.mkdir(parents=True, exist_ok=True)
    values = np.concatenate(parts)[:count]
    np.save(path, values)
    return Latents(values=torch.from_numpy(values), labels=labels[:count])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """The frozen modules around the UNet, with the schedule."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: AutoencoderKL
    noise_scheduler: DDIMScheduler

    @torch.no_grad()
    def encode(self, texts: list[str]) -> Tensor:
        """Encode prompts to (batch, tokens, width) states."""
        return self.text_encoder(
            tokenize(self.tokenizer, texts).to(self.text_encoder.device)
        ).last_hidden_state


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What the denoiser is told: prompt states with identity tokens behind them, and which of them count."""

    context: Tensor
    mask: Tensor | None = None


def tell(
    family: Family,
    encoder: nn.Module,
    texts: list[str],
    portraits: Tensor,
    *,
    identity_p: float = IDENTITY_P,
) -> Told:
    """Encode captions, and for some of the rows the identity of other pictures of the same person.

    Args:
        family: The frozen modules.
        encoder: What is trained beside the UNet.
        texts: Captions.
        portraits: (rows, 2, c, h, w) latents; the tokens of one, or the mean of both, are told.
        identity_p: Share of the rows with an identity.
    """
    context = family.encode(texts)
    rows = len(portraits)
    with_identity = torch.rand(rows, device=context.device) < identity_p
    noise = torch.rand(rows, 2, 1, 1, 1, device=context.device) * PORTRAIT_NOISE
    noisy = (portraits + noise * torch.randn_like(portraits)).flatten(0, 1)
    with autocast(context.device):
        tokens = encoder(noisy.contiguous(memory_format=torch.channels_last))
    tokens = tokens.float().unflatten(0, (rows, 2)).mean(dim=1)
    mask = torch.ones(rows, context.shape[1] + tokens.shape[1], device=context.device)
    mask[:, context.shape[1] :] = with_identity[:, None].float()
    return Told(context=torch.cat([context, tokens], dim=1), mask=mask)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guess:
    """What the denoiser says of noisy latents.

    Attributes:
        loss: Min-SNR weighted error of the velocity.
        clean: (rows, c, h, w) latents that the velocity amounts to.
        alpha_bar: (rows,) of the timesteps.
    """

    loss: Tensor
    clean: Tensor
    alpha_bar: Tensor


def guess(
    schedule: NoiseSchedule, unet: UNet2DConditionModel, clean: Tensor, told: Told, places: Tensor
) -> Guess:
    """Let the denoiser guess at random timesteps; `places` weigh the cells of the latents."""
    noise = torch.randn_like(clean)
    timesteps = stratified_timesteps(len(clean), schedule.train_timesteps).to(clean.device)
    noisy = schedule.add_noise(clean, noise, timesteps)
    target = schedule.target(clean, noise, timesteps)
    with autocast(clean.device):
        predicted = unet(
            noisy, timesteps, encoder_hidden_states=told.context, encoder_attention_mask=told.mask
        ).sample.float()
    alpha_bar = schedule.alphas_cumprod[timesteps]
    snr = alpha_bar / (1 - alpha_bar)
    weights = (snr.clamp(max=SNR_CAP) + 1) / (snr + 1)
    errors = ((predicted - target).square() * places).mean(dim=(1, 2, 3))
    implied = schedule.predict_x0(predicted, noisy, timesteps)
    return Guess(loss=(errors * weights).mean(), clean=implied, alpha_bar=alpha_bar)


def stratified_timesteps(count: int, steps: int) -> Tensor:
    """Return one random timestep from each of `count` equal parts of the schedule, in random order."""
    places = (torch.randperm(count) + torch.rand(count)) / count
    return (places * steps).long().clamp(max=steps - 1)


@torch.no_grad()
def sample(
    family: Family,
    unet: UNet2DConditionModel,
    encoder: IdentityEncoder,
    portrait: Tensor,
    *,
    steps: int = 20,
    guidance: float = 3.0,
) -> Tensor:
    """Draw the sample prompts with fixed noise, then `SAMPLE_SCENES` of one person.

    Args:
        family: The frozen modules.
        unet: Denoiser.
        encoder: Reads the portrait.
        portrait: (1, c, h, w) latents of somebody.
        steps: Of denoising.
        guidance: Over the prediction without prompt and identity.

    Returns:
        (12, 3, 256, 256) pictures in 0..1: four prompts twice, then the person and three scenes.
    """
    device = family.text_encoder.device
    prompts = [*SAMPLE_PROMPTS, *SAMPLE_PROMPTS, *SAMPLE_SCENES]
    generator = torch.Generator().manual_seed(5)
    latents = torch.randn((len(prompts), unet.config.in_channels, 16, 16), generator=generator).to(device)
    context = family.encode(prompts + [""] * len(prompts))
    tokens = encoder(portrait.to(device)).expand(len(context), -1, -1)
    mask = torch.ones(len(context), context.shape[1] + tokens.shape[1], device=device)
    mask[:, context.shape[1] :] = 0
    mask[len(SAMPLE_PROMPTS) * 2 : len(prompts)] = 1
    context = torch.cat([context, tokens], dim=1)
    scheduler = DDIMScheduler.from_config(family.noise_scheduler.config)
    scheduler.set_timesteps(steps)
    for timestep in scheduler.timesteps:
        with autocast(device):
            halves = unet(
                latents.repeat(2, 1, 1, 1),
                timestep,
                encoder_hidden_states=context,
                encoder_attention_mask=mask,
            ).sample.float()
        conditional, unconditional = halves.chunk(2)
        velocity = unconditional + guidance * (conditional - unconditional)
        latents = scheduler.step(velocity, timestep, latents).prev_sample
    pictures = torch.cat([latents[:8], portrait.to(latents), latents[8:]])
    return from_signed(torch.cat([family.vae.decoder(part) for part in pictures.split(4)]).float())


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe until its minutes are spent; save the averaged weights in fp16 every few minutes."""
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    device = pick_device()
    family = load_family(arguments.out, device)
    latents = cache_latents(arguments.data, arguments.cache, family.vae, arguments.pictures)
    unet, encoder = load_trained(arguments.out, family, device)
    both = nn.ModuleDict({"unet": unet, "identity_encoder": encoder})
    print(f"{sum(p.numel() for p in both.parameters()) / 1e6:.1f} M parameters", flush=True)  # noqa: T201
    average = MovingAverage(both, decay=arguments.ema)
    optimizer = torch.optim.AdamW(
        both.parameters(), lr=arguments.lr, weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    budget = Budget(minutes=arguments.minutes, learning_rate=arguments.lr)
    shown = saved = time.monotonic()
    running, seen = 0.0, 0
    shares = latents.shares()
    schedule = NoiseSchedule.from_config(family.noise_scheduler.config, device=device)
    teacher = Teacher.load(arguments.reader, latents.labels, device) if arguments.reader else None
    for step in budget.steps():
        set_rate(optimizer, budget.rate(step))
        rows = rng.choice(len(latents.labels), size=arguments.batch, p=shares)
        texts = [
            "" if rng.random() < EMPTY_P else caption(latents.labels[i].person, latents.labels[i].shot, rng)
            for i in rows
        ]
        clean = latents.values[torch.from_numpy(rows)].float().to(device, memory_format=torch.channels_last)
        others = latents.values[torch.from_numpy(latents.companions(rows, rng))].float().to(device)
        told = tell(family, encoder, texts, others)
        guessed = guess(schedule, unet, clean, told, latents.face_weights(rows).to(device))
        loss = guessed.loss
        if teacher is not None:
            loss = loss + teacher.loss(guessed.clean, guessed.alpha_bar, rows)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimizer.step()
        if step % 2 == 0:
            average.update(both)
        seen += len(rows)
        running = 0.99 * running + 0.01 * float(loss.detach()) if step else float(loss.detach())
        now = time.monotonic()
        if now - shown > 60:
            shown = now
            rate = seen / (now - budget.started)
            print(f"{budget.fraction:.0%} step {step} loss {running:.4f} {rate:.0f} samples/s", flush=True)  # noqa: T201
        if now - saved > 180:
            saved = now
            with average.applied_to(both):
                save(family, unet, encoder, arguments.out, latents, arguments.samples)
    with average.applied_to(both):
        save(family, unet, encoder, arguments.out, latents, arguments.samples)


def load_trained(
    out: Path, family: Family, device: torch.device
) -> tuple[UNet2DConditionModel, IdentityEncoder]:
    """Return the UNet and the identity encoder as they were left, or untrained ones."""
    context_dim = family.text_encoder.config.hidden_size
    folder = out / "unet"
    unet = (
        UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32)
        if (folder / "config.json").exists()
        else build_unet(context_dim)
    )
    unet = unet.to(device, memory_format=torch.channels_last).train()
    if device.type == "cpu":
        unet.set_attn_processor(AttnProcessor())  # its backward pass is faster than the fused kernel's
    folder = out / "identity_encoder"
    if (folder / "config.json").exists():
        encoder = load_network(folder, kinds=("identity_encoder",), device=device).network
        encoder.requires_grad_(requires_grad=True)
    else:
        encoder = IdentityEncoder(latent_channels=LATENT_CHANNELS, context_dim=context_dim)
    return unet, encoder.to(device, memory_format=torch.channels_last).train()


def load_family(out: Path, device: torch.device) -> Family:
    """Load what was trained before the UNet."""
    return Family(
        tokenizer=CLIPTokenizer.from_pretrained(out / "tokenizer"),
        text_encoder=CLIPTextModel.from_pretrained(out / "text_encoder", dtype=torch.float32)
        .to(device)
        .eval(),
        vae=AutoencoderKL.from_pretrained(out / "vae", torch_dtype=torch.float32).to(device).eval(),
        noise_scheduler=build_noise_scheduler(),
    )


def save_encoder(encoder: IdentityEncoder, family: Family, out: Path) -> None:
    """Write the identity encoder beside the models that it belongs to."""
    sizes = {"latent_channels": LATENT_CHANNELS, "context_dim": family.text_encoder.config.hidden_size}
    config = {"architecture": "identity_encoder", "arguments": sizes}
    save_network(out / "identity_encoder", encoder, config)


def save(
    family: Family,
    unet: UNet2DConditionModel,
    encoder: IdentityEncoder,
    out: Path,
    latents: Latents,
    samples: Path,
) -> None:
    """Write fp16 weights, the schedule, the pipeline index and a sheet of samples."""
    unet.eval()
    samples.parent.mkdir(parents=True, exist_ok=True)
    sheet = sample(family, unet, encoder, latents.values[:1].float())
    Image.fromarray(tile(sheet, 4)).save(samples)
    save_encoder(encoder, family, out)
    state = {name: value.detach().clone() for name, value in unet.state_dict().items()}
    unet.half().save_pretrained(out / "unet", safe_serialization=True)
    unet.float().load_state_dict(state)
    unet.train()
    family.noise_scheduler.save_pretrained(out / "scheduler")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": version("diffusers"),
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--reader", type=Path, help="what train_reader made; without it nobody teaches")
    parser.add_argument("--samples", type=Path, default=Path("out/unet-samples.png"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--pictures", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.999)
    parser.add_argument("--seed", type=int, default=21)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
