"""Compiling the UNet's step before anybody waits for a picture, and checking that it draws the same."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor
from torch._dynamo.exc import TorchDynamoException

from synid_engine.errors import DeviceOutOfMemoryError
from synid_engine.identity.attention import attention_projections
from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.rng import cpu_generator
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.synid.adapter import AdapterConfig
from synid_engine.synid.posing import posed_row

_log = logging.getLogger(__name__)
_PROMPT = "a person, looking calm"
_TOKENS = 8
_PAIR = 2
_LOUD = 2.0
_CHANGED = 0.5
_ALIKE = 0.05
"""The mean error of a prediction beside its mean size. bfloat16 alone makes 0.017 in random modules of Stable
Diffusion 1.5's size, and 0.009 in the embedded model; what a step leaves out of these kinds makes 0.1 and
more there."""
_PASSES = 3
"""Until a CUDA graph is replayed: one pass warms up, and one records."""


def with_compiled_unet(
    backbone: Backbone,
    *,
    rows: Sequence[int],
    config: CompileConfig | None = None,
    on_size: Callable[[float], None] = lambda _share: None,
) -> Backbone:
    """Compile a step for batches of these sizes: with characters, with their low-rank changes, and posed.

    These hold every other batch: one without characters or changes has zeros for them, and each kind of its
    own would delay the start. Where CUDA graphs are recorded, it is a replay that is checked, and nobody
    waits for a recording later.

    Args:
        backbone: What draws.
        rows: Forward rows, each even: guided pictures.
        config: How; None takes torch's own backend, with CUDA graphs where the device has them.
        on_size: Told the share of the sizes that are compiled.

    Returns:
        The backbone with it; the one given, where this machine cannot compile, or what it compiles draws
        otherwise. Batches that the device has no memory to compile are drawn without.
    """
    chosen = config or CompileConfig(mode="reduce-overhead" if backbone.device.type == "cuda" else None)
    unet = CompiledUNet(backbone.unet, chosen)
    compiled = replace(backbone, compiled_unet=unet)
    kinds = _kinds(backbone)
    sizes = [(size, row) for size in rows for row in kinds]
    passes_to_take = _PASSES if chosen.records_graphs else 1
    try:
        for number, (size, row) in enumerate(sizes, start=1):
            expected = _prediction(backbone, size, row)
            with unet.learning():
                passes = [_prediction(compiled, size, row) for _ in range(passes_to_take)]
            error = float((passes[-1] - expected).abs().mean() / expected.abs().mean())
            if not error <= _ALIKE:
                _log.warning("the compiled step is off by %.3f with %d rows: not used", error, size)
                return backbone
            on_size(number / len(sizes))
    except DeviceOutOfMemoryError as error:
        _log.warning("no memory to compile a step of %d rows: only smaller ones are", error.rows)
    except (TorchDynamoException, RuntimeError) as error:
        _log.warning("nothing is compiled here: %s", (str(error) or type(error).__name__).splitlines()[0])
        return backbone
    return compiled


def _character(backbone: Backbone) -> IdentityBank:
    states = backbone.encode_prompts([_PROMPT])[0][:_TOKENS]
    return IdentityBank.from_tokens(states, backbone.unet, model_hash=backbone.model_hash).detach()


def _changed(backbone: Backbone, bank: IdentityBank) -> IdentityBank:
    """Give a bank random low-rank changes that nobody could overlook: half as large as the weights."""
    rank, chance = AdapterConfig().rank, cpu_generator(0)
    downs: dict[str, Tensor] = {}
    ups: dict[str, Tensor] = {}
    for name, projection in attention_projections(backbone.unet).items():
        weight = projection.weight
        down, up = (torch.randn(rank, width, generator=chance) for width in weight.shape[::-1])
        gain = _CHANGED * _size(weight.float()) / _size(up.T @ down)
        downs[name], ups[name] = down.to(weight), (gain * up).to(weight)
    return replace(bank, downs=downs, ups=ups)


def _size(tensor: Tensor) -> float:
    return math.sqrt(float(tensor.square().sum()))


def _kinds(backbone: Backbone) -> list[RenderRow]:
    """Return rows in the middle of their schedule, where a prediction hangs on all that a row is told."""
    bank = _character(backbone)
    character = RenderRow(
        prompt=_PROMPT,
        seed=0,
        initial_latents=torch.zeros(backbone.latent_shape),
        strength=0.5,
        banks=(bank,),
        identity_scale=_LOUD,
    )
    changed = replace(character, banks=(_changed(backbone, bank),))
    if backbone.pose_control is None:
        return [character, changed]
    height, width = backbone.image_size
    body = next(iter(NAMED_POSES.values()))
    return [character, changed, posed_row(changed, body, size=(width, height), strength=1.0)]


def _prediction(backbone: Backbone, rows: int, row: RenderRow) -> Tensor:
    """Return what the denoiser answers to so many forward rows."""
    heard: list[Tensor] = []
    denoiser = cast("Any", backbone.compiled_unet or backbone.unet)

    def listening(*inputs: object, **told: object) -> tuple[Tensor]:
        answer = denoiser(*inputs, **told)
        heard.append(answer[0].float().clone())  # a graph that is replayed writes over its answer
        return answer

    run = DenoiseRun(replace(backbone, compiled_unet=listening))
    for seed in range(rows // _PAIR):
        run.add(replace(row, seed=seed))
    run.step()
    return heard[0]
