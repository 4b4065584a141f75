"""What steps take on this machine, measured with small real runs, and kept in a file between starts."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TypeAlias

import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor

from synid_engine.engine import Engine
from synid_engine.errors import DeviceOutOfMemoryError, InvalidSettingError, TensorWriteError
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.bank_file import write_durably
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.memory_plan import WHOLE
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.cost_model import CostModel, Stage, StepKind, StepSample, fit_step_cost
from synid_engine.serving.decode_cost import measured_decode_cost
from synid_engine.serving.messages import Message
from synid_engine.serving.step_timing import best_size, timed_ms
from synid_engine.synid.drawing import MAX_ROWS, DrawConfig
from synid_engine.synid.embeds import embed_pictures, fuse
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.posing import posed_row
from synid_engine.synid.stage import Report, StageModels
from synid_engine.synid.trainable import TrainableTokens
from synid_engine.synid.training import TrainingConfig, train
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.usual import usual_config

_log = logging.getLogger(__name__)
_PROMPT = "a person, looking calm"
_PAIR = 2  # forward rows of a guided picture

Keep: TypeAlias = Callable[[Image.Image], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationConfig:
    """What is measured.

    Attributes:
        rows: Forward rows of the batches that are tried, from small to large, each even.
        repeats: Steps of each, of which the median counts: what else runs here slows the work too.
        tolerance: How much slower a row may be than in the best batch; the smallest such batch is the cap,
            because a smaller one lets new rows join sooner.
    """

    rows: tuple[int, ...] = (2, 4, 8, 16)
    repeats: int = 7
    tolerance: float = 0.05

    def __post_init__(self) -> None:
        if not self.rows or any(rows < _PAIR or rows % _PAIR for rows in self.rows):
            raise InvalidSettingError(field="rows", value=self.rows, allowed="even numbers")
        if self.repeats < 1:
            raise InvalidSettingError(field="repeats", value=self.repeats, allowed="1 or more")


class Machine(Message):
    """What the figures hold for; when any of it differs they are measured again."""

    model_hash: str
    device: str
    number_format: str
    threads: int
    torch_version: str
    has_pose_control: bool = False
    decode_rows: int = 1
    is_compiled: bool = False
    most_rows: int = WHOLE.most_rows


class Calibration(Message):
    """Figures of a machine.

    Attributes:
        machine: What they hold for.
        costs: What steps take, and what a creation consists of.
        max_rows: Forward rows of the largest batch that pays.
    """

    machine: Machine
    costs: CostModel
    max_rows: int


def _keep_nothing(_picture: Image.Image) -> None:
    """Let it go."""


def calibrated(
    engine: Engine,
    *,
    threads: int,
    file: Path | None,
    config: CalibrationConfig | None = None,
    distill: DistillConfig | None = None,
    keep: Keep = _keep_nothing,
) -> Calibration:
    """Return the figures of this machine: those of the file if they hold, else new ones, which it then keeps.

    Args:
        engine: What is measured.
        threads: How many it uses.
        file: JSON; None keeps nothing.
        config: What is measured.
        distill: How characters are made.
        keep: What is done with each finished picture; it counts as a part of decoding.
    """
    backbone, memory = engine.models.backbone, engine.models.memory
    plan = distill or usual_config(engine.models)
    machine = Machine(
        model_hash=engine.model_hash,
        device=_device_name(backbone.device),
        number_format=str(backbone.dtype).removeprefix("torch."),
        threads=threads,
        torch_version=str(torch.__version__),
        has_pose_control=backbone.pose_control is not None,
        decode_rows=memory.decoded_at_once,
        is_compiled=backbone.compiled_unet is not None,
        most_rows=memory.most_rows,
    )
    found = None if file is None else _read(file)
    if found is not None and found.machine == machine:
        creation = creation_stages(plan)
        return found.model_copy(update={"costs": found.costs.model_copy(update={"creation": creation})})
    measured = _measured(engine, machine, config or CalibrationConfig(), plan, keep)
    if file is not None:
        _keep(file, measured)
    return measured


def creation_stages(config: DistillConfig) -> tuple[Stage, ...]:
    """Return what the making of a character consists of, at most: all rounds of the drift correction."""
    stages: list[Stage] = []
    names = config.stages
    stages += _drawing(config.anchors.candidates if config.anchors.anchors > 1 else 1, config.anchors.draw)
    stages += _learning(config.projector.training)
    if "bootstrap" in names:
        stages += _drawing(len(config.bootstrap.scenes), config.bootstrap.draw)
        stages += _learning(config.bootstrap.training)
    if "drift" in names:
        for _ in range(config.drift.rounds):
            stages += _drawing(len(config.drift.scenes), config.drift.draw)
            stages += _learning(config.drift.training)
        stages += _drawing(len(config.drift.scenes), config.drift.draw)
    if "adapter" in names:
        stages += _drawing(len(config.adapter.scenes), config.adapter.draw)
        stages += _learning(config.adapter.training)
        stages += _drawing(len(config.adapter.scenes), config.adapter.draw)
    return tuple(stages)


def _drawing(pictures: int, draw: DrawConfig) -> list[Stage]:
    rows = draw.rows_a_picture // draw.num_inference_steps
    full, rest = divmod(pictures, MAX_ROWS)
    batches = [(full * draw.num_inference_steps, MAX_ROWS * rows), (draw.num_inference_steps, rest * rows)]
    denoising = [
        Stage(kind=StepKind.DENOISE, steps=steps, rows=batch) for steps, batch in batches if steps and batch
    ]
    return [*denoising, Stage(kind=StepKind.DECODE, steps=pictures, rows=1)]


def _learning(training: TrainingConfig) -> list[Stage]:
    if training.steps == 0:
        return []
    return [Stage(kind=StepKind.TRAIN, steps=training.steps, rows=training.batch_size)]


def _measured(
    engine: Engine, machine: Machine, config: CalibrationConfig, distill: DistillConfig, keep: Keep
) -> Calibration:
    samples = _denoise_samples(engine, config)
    max_rows = best_size(samples, config.tolerance)
    fitting = [sample for sample in samples if sample.rows <= max_rows]
    training = distill.projector.training
    costs = CostModel(
        denoise=fit_step_cost(fitting, most_rows=max_rows),
        decode=measured_decode_cost(
            engine.models.backbone,
            most_rows=machine.decode_rows,
            repeats=config.repeats,
            tolerance=config.tolerance,
            keep=keep,
        ),
        train=fit_step_cost(
            [StepSample(rows=training.batch_size, ms=_train_ms(engine, training))],
            most_rows=training.batch_size,
        ),
        creation=creation_stages(distill),
        posed_steps=_posed_steps(engine, samples[0], config),
    )
    _log.info("batches of %d rows; %s", max_rows, costs.model_dump_json(exclude={"creation"}))
    return Calibration(machine=machine, costs=costs, max_rows=max_rows)


def _denoise_samples(engine: Engine, config: CalibrationConfig) -> list[StepSample]:
    """Measure batches until one has no room or is no faster a row than the one before.

    Raises:
        DeviceOutOfMemoryError: Not even the smallest has room.
    """
    samples: list[StepSample] = []
    bank = IdentityBank.from_tokens(
        engine.models.backbone.encode_prompts([_PROMPT])[0][:8],
        engine.models.backbone.unet,
        model_hash=engine.model_hash,
    ).detach()
    most = engine.models.memory.most_rows
    for rows in [one for one in config.rows if one <= most] or config.rows[:1]:
        try:
            sample = StepSample(rows=rows, ms=_denoise_ms(engine, bank, rows, config.repeats))
        except DeviceOutOfMemoryError:
            if not samples:
                raise
            break
        grew = not samples or sample.ms / sample.rows < samples[-1].ms / samples[-1].rows
        samples.append(sample)
        if not grew:
            break
    return samples


def _denoise_ms(engine: Engine, bank: IdentityBank, rows: int, repeats: int) -> float:
    steps = repeats + 1
    seeds = range(rows // _PAIR)
    drawn = [RenderRow(prompt=_PROMPT, seed=one, num_inference_steps=steps, banks=(bank,)) for one in seeds]
    return _steps_ms(engine, drawn, repeats)


def _steps_ms(engine: Engine, rows: Sequence[RenderRow], repeats: int) -> float:
    run = DenoiseRun(engine.models.backbone)
    for row in rows:
        run.add(row)
    run.step()  # encodes prompts and warms up
    return median(timed_ms(engine.models.backbone.device, run.step) for _ in range(repeats))


def _posed_steps(engine: Engine, plain: StepSample, config: CalibrationConfig) -> float:
    """Measure how many plain steps over the same rows a posed one takes as long as."""
    backbone = engine.models.backbone
    if backbone.pose_control is None:
        return 1.0
    height, width = backbone.image_size
    body = next(iter(NAMED_POSES.values()))
    row = RenderRow(prompt=_PROMPT, seed=0, num_inference_steps=config.repeats + 1)
    posed = posed_row(row, body, size=(width, height), strength=1.0)
    rows = plain.rows // _PAIR
    first, second = (_steps_ms(engine, [one] * rows, config.repeats) for one in (row, posed))
    return max(1.0, second / first)


def _train_ms(engine: Engine, training: TrainingConfig) -> float:
    """Measure as many steps as lie between two that are judged, one of those included."""
    marks: list[float] = []
    train_on_noise(
        engine.models,
        replace(training, steps=max(2, training.perception_every) + 1),
        report=lambda _fraction, _detail: marks.append(time.perf_counter()),
    )
    return 1000 * (marks[-1] - marks[0]) / (len(marks) - 1)


def train_on_noise(models: StageModels, training: TrainingConfig, *, report: Report, seed: int = 0) -> None:
    """Train the tokens of nobody on a picture of nothing: it takes as long as any other training.

    Args:
        models: What trains.
        training: Budget.
        report: Told after every step.
        seed: Of the tokens and of all chance.
    """
    backbone, perception = models.backbone, models.perception
    latents = gaussian_noise((1, *backbone.latent_shape), cpu_generator(seed))
    with torch.no_grad():
        image = backbone.decode(latents).cpu()
    weights = torch.ones(1)
    pictures = TrainingPictures(latents=latents, prompts=(_PROMPT,), bare_prompts=(_PROMPT,), weights=weights)
    tokens: Tensor = backbone.encode_prompts([_PROMPT])[0][:8]
    train(
        TrainableTokens.start(tokens, backbone, value_gain=1.0),
        pictures,
        fuse(embed_pictures(image, perception), weights, face_weight=0.6),
        models,
        training,
        cpu_generator(seed),
        report=report,
    )


def _device_name(device: torch.device) -> str:
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def _read(file: Path) -> Calibration | None:
    try:
        return Calibration.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        _log.warning("%s cannot be read: measuring again", file)
        return None


def _keep(file: Path, calibration: Calibration) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, calibration.model_dump_json(indent=1).encode())
    except (OSError, TensorWriteError):
        _log.warning("%s cannot be written: the next start measures again", file)
