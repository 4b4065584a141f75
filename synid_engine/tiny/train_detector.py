r"""Train the face detector: box, five landmarks, presence, on moved, degraded and empty pictures.

Run: `python -m synid_engine.tiny.train_detector --data DATA --cache CACHE --figures FIGURES.json \
--out WEIGHTS/perception/face_detector`
It resumes from the weights that lie in `--out`.
"""

import argparse
import io

import numpy as np
import resvg_py
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor

from synid_engine.perception.face import RegressionFaceDetector
from synid_engine.perception.networks import LandmarkNet
from synid_engine.tiny.augment import Degradation, Motion, degrade, random_motion
from synid_engine.tiny.perception_run import PerceptionRun, add_arguments, load_or_build
from synid_engine.tiny.picture_cache import SIDE, open_held_out, open_pictures
from synid_engine.tiny.scenes import scene_svg
from synid_engine.tiny.world import BACKGROUNDS

_CONFIG = {"architecture": "landmark_net", "arguments": {"widths": [24, 48, 64], "hidden": 64}}
_EMPTY_SHARE, _PAIR_SHARE, _AWAY_SHARE, _PART_SHARE = 0.08, 0.2, 0.1, 0.12
_SEEN_SHARE, _HIDDEN_SHARE = 0.7, 0.3  # parts of the box within the picture: a face, and none
_LEAST_PASTED = 12
_NOISE_SHARE = 0.4  # of the empty pictures


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe, then measure on people outside the training set."""
    run = PerceptionRun.start(arguments)
    pictures = open_pictures(arguments.data, arguments.cache)
    geometry = pictures.geometry()
    scenes = empty_scenes()
    network = run.place(load_or_build(arguments.out, "landmark_net", lambda: LandmarkNet(hidden=64)))
    everyone = np.arange(len(pictures))
    for _step in run.steps(network.train(), _CONFIG):
        rows = run.rows(everyone)
        batch, target = compose_batch(pictures.batch(rows, run.device), geometry[rows], scenes, run.generator)
        with run.precision():
            output: Tensor = network(degrade(batch, Degradation(), run.generator))
        run.learn(detection_loss(output.float(), target.to(run.device)))
    run.finish(network, _CONFIG, measure(RegressionFaceDetector(network=network.eval()), arguments))


def empty_scenes() -> Tensor:
    """Draw every background without a person."""
    drawn: list[Tensor] = []
    for background in BACKGROUNDS:
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256">{scene_svg(background)}</svg>'
        png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
        pixels = np.array(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
        drawn.append(torch.as_tensor(pixels).permute(2, 0, 1).float() / 255)
    return torch.stack(drawn)


def compose_batch(
    pictures: Tensor, geometry: Tensor, scenes: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Move people, paste smaller ones beside them, empty some pictures.

    Returns:
        Pictures of 64 pixels, and (batch, 15): box, landmarks, and presence, -1 where that is undecided.
    """
    count = len(pictures)
    motion = random_motion(count, generator, zoom=(0.62, 2.4), turn_degrees=12, shift=0.16)
    part = random_motion(
        count, generator, zoom=(0.2, 0.7), turn_degrees=12, shift=0.35
    )  # an eye, an ear, hair
    motion = _mix(torch.rand(count, generator=generator) < _PART_SHARE, part, motion)
    away = torch.rand(count, generator=generator) < _AWAY_SHARE
    shift = motion.shift + away[:, None] * 0.75 * torch.randn(count, 2, generator=generator)
    motion = Motion(cosine=motion.cosine, sine=motion.sine, shift=shift)
    padding = ("zeros", "border", "reflection")[int(torch.randint(3, (), generator=generator))]
    reflected = padding == "reflection"  # a mirrored second face would be no error of the network
    moved = F.avg_pool2d(motion.move(pictures, size=SIDE, padding="border" if reflected else padding), 2)
    box, points = moved_geometry(geometry, motion)
    presence = visibility(box, points)
    moved, presence = _empty(moved, presence, scenes, generator)
    moved = _paste_smaller(moved, pictures, box, presence, generator)
    target = torch.cat([box.clamp(0, 1), points.flatten(1), presence[:, None]], dim=1)
    return moved.contiguous(memory_format=torch.channels_last), target


def moved_geometry(geometry: Tensor, motion: Motion) -> tuple[Tensor, Tensor]:
    """Move (batch, 14) of box and landmarks into (batch, 4) and (batch, 5, 2)."""
    x0, y0, x1, y1 = geometry[:, :4].unbind(dim=1)
    corners = torch.stack([x0, y0, x1, y0, x1, y1, x0, y1], dim=1).view(-1, 4, 2)
    corners = motion.points(corners)
    points = motion.points(geometry[:, 4:].view(-1, 5, 2))
    return torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1), points


def visibility(box: Tensor, points: Tensor) -> Tensor:
    """Say 1 for a face that is in the picture, 0 for one that is not, -1 in between."""
    inside = ((points > 0) & (points < 1)).all(dim=2)  # (batch, 5)
    size = (box[:, 2:] - box[:, :2]).clamp(min=1e-6)
    seen = (box[:, 2:].clamp(0, 1) - box[:, :2].clamp(0, 1)) / size
    area = seen.prod(dim=1)
    presence = torch.full((len(box),), -1.0)
    presence[inside.all(dim=1) & (area > _SEEN_SHARE)] = 1.0
    presence[(inside.sum(dim=1) <= 1) | (area < _HIDDEN_SHARE)] = 0.0
    return presence


