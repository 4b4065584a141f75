"""The compiled step, with a backend that compiles nothing and counts; no compiler is needed."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import jaxtyping
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.fx import GraphModule

from synid_engine.identity.attention import attention_projections, install_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import ConditionedContext, IdentityRow, condition_rows
from synid_engine.runtime.rng import cpu_generator, gaussian_noise
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.step_inputs import row_bucket, token_bucket

from ...small_models import flat_unet  # noqa: TID252  (tests are no package)


class Counted:
    """A UNet with its compiled twin."""

    def __init__(self, unet: UNet2DConditionModel) -> None:
        self.compilations = self.steps = 0
        self.unet = unet
        self.compiled = CompiledUNet(unet, CompileConfig(backend=self._compile))

    def _compile(self, graph: GraphModule, _inputs: object) -> Callable[..., object]:
        self.compilations += 1

        def taken(*inputs: object) -> object:
            self.steps += 1
            return graph.forward(*inputs)

        return taken

    @torch.no_grad()
    def error(
        self, rows: list[IdentityRow], seed: int = 0, prompt_tokens: int = 5, *, posed: bool = False
    ) -> float:
        """Return the largest difference of the two for a batch of these rows, some of them posed or none."""
        chance = cpu_generator(seed)
        context = gaussian_noise((len(rows), prompt_tokens, 24), chance)
        conditioned = condition_rows(context, rows, latent_size=(4, 4), levels=1)
        latents = gaussian_noise((len(rows), 4, 4, 4), chance)
        residuals = gaussian_noise((3, len(rows), 8, 4, 4), chance) if posed else None
        drawn, expected = (
            self._drawn(model, latents, conditioned, residuals) for model in (self.compiled, self.unet)
        )
        if residuals is not None:
            plain = self._drawn(self.compiled, latents, conditioned, None)
            assert float((drawn - plain).abs().max()) > 1e-2
        return float((drawn - expected).abs().max())

    @torch.no_grad()
    def predicted(self, rows: list[IdentityRow]) -> Tensor:
        """Return the compiled twin's answer."""
        chance = cpu_generator(0)
        conditioned = condition_rows(
            gaussian_noise((len(rows), 5, 24), chance), rows, latent_size=(4, 4), levels=1
        )
        return self._drawn(self.compiled, gaussian_noise((len(rows), 4, 4, 4), chance), conditioned, None)

    def _drawn(
        self,
        model: Callable[..., tuple[Tensor]],
        latents: Tensor,
        conditioned: ConditionedContext,
        residuals: Tensor | None,
    ) -> Tensor:
        timesteps = torch.full((len(latents),), 500.0)
        added = (
            {}
            if residuals is None
            else {
                "down_block_additional_residuals": tuple(residuals[:2]),
                "mid_block_additional_residual": residuals[2],
            }
        )
        return model(
            latents,
            timesteps,
            encoder_hidden_states=conditioned.context,
            cross_attention_kwargs=conditioned.cross_attention_kwargs,
            return_dict=False,
            **added,
        )[0]


