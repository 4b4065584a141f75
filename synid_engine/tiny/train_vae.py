# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportOptionalSubscript=false
"""Train the autoencoder of the drawn world: 256-pixel pictures to 16 x 16 x 16 latents of unit variance.

Run: `python -m synid_engine.tiny.train_vae --data DATA --out WEIGHTS/vae --minutes 30`
It resumes from the weights that lie in `--out`. Sample sheets appear beside the log every few minutes.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from synid_engine.tiny.dataset import Labelled, open_shards
from synid_engine.tiny.group_norm import quicken
from synid_engine.tiny.training import (
    Budget,
    MovingAverage,
    autocast,
    from_signed,
    pick_device,
    set_rate,
    tile,
    to_signed,
    to_tensor,
)
from synid_engine.tiny.world import face_box, mouth_box

LATENT_CHANNELS = 32
LATENT_NOISE = 0.1
SMALL_EVERY = 3
WHOLE_EVERY = 4


def build_vae() -> AutoencoderKL:
    """Build the untrained autoencoder: five levels, so a factor of 16; most channels where space is small."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 5,
        up_block_types=("UpDecoderBlock2D",) * 5,
        block_out_channels=(16, 32, 64, 96, 128),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=8,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=1.0,
        sample_size=256,
        force_upcast=False,
    )
    calibrate(vae)
    return vae


@torch.no_grad()
def calibrate(vae: AutoencoderKL) -> None:
    """Scale the last convolution: an untrained encoder then gives means of unit variance, and no spread.

    Without it the first latents are far smaller than the noise they are trained with, and nothing is learned.
    """
    probe = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    last, channels = vae.encoder.conv_out, vae.config.latent_channels
    last.weight[channels:] = 0
    last.bias[channels:] = -30  # the logarithm of the variance
    spread = encode(vae, probe).std(dim=(0, 2, 3)).clamp(min=1e-6)
    last.weight[:channels].div_(spread[:, None, None, None])
    means = encode(vae, probe).mean(dim=(0, 2, 3))
    last.bias[:channels].sub_(means)


