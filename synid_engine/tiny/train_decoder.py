# pyright: basic, reportPrivateImportUsage=false, reportArgumentType=false
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportGeneralTypeIssues=false
# pyright: reportReturnType=false
"""Train the decoder alone on the latents that the UNet was trained with.

The encoder does not change, so that the UNet and every finished character stay valid. Half of the latents
are exact; the others are what the UNet draws from a noisy one in a few steps, so that the decoder also learns
to draw clean lines from a drawn latent, which is never quite right. A critic keeps it from blurring what such
a latent leaves open.

Run: `python -m synid_engine.tiny.train_decoder --data DATA --out WEIGHTS --cache CACHE --minutes 12`
It expects `vae/`, `unet/`, `text_encoder/` and `tokenizer/` in `--out`, and the latents that `train_unet`
keeps in `--cache`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from numpy.typing import NDArray
from torch import Tensor

from synid_engine.sampling.latents import NoiseSchedule
from synid_engine.tiny.captions import caption
from synid_engine.tiny.critic import Adversary
from synid_engine.tiny.dataset import Labelled, open_shards
from synid_engine.tiny.group_norm import quicken
from synid_engine.tiny.train_unet import Family, Latents, cache_latents, load_family
from synid_engine.tiny.train_vae import WHOLE_EVERY, reconstruction_loss, report, save
from synid_engine.tiny.training import (
    Budget,
    MovingAverage,
    autocast,
    from_signed,
    pick_device,
    set_rate,
    to_tensor,
)
from synid_engine.tiny.world import face_box

PATCH = 16
DRAWN_SHARE = 0.5
DRAWN_TIMESTEPS = (100, 650)
"""Where drawing begins: at the higher ones much of the picture is the UNet's own."""
DRAWN_STEPS = 3
GUIDANCE = 3.0
UNCRITICISED = 0.03
"""Share of the time in which the critic learns alone."""
LATENT_NOISE = 0.05


