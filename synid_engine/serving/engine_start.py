"""The engine's start: models loaded once, steps measured, and the loop that works with both."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import torch

from synid_engine.engine import EMBEDDED_MODEL, Engine
from synid_engine.sampling.compiled import CompileConfig
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.calibration import CalibrationConfig, calibrated
from synid_engine.serving.compilation import with_compiled_unet
from synid_engine.serving.engine_loop import EngineLoop, LoopConfig
from synid_engine.serving.engine_options import EngineOptions
from synid_engine.serving.engine_status import EngineStatus, no_device_memory
from synid_engine.serving.judges import load_judges
from synid_engine.serving.orders import Order
from synid_engine.serving.picture_batch import BatchConfig
from synid_engine.serving.recipe import read_recipe
from synid_engine.serving.reports import Ready, Report
from synid_engine.serving.spool import Spool
from synid_engine.serving.stepwise import SharedRoom
from synid_engine.synid.usual import usual_config

_SHARES = {
    "base model": 0.2,
    "perception": 0.6,
    "picture judge": 0.65,
    "compilation": 0.7,
    "calibration": 0.8,
}
_MIB = 2**20


def start_loop(
    options: EngineOptions,
    *,
    send: Callable[[Report], None],
    status: EngineStatus,
    orders: SimpleQueue[Order],
    on_stage: Callable[[str, float], None],
) -> EngineLoop:
    """Load the models, measure the machine, and report that the engine is ready.

    Args:
        options: Folders, model and device.
        send: Takes reports.
        status: Kept up to date from now on.
        orders: What to do.
        on_stage: Told the name of each stage and the share of the start that is behind it.

    Raises:
        InvalidSettingError: The recipe cannot be used.
        WeightsError: The models cannot be used.
        TensorWriteError: The spool folder cannot be made.
        WireError: Reports cannot be sent.
    """
    torch.set_num_threads(options.threads)
    engine = Engine.load(
        options.model,
        device=options.device,
        memory_gb=options.memory_gb,
        on_part=lambda part: on_stage(part, _SHARES[part]),
    )
    memory = engine.models.memory
    distill = usual_config(engine.models)
    if options.recipe is not None:
        distill = read_recipe(options.recipe, distill)
    on_stage("picture judge", _SHARES["picture judge"])
    judge = load_judges(
        options.judging,
        model=options.model or EMBEDDED_MODEL,
        device=torch.device(memory.device_of("perception", str(engine.models.backbone.device))),
    )
    engine = _compiled(engine, options, on_stage)
    on_stage("calibration", _SHARES["calibration"])
    with tempfile.TemporaryDirectory(prefix="synid-calibration-") as folder:
        spool = Spool(Path(folder), judge=judge)
        found = calibrated(
            engine,
            threads=options.threads,
            file=options.calibration,
            distill=distill,
            keep=lambda picture: spool.put_picture(picture, seed=0),
        )
    backbone = engine.models.backbone
    is_gpu = backbone.device.type == "cuda"
    if is_gpu:  # there a small batch leaves most of it idle, and no pass is the same bit for bit anyway
        engine = replace(engine, models=replace(engine.models, classroom=SharedRoom()))
    batch = BatchConfig(
        max_rows=found.max_rows,
        preview_interval_s=options.preview_interval_s,
        training_rows=min(found.max_rows, memory.training_rows) if is_gpu else 0,
        posed_steps=found.costs.posed_steps,
        decode_rows=found.costs.decode.most_rows,
    )
    loop = EngineLoop(
        engine,
        Spool(options.spool, judge=judge),
        BankShelf(options.weights, model_hash=engine.model_hash),
        send=send,
        status=status,
        config=LoopConfig(batch=batch, distill=distill, writes_beside=is_gpu),
        orders=orders,
    )
    if is_gpu:
        status.device_memory_mib = lambda: torch.cuda.memory_reserved(backbone.device) / _MIB
    else:
        status.device_memory_mib = no_device_memory
    status.max_rows, status.is_ready = found.max_rows, True
    send(
        Ready(
            model_id=backbone.model_id,
            model_hash=engine.model_hash,
            costs=found.costs,
            device=str(backbone.device),
            max_rows=found.max_rows,
        )
    )
    return loop


def _compiled(engine: Engine, options: EngineOptions, on_stage: Callable[[str, float], None]) -> Engine:
    """Compile the step for every size that the calibration tries, where that is wanted."""
    backbone = engine.models.backbone
    is_wanted = options.compile == "on" or (options.compile == "auto" and backbone.device.type == "cuda")
    if not is_wanted:
        return engine
    first, room = _SHARES["compilation"], _SHARES["calibration"] - _SHARES["compilation"]
    on_stage("compilation", first)
    memory = engine.models.memory
    compiled = with_compiled_unet(
        backbone,
        rows=[rows for rows in CalibrationConfig().rows if rows <= memory.most_rows],
        config=None if memory.keeps_graphs else CompileConfig(),
        on_size=lambda share: on_stage("compilation", first + room * share),
    )
    return replace(engine, models=replace(engine.models, backbone=compiled))