def encode(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Encode (batch, 3, H, W) in 0..1 to the means of the latents, (batch, channels, H/16, W/16)."""
    return vae.encoder(to_signed(pictures))[:, : vae.config.latent_channels]


def opponent_colors(pictures: Tensor) -> Tensor:
    """Return red against green, and blue against both: what is left of a colour without its lightness."""
    red, green, blue = pictures.unbind(dim=1)
    return torch.stack([red - green, blue - (red + green) / 2], dim=1)


def reconstruction_loss(decoded: Tensor, target: Tensor) -> Tensor:
    """Sum L1, MSE, edges and pooled colours: edges alone would lose the colours."""
    loss = F.l1_loss(decoded, target) + 4 * F.mse_loss(decoded, target)
    loss = loss + 2 * F.mse_loss(opponent_colors(decoded), opponent_colors(target))
    for dim in (2, 3):
        loss = loss + 0.5 * F.l1_loss(decoded.diff(dim=dim), target.diff(dim=dim))
    for scale in (2, 4, 8):
        loss = loss + 2 * F.mse_loss(F.avg_pool2d(decoded, scale), F.avg_pool2d(target, scale))
    return loss


def autoencoding_loss(vae: AutoencoderKL, target: Tensor) -> tuple[Tensor, Tensor]:
    """Decode slightly noisy latents, which shall have unit variance; return the loss and the latents."""
    with autocast(target.device):
        latents = encode(vae, target)
        decoded = from_signed(vae.decoder(latents + LATENT_NOISE * torch.randn_like(latents)))
    spread = latents.float()
    prior = spread.mean(dim=(0, 2, 3)).square().mean() + (spread.var(dim=(0, 2, 3)) - 1).square().mean()
    return reconstruction_loss(decoded.float(), target) + 0.05 * prior, spread


def smaller_loss(vae: AutoencoderKL, latents: Tensor, target: Tensor) -> Tensor:
    """Ask that latents of half the size decode to the picture at half the size.

    Such latents change smoothly from place to place, and a UNet learns them sooner (EQ-VAE, section 3).
    """
    with autocast(target.device):
        decoded = from_signed(vae.decoder(F.avg_pool2d(latents, 2)))
    return 0.5 * reconstruction_loss(decoded.float(), F.avg_pool2d(target, 2))


def sample_crops(
    shards: list[NDArray[np.uint8]], labels: list[Labelled], rng: np.random.Generator, count: int, side: int
) -> Tensor:
    """Cut random squares: half anywhere, half on the face, a third of those on the mouth."""
    per_shard = shards[0].shape[0]
    crops = np.empty((count, side, side, 3), dtype=np.uint8)
    for i in range(count):
        index = int(rng.integers(len(labels)))
        picture, item = shards[index // per_shard][index % per_shard], labels[index]
        if rng.random() < 0.5:
            x, y = rng.integers(0, 257 - side, size=2)
        else:
            mouth = rng.random() < 0.33
            box = mouth_box(item.person, item.shot) if mouth else face_box(item.person, item.shot)
            center = np.array([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]) + rng.uniform(-24, 24, size=2)
            x, y = np.clip(center - side / 2, 0, 256 - side).astype(int)
        crops[i] = picture[y : y + side, x : x + side]
    return to_tensor(crops)


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe until its minutes are spent, then save the averaged weights in fp16."""
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    device = pick_device()
    shards, labels = open_shards(arguments.data)
    resumed = (arguments.out / "config.json").exists()
    vae = AutoencoderKL.from_pretrained(arguments.out, torch_dtype=torch.float32) if resumed else build_vae()
    vae = vae.to(device, memory_format=torch.channels_last).train()
    quicken(vae)
    average = MovingAverage(vae)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=arguments.lr, weight_decay=1e-4, betas=(0.9, 0.99))
    budget = Budget(minutes=arguments.minutes, learning_rate=arguments.lr)
    shown = time.monotonic()
    saved = shown
    running = 0.0
    seen = 0
    for step in budget.steps():
        set_rate(optimizer, budget.rate(step))
        whole = step % WHOLE_EVERY == 0  # group norms must see whole pictures too
        count, side = (max(1, arguments.batch // 4), 256) if whole else (arguments.batch, arguments.side)
        target = sample_crops(shards, labels, rng, count, side).to(device, memory_format=torch.channels_last)
        loss, latents = autoencoding_loss(vae, target)
        if step % SMALL_EVERY == 0:
            loss = loss + smaller_loss(vae, latents, target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        if step % 4 == 0:
            average.update(vae)
        seen += count
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if time.monotonic() - shown > 60:
            shown = time.monotonic()
            rate = seen / (shown - budget.started)
            print(f"{budget.fraction:.0%} step {step} loss {running:.4f} {rate:.0f} crops/s", flush=True)  # noqa: T201
        if time.monotonic() - saved > 120:
            saved = time.monotonic()
            with average.applied_to(vae):
                report(vae, shards[-1], arguments.out)
                save(vae, arguments.out)
    with average.applied_to(vae):
        report(vae, shards[-1], arguments.out)
        save(vae, arguments.out)


@torch.no_grad()
def report(vae: AutoencoderKL, pictures: NDArray[np.uint8], out: Path) -> None:
    """Print the PSNR of 24 whole pictures and draw eight of them beside their reconstructions."""
    device = next(vae.parameters()).device
    batch = to_tensor(np.asarray(pictures[:96:4])).to(device)
    with autocast(device):
        latents = encode(vae, batch)
        decoded = from_signed(vae.decoder(latents).float()).clamp(0, 1)
    psnr = -10 * (decoded - batch).square().mean(dim=(1, 2, 3)).log10()
    print(f"psnr {psnr.mean():.2f} latent std {latents.float().std(dim=(0, 2, 3)).mean():.3f}", flush=True)  # noqa: T201
    pairs = [picture for i in range(8) for picture in (batch[i], decoded[i])]
    out.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tile(pairs, 4)).save(out.parent / "vae-samples.png")


def save(vae: AutoencoderKL, out: Path) -> None:
    """Write the weights in fp16, in diffusers' layout."""
    state = {name: value.detach().clone() for name, value in vae.state_dict().items()}
    vae.half().save_pretrained(out, safe_serialization=True)
    vae.float().load_state_dict(state)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