class Lessons:
    """Draws squares of pictures beside the latents that lie under them."""

    def __init__(
        self,
        shards: list[NDArray[np.uint8]],
        latents: Latents,
        family: Family,
        unet: UNet2DConditionModel,
        rng: np.random.Generator,
    ) -> None:
        self.shards, self.latents, self.family, self.unet, self.rng = shards, latents, family, unet, rng
        device = next(unet.parameters()).device
        self.schedule = NoiseSchedule.from_config(family.noise_scheduler.config, device=device)

    def draw(self, count: int, cells: int) -> tuple[Tensor, Tensor]:
        """Return (count, channels, cells, cells) latents, and (count, 3, 16 cells, 16 cells) pictures."""
        rows = self.rng.integers(len(self.latents.labels), size=count)
        device = next(self.unet.parameters()).device
        whole = self.latents.values[torch.from_numpy(rows)].float().to(device)
        noisy = whole + LATENT_NOISE * torch.randn_like(whole)
        drawn = torch.from_numpy(self.rng.random(count) < DRAWN_SHARE).to(device)
        if drawn.any():
            labels = [self.latents.labels[i] for i, is_drawn in zip(rows, drawn, strict=True) if is_drawn]
            noisy[drawn] = self._redrawn(whole[drawn], labels)
        codes: list[Tensor] = []
        pictures = np.empty((count, cells * PATCH, cells * PATCH, 3), dtype=np.uint8)
        per_shard = self.shards[0].shape[0]
        for i, row in enumerate(rows):
            top, left = self._corner(self.latents.labels[row], cells)
            codes.append(noisy[i, :, top : top + cells, left : left + cells])
            y, x = top * PATCH, left * PATCH
            picture = self.shards[row // per_shard][row % per_shard]
            pictures[i] = picture[y : y + cells * PATCH, x : x + cells * PATCH]
        return torch.stack(codes), to_tensor(pictures).to(device)

    def _corner(self, item: Labelled, cells: int) -> tuple[int, int]:
        """Pick a square: half anywhere, half about the face."""
        last = 256 // PATCH - cells
        if self.rng.random() < 0.5:
            top, left = self.rng.integers(0, last + 1, size=2)
            return int(top), int(left)
        box = face_box(item.person, item.shot)
        middle = np.array([(box[1] + box[3]) / 2, (box[0] + box[2]) / 2]) + self.rng.uniform(-32, 32, size=2)
        corner = np.clip(np.round(middle / PATCH - cells / 2), 0, last).astype(int)
        return int(corner[0]), int(corner[1])

    @torch.no_grad()
    def _redrawn(self, clean: Tensor, labels: list[Labelled]) -> Tensor:
        """Make latents noisy and let the UNet draw on from there."""
        begun = torch.randint(*DRAWN_TIMESTEPS, (len(clean),), device=clean.device)
        texts = [caption(item.person, item.shot, self.rng) for item in labels]
        context = self.family.encode(texts + [""] * len(texts))
        noise = torch.randn_like(clean)
        for step in range(DRAWN_STEPS):
            timesteps = begun * (DRAWN_STEPS - step) // DRAWN_STEPS
            noisy = self.schedule.add_noise(clean, noise, timesteps)
            with autocast(clean.device):
                both = self.unet(
                    noisy.repeat(2, 1, 1, 1), timesteps.repeat(2), encoder_hidden_states=context
                ).sample.float()
            told, untold = both.chunk(2)
            velocity = untold + GUIDANCE * (told - untold)
            clean = self.schedule.predict_x0(velocity, noisy, timesteps)
            noise = self.schedule.predict_noise(velocity, noisy, timesteps)
        return clean


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe until its minutes are spent, then save the averaged weights in fp16."""
    torch.manual_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    device = pick_device()
    family = load_family(arguments.out, device)
    unet = UNet2DConditionModel.from_pretrained(arguments.out / "unet", torch_dtype=torch.float32)
    unet = unet.to(device, memory_format=torch.channels_last).eval()
    shards, _ = open_shards(arguments.data)
    latents = cache_latents(arguments.data, arguments.cache, family.vae, arguments.pictures)
    vae = family.vae.to(device, memory_format=torch.channels_last).train()
    vae.encoder.requires_grad_(requires_grad=False)
    quicken(vae.decoder)
    lessons = Lessons(shards, latents, family, unet, rng)
    average = MovingAverage(vae)
    adversary = Adversary(device)
    optimizer = torch.optim.AdamW(
        vae.decoder.parameters(), lr=arguments.lr, weight_decay=1e-4, betas=(0.9, 0.99), fused=True
    )
    budget = Budget(minutes=arguments.minutes, learning_rate=arguments.lr)
    shown = saved = time.monotonic()
    running, seen = 0.0, 0
    for step in budget.steps():
        set_rate(optimizer, budget.rate(step))
        whole = step % WHOLE_EVERY == 0
        count, cells = (2, 16) if whole else (arguments.batch, arguments.cells)
        codes, target = lessons.draw(count, cells)
        with autocast(device):
            decoded = from_signed(vae.decoder(codes.to(memory_format=torch.channels_last)))
        loss = reconstruction_loss(decoded.float(), target)
        if budget.fraction > UNCRITICISED:
            loss = adversary.join(loss, decoded, target, vae.decoder.conv_out.weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(vae.decoder.parameters(), 1.0)
            optimizer.step()
        adversary.learn(decoded, target, rate=budget.rate(step))
        if step % 4 == 0:
            average.update(vae)
        seen += count
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        now = time.monotonic()
        if now - shown > 60:
            shown = now
            rate = seen / (now - budget.started)
            print(f"{budget.fraction:.0%} step {step} loss {running:.4f} {rate:.0f} squares/s", flush=True)  # noqa: T201
        if now - saved > 180:
            saved = now
            with average.applied_to(vae):
                report(vae, shards[-1], arguments.out / "vae")
                save(vae, arguments.out / "vae")
    with average.applied_to(vae):
        report(vae, shards[-1], arguments.out / "vae")
        save(vae, arguments.out / "vae")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--pictures", type=int, default=24_000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--cells", type=int, default=8, help="side of a square, in latents")
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--seed", type=int, default=31)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