@pytest.fixture(scope="module", autouse=True)
def unchecked_shapes() -> Iterator[None]:
    """Dynamo cannot trace what checks the shapes in all other tests."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def counted() -> Iterator[Counted]:
    unet = flat_unet(4)
    install_identity_attention(unet)
    yield Counted(unet)
    torch._dynamo.reset()


def character(counted: Counted, seed: int, *, tokens: int = 3) -> IdentityBank:
    states = gaussian_noise((tokens, 24), cpu_generator(seed))
    return IdentityBank.from_tokens(states, counted.unet, model_hash="0" * 64).detach()


def changed(counted: Counted, seed: int, *, rank: int = 8, projections: slice = slice(None)) -> IdentityBank:
    """Make a character with a low-rank change of some projections."""
    chance = cpu_generator(seed)
    chosen = list(attention_projections(counted.unet).items())[projections]
    return replace(
        character(counted, seed),
        downs={name: 0.3 * gaussian_noise((rank, one.in_features), chance) for name, one in chosen},
        ups={name: 0.3 * gaussian_noise((rank, one.out_features), chance) for name, one in chosen},
    )


def test_sizes_are_rounded_up() -> None:
    assert [row_bucket(rows) for rows in (1, 2, 3, 4, 5, 8, 9)] == [2, 2, 4, 4, 8, 8, 16]
    assert [token_bucket(tokens) for tokens in (0, 1, 8, 9, 77)] == [0, 8, 8, 16, 80]


def test_switching_characters_never_compiles_again(counted: Counted) -> None:
    first = IdentityRow(banks=(character(counted, 1),))
    with counted.compiled.learning():
        assert counted.error([first, first]) < 1e-5
        assert counted.error([IdentityRow(banks=(changed(counted, 8),))] * 2) < 1e-5
    learnt = counted.compilations
    assert learnt == 2
    others = [IdentityRow(banks=(character(counted, seed, tokens=seed - 1),)) for seed in (2, 3, 4)]
    batches = [
        [first, others[0]],
        others[:2],
        [others[2], IdentityRow()],
        [replace(others[1], scale=0.4, token_scale=0.3), others[0]],
        [replace(first, is_null=True), first],
        [others[0]],
        [IdentityRow(banks=(changed(counted, 2),)), others[0]],
        [replace(first, banks=(changed(counted, 3, rank=4),), is_null=True, scale=0.6), IdentityRow()],
        [IdentityRow(banks=(changed(counted, 4, projections=slice(3, 6)),))],
    ]
    for seed, rows in enumerate(batches):
        assert counted.error(rows, seed=seed) < 1e-5
    assert counted.error([first, first], prompt_tokens=4) < 1e-5
    assert counted.compilations == learnt
    assert counted.steps == 2 + len(batches) + 1


def test_low_rank_change_acts_in_a_compiled_step(counted: Counted) -> None:
    rows = [IdentityRow(banks=(changed(counted, 5),)), IdentityRow(banks=(changed(counted, 6),))]
    plain = [IdentityRow(banks=(character(counted, seed),)) for seed in (5, 6)]
    with counted.compiled.learning():
        assert counted.error(plain) < 1e-5
        before = counted.steps
        assert counted.error(rows) < 1e-5
    assert counted.steps == before + 1
    assert float((counted.predicted(rows) - counted.predicted(plain)).abs().max()) > 1e-2


def test_batch_without_characters_or_changes_is_drawn_in_a_size_that_has_room_for_them(
    counted: Counted,
) -> None:
    with counted.compiled.learning():
        assert counted.error([IdentityRow(banks=(changed(counted, 7),))] * 4) < 1e-5
    learnt, before = counted.compilations, counted.steps
    assert counted.error([IdentityRow()] * 3) < 1e-5
    assert counted.error([IdentityRow(banks=(character(counted, 9),)), *[IdentityRow()] * 3]) < 1e-5
    assert (counted.compilations, counted.steps) == (learnt, before + 2)
    too_long = IdentityRow(banks=(character(counted, 9, tokens=9),))
    assert counted.error([too_long] * 4) == 0, "drawn by the UNet as it is"
    assert counted.error([IdentityRow(banks=(changed(counted, 9, rank=9),))] * 4) == 0
    assert (counted.compilations, counted.steps) == (learnt, before + 2)


def test_size_that_was_not_learnt_is_drawn_without_a_compiler(counted: Counted) -> None:
    before = counted.compilations
    row = IdentityRow(banks=(character(counted, 5),))
    assert counted.error([row] * 3) == 0
    assert counted.error([IdentityRow()] * 2, prompt_tokens=30) == 0
    left = torch.cat([torch.ones(4, 2), torch.zeros(4, 2)], dim=1)
    assert counted.error([replace(row, region_masks=(left,)), row]) == 0
    assert counted.compilations == before


def test_rows_without_a_character_have_a_size_of_their_own(counted: Counted) -> None:
    with counted.compiled.learning():
        assert counted.error([IdentityRow(), IdentityRow()]) < 1e-5
    learnt = counted.compilations
    assert counted.error([IdentityRow()], seed=4) < 1e-5
    assert counted.compilations == learnt


def test_poses_are_inputs_of_a_size_of_their_own(counted: Counted) -> None:
    first, second = (IdentityRow(banks=(character(counted, seed),)) for seed in (6, 7))
    with counted.compiled.learning():
        assert counted.error([first, first]) < 1e-5
    before = counted.compilations
    assert counted.error([first, second], posed=True) == 0, "not learnt: drawn by the UNet as it is"
    assert counted.compilations == before
    with counted.compiled.learning():
        assert counted.error([first, first], posed=True) < 1e-5
    learnt = counted.compilations
    assert learnt == before + 1
    assert counted.error([first, second], seed=1, posed=True) < 1e-5
    assert counted.error([second], seed=2, posed=True) < 1e-5
    assert counted.error([second, IdentityRow()], seed=3) < 1e-5
    assert counted.compilations == learnt


@pytest.mark.parametrize(("mode", "threads"), [("reduce-overhead", 1), (None, 3)])
def test_graphs_are_replayed_by_the_thread_that_recorded_them(mode: str | None, threads: int) -> None:
    unet, seen = flat_unet(4), list[tuple[threading.Thread, bool]]()
    install_identity_attention(unet)

    def record(graph: GraphModule, _inputs: object, **_settings: object) -> Callable[..., object]:
        def replayed(*inputs: object) -> object:
            seen.append((threading.current_thread(), torch.is_grad_enabled()))
            return graph.forward(*inputs)

        return replayed

    step = CompiledUNet(unet, CompileConfig(backend=record, mode=mode))
    context, latents = torch.randn(2, 5, 24), torch.randn(2, 4, 4, 4)

    @torch.no_grad()
    def ask() -> Tensor:
        return step(latents, torch.full((2,), 500.0), encoder_hidden_states=context)[0]

    with step.learning():
        expected = ask()
    for _ in range(2):
        answers: list[Tensor] = []
        other = threading.Thread(target=lambda answers=answers: answers.append(ask()))
        other.start()
        other.join()
        assert torch.equal(answers[0], expected)
    assert len(seen) == 3
    assert len({thread for thread, _ in seen}) == threads
    assert not any(is_grad for _, is_grad in seen)
    torch._dynamo.reset()


def test_step_that_breaks_in_its_thread_breaks_for_who_asked() -> None:
    unet = flat_unet(4)
    install_identity_attention(unet)

    def full(_graph: GraphModule, _inputs: object, **_settings: object) -> Callable[..., object]:
        def replayed(*_inputs: object) -> object:
            raise torch.OutOfMemoryError("no room")

        return replayed

    step = CompiledUNet(unet, CompileConfig(backend=full, mode="reduce-overhead"))
    with torch.no_grad(), step.learning(), pytest.raises(torch.OutOfMemoryError):
        step(torch.randn(2, 4, 4, 4), torch.zeros(2), encoder_hidden_states=torch.randn(2, 5, 24))
    torch._dynamo.reset()