def detection_loss(output: Tensor, target: Tensor) -> Tensor:
    """Sum presence and, where there is a face, landmarks and box; small errors count linearly."""
    decided = target[:, 14] >= 0
    presence = F.binary_cross_entropy_with_logits(output[decided, 14], target[decided, 14])
    faces = target[:, 14] == 1
    size = (target[:, 2:4] - target[:, :2]).mean(dim=1, keepdim=True).clamp(min=0.1)
    error = F.smooth_l1_loss(output[:, :14], target[:, :14], beta=0.005, reduction="none") / size
    weights = torch.tensor([1.0] * 4 + [2.0] * 10, device=output.device)
    return 0.5 * presence + (error * weights)[faces].mean() * 4


@torch.no_grad()
def measure(detector: RegressionFaceDetector, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure on people outside the training set: untouched pictures, then moved and empty ones."""
    held_out = open_held_out(arguments.cache)
    device = next(detector.network.parameters()).device
    geometry = held_out.geometry()
    pictures = held_out.batch(list(range(len(held_out))), device)
    truth = geometry[:, 4:].view(-1, 5, 2) * SIDE
    found = detector.landmarks(pictures).cpu()
    errors = _distances(found, truth) / SIDE * 100
    generator = torch.Generator().manual_seed(5)
    moved, target = compose_batch(pictures, geometry, empty_scenes().to(device), generator)
    output = detector.network(moved).cpu()
    decided = target[:, 14] >= 0
    right = (output[decided, 14] > 0).float() == target[decided, 14]
    faces = target[:, 14] == 1
    apart = _distances(output[faces, 4:14].view(-1, 5, 2), target[faces, 4:14].view(-1, 5, 2)) * 100
    return {
        "landmark_error_percent_of_width": float(errors.mean()),
        "landmark_error_percent_of_width_p99": float(errors.flatten().quantile(0.99)),
        "landmark_error_percent_of_width_moved": float(apart.mean()),
        "presence_accuracy_clean": float(
            (detector.network(F.avg_pool2d(pictures, 2))[:, 14] > 0).float().mean()
        ),
        "presence_accuracy_moved_and_empty": float(right.float().mean()),
    }


def _distances(found: Tensor, truth: Tensor) -> Tensor:
    return (found - truth).square().sum(dim=2).sqrt()


def _mix(chosen: Tensor, first: Motion, second: Motion) -> Motion:
    return Motion(
        cosine=torch.where(chosen, first.cosine, second.cosine),
        sine=torch.where(chosen, first.sine, second.sine),
        shift=torch.where(chosen[:, None], first.shift, second.shift),
    )


def _empty(
    moved: Tensor, presence: Tensor, scenes: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    count = len(moved)
    emptied = torch.rand(count, generator=generator) < _EMPTY_SHARE
    chosen = scenes[torch.randint(len(scenes), (count,), generator=generator)].to(moved.device)
    walk = random_motion(count, generator, zoom=(0.3, 1.0), turn_degrees=5, shift=0.3)
    views = F.avg_pool2d(walk.move(chosen, size=SIDE, padding="border"), 2)
    coarse = torch.rand(
        count, 3, *([int(torch.randint(3, 65, (), generator=generator))] * 2), generator=generator
    )
    noise = F.interpolate(coarse, size=moved.shape[-2:], mode="bilinear").to(moved.device)
    noisy = torch.rand(count, 1, 1, 1, generator=generator).to(moved.device) < _NOISE_SHARE
    views = torch.where(noisy, noise, views)
    mask = emptied[:, None, None, None].to(moved.device)
    return torch.where(mask, views, moved), torch.where(emptied, torch.zeros(count), presence)


def _paste_smaller(
    moved: Tensor, pictures: Tensor, box: Tensor, presence: Tensor, generator: torch.Generator
) -> Tensor:
    """Paste reduced neighbours where they leave the main face free: it stays the largest."""
    side = moved.shape[-1]
    order = torch.randperm(len(moved), generator=generator)
    draws = torch.rand(len(moved), 4, generator=generator)
    result = moved.clone()
    chosen = (draws[:, 0] < _PAIR_SHARE) & (presence == 1)
    for i in (i for i in range(len(moved)) if bool(chosen[i])):
        width = float(box[i, 2] - box[i, 0])
        small = int(side * width * (0.6 + 0.5 * float(draws[i, 1])))
        if not _LEAST_PASTED <= small <= side:
            continue
        x, y = (int(float(d) * (side - small)) for d in draws[i, 2:])
        x0, y0, x1, y1 = (float(v) * side for v in box[i])
        if x < x1 and x + small > x0 and y < y1 and y + small > y0:
            continue
        neighbour = pictures[int(order[i])][None]
        result[i, :, y : y + small, x : x + small] = F.interpolate(
            neighbour, size=(small, small), mode="area"
        )[0]
    return result


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, minutes=6, batch=64, learning_rate=2e-3, seed=21)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
