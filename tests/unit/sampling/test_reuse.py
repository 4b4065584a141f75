"""What a run works out once although its batches change: banks in place, and prompts in every layer."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from synid_engine.identity.attention import attention_projections
from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.context_projections import ContextProjections
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.run import DenoiseRun

MakeBank = Callable[..., IdentityBank]
ROW = RenderRow(prompt="a woman with red hair", seed=4, num_inference_steps=4)
_OF_THE_PROMPT = (".attn2.to_k", ".attn2.to_v")


class Conversions(TorchDispatchMode):
    """Counts tensors that are brought from half precision, as banks lie in their files, into another."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, func: OpOverload, _types: object, args: Sequence[Any], kwargs: Mapping[str, Any] | None = None
    ) -> object:
        is_copy = func.overloadpacket.__name__ == "_to_copy"
        self.count += is_copy and args[0].dtype == torch.float16
        return func(*args, **(kwargs or {}))


@contextmanager
def projections(backbone: Backbone) -> Generator[list[int]]:
    """Note how many rows each projection of a prompt is given."""
    given: list[int] = []
    handles = [
        module.register_forward_hook(lambda _module, inputs, _output: given.append(len(inputs[0])))
        for name, module in attention_projections(backbone.unet).items()
        if name.endswith(_OF_THE_PROMPT)
    ]
    yield given
    for handle in handles:
        handle.remove()


def changed(bank: IdentityBank, backbone: Backbone) -> IdentityBank:
    linear = attention_projections(backbone.unet)
    return replace(
        bank,
        downs={name: torch.randn(2, one.in_features) / 4 for name, one in linear.items()},
        ups={name: torch.randn(2, one.out_features) / 4 for name, one in linear.items()},
    )


def test_rows_that_take_turns_are_brought_to_the_models_and_projected_once(
    backbone: Backbone, make_bank: MakeBank
) -> None:
    run = DenoiseRun(backbone)
    banks = [changed(make_bank(seed), backbone).to(dtype=torch.float16) for seed in range(3)]
    rows = [replace(ROW, seed=seed, banks=(bank,)) for seed, bank in enumerate(banks)]
    with Conversions() as conversions, projections(backbone) as given:
        tickets = [run.add(row) for row in rows]
        run.step(tickets[:2])
        run.step(tickets[1:])
        assert conversions.count == sum(len(list(bank.tensors())) for bank in banks)
        layers = 2 * len(backbone.cross_attention_layers)
        assert given == [1] * (layers * 2 * len(rows)), "each half of each row, alone"
        for batch in ((0, 2), (2, 0, 1), (1,)):
            run.step([tickets[place] for place in batch])
        assert conversions.count == sum(len(list(bank.tensors())) for bank in banks)
        assert len(given) == layers * 2 * len(rows)


def test_pictures_of_one_prompt_and_character_share_what_is_worked_out(
    backbone: Backbone, make_bank: MakeBank
) -> None:
    bank = make_bank(1).to(dtype=torch.float16)
    run = DenoiseRun(backbone)
    with Conversions() as conversions, projections(backbone) as given:
        for seed in range(4):
            run.add(replace(ROW, seed=seed, banks=(bank,)))
        run.step()
    assert conversions.count == len(list(bank.tensors()))
    assert len(given) == 2 * 2 * len(backbone.cross_attention_layers)


def test_what_is_worked_out_for_one_row_is_never_taken_for_another(
    backbone: Backbone, make_bank: MakeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of one prompt that differ in one thing each, some of which their prompt's keys follow from."""
    one = changed(make_bank(1), backbone)
    first = replace(ROW, banks=(one,), negative_prompt=ROW.prompt)
    others = [
        replace(first, identity_scale=0.5),
        replace(first, token_scale=0.0),
        replace(first, token_scale=0.0, banks=(changed(make_bank(1), backbone),)),
        replace(first, banks=(changed(make_bank(1), backbone),)),
        replace(first, banks=(replace(one, downs={}, ups={}),)),
        replace(first, identity_end=0.5),
        replace(first, banks=()),
        replace(first, prompt="an old man"),
    ]
    rows = [first, *others]
    together = denoise(backbone, rows, max_rows=len(rows))
    assert all((latents - together[0]).abs().max() > 1e-3 for latents in together[1:])
    monkeypatch.setattr(ContextProjections, "put_into", lambda _self, conditioned, *_keys: conditioned)
    for row, latents in zip(rows, together, strict=True):
        assert torch.allclose(latents, denoise(backbone, [row])[0], atol=1e-4)
