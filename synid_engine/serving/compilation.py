"""Compiling the UNet's step before anybody waits for a picture, and checking that it draws the same."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch._dynamo.exc import TorchDynamoException

from synid_engine.identity.bank import IdentityBank
from synid_engine.pose.library import NAMED_POSES
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun
from synid_engine.synid.posing import posed_row

_log = logging.getLogger(__name__)
_PROMPT = "a person, looking calm"
_TOKENS = 8
_PAIR = 2
_ALIKE = 0.02
_PASSES = 3
"""Until a CUDA graph is replayed: one pass warms up, and one records."""


def with_compiled_unet(
    backbone: Backbone,
    *,
    rows: Sequence[int],
    config: CompileConfig | None = None,
    on_size: Callable[[float], None] = lambda _share: None,
) -> Backbone:
    """Compile a step for batches of these sizes: without characters, with them, and with poses besides.

    A batch of poses without a character is not compiled: few are drawn, and each kind delays the start. Where
    CUDA graphs are recorded, it is a replay that is checked, and nobody waits for a recording later.

    Args:
        backbone: What draws.
        rows: Forward rows, each even: guided pictures.
        config: How; None takes torch's own backend, with CUDA graphs where the device has them.
        on_size: Told the share of the sizes that are compiled.

    Returns:
        The backbone with it; the one given, where this machine cannot compile, or what it compiles draws
        otherwise.
    """
    chosen = config or CompileConfig(mode="reduce-overhead" if backbone.device.type == "cuda" else None)
    unet = CompiledUNet(backbone.unet, chosen)
    compiled = replace(backbone, compiled_unet=unet)
    kinds = _kinds(backbone)
    sizes = [(size, row) for size in rows for row in kinds]
    passes_to_take = _PASSES if chosen.records_graphs else 1
    try:
        for number, (size, row) in enumerate(sizes, start=1):
            with unet.learning():
                passes = [_first_latents(compiled, size, row) for _ in range(passes_to_take)]
            drawn = passes[-1]
            expected = _first_latents(backbone, size, row)
            error = float((drawn - expected).abs().mean() / expected.abs().mean())
            if not error <= _ALIKE:
                _log.warning("the compiled step is off by %.3f with %d rows: not used", error, size)
                return backbone
            on_size(number / len(sizes))
    except (TorchDynamoException, RuntimeError) as error:
        _log.warning("nothing is compiled here: %s", (str(error) or type(error).__name__).splitlines()[0])
        return backbone
    return compiled


def _bank(backbone: Backbone) -> IdentityBank:
    states = backbone.encode_prompts([_PROMPT])[0][:_TOKENS]
    return IdentityBank.from_tokens(states, backbone.unet, model_hash=backbone.model_hash).detach()


def _kinds(backbone: Backbone) -> list[RenderRow]:
    plain = RenderRow(prompt=_PROMPT, seed=0, num_inference_steps=1)
    character = replace(plain, banks=(_bank(backbone),))
    if backbone.pose_control is None:
        return [plain, character]
    height, width = backbone.image_size
    body = next(iter(NAMED_POSES.values()))
    return [plain, character, posed_row(character, body, size=(width, height), strength=1.0)]


def _first_latents(backbone: Backbone, rows: int, row: RenderRow) -> torch.Tensor:
    """Return the latents of so many forward rows after one step."""
    run = DenoiseRun(backbone)
    for seed in range(rows // _PAIR):
        run.add(replace(row, seed=seed))
    return torch.stack(list(run.step().values()))
