"""What the engine's start does with a compiler: one that works, one that fails, and one that errs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import jaxtyping
import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule

from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import IdentityCondition
from synid_engine.pose.library import NAMED_POSES
from synid_engine.pose.skeleton_map import draw_map
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.pose_control import make_pose_control
from synid_engine.sampling.compiled import CompileConfig, CompiledUNet
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.serving import compilation
from synid_engine.serving.compilation import with_compiled_unet
from synid_engine.serving.engine_options import EngineOptions, read_arguments, to_arguments

from ...small_models import flat_controlnet, flat_unet  # noqa: TID252  (tests are no package)

Compiler = Callable[[GraphModule, object], Callable[..., object]]


@pytest.fixture(autouse=True)
def unchecked_shapes() -> Iterator[None]:
    """Dynamo cannot trace what checks the shapes in all other tests."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    torch._dynamo.reset()


@pytest.fixture
def flat(backbone: Backbone) -> Backbone:
    """Hold the small models with a UNet that is traced in no time."""
    unet = flat_unet(8)
    return replace(backbone, unet=unet.requires_grad_(requires_grad=False))


def compiled(backbone: Backbone, compiler: Compiler, shares: list[float]) -> Backbone:
    config = CompileConfig(backend=compiler)
    return with_compiled_unet(backbone, rows=(2,), config=config, on_size=shares.append)


def test_compiled_engine_draws_the_same(flat: Backbone) -> None:
    shares: list[float] = []
    found = compiled(flat, lambda graph, _inputs: graph.forward, shares)
    assert found.compiled_unet is not None
    assert shares == [0.5, 1.0]
    row = RenderRow(prompt="a woman", seed=1, num_inference_steps=2)
    assert torch.allclose(denoise(found, [row]), denoise(flat, [row]), atol=1e-4)


def test_graphs_are_recorded_before_anybody_waits_and_what_they_replay_is_checked(flat: Backbone) -> None:
    taken: list[int] = []

    def record(graph: GraphModule, _inputs: object, **_settings: object) -> Callable[..., object]:
        steps = len(taken)

        def replayed(*inputs: object) -> object:
            taken.append(len(taken) - steps)
            drawn = graph.forward(*inputs)
            return drawn if taken[-1] < 2 else [10 * part for part in drawn]

        return replayed

    config = CompileConfig(backend=record, mode="reduce-overhead")
    assert with_compiled_unet(flat, rows=(2,), config=config).compiled_unet is None, "the third pass errs"
    assert taken == [0, 1, 2]


def test_compiled_engine_draws_poses(flat: Backbone) -> None:
    """With a character or without one, changed or not."""
    compilations: list[GraphModule] = []

    def count(graph: GraphModule, _inputs: object) -> Callable[..., object]:
        compilations.append(graph)
        return graph.forward

    posed = replace(flat, pose_control=make_pose_control(flat_controlnet()))
    found = compiled(posed, count, [])
    assert found.compiled_unet is not None
    assert len(compilations) == 3
    states = posed.encode_prompts(["a woman"])[0][:8]
    bank = IdentityBank.from_tokens(states, posed.unet, model_hash=posed.model_hash).detach()
    pose_map = draw_map([NAMED_POSES["front"]], width=64, height=64)
    plain = RenderRow(prompt="a woman", seed=1, num_inference_steps=3, pose_map=pose_map, pose_end=0.7)
    for row in (plain, replace(plain, banks=(bank,)), replace(plain, banks=(bank,), pose_map=None)):
        assert torch.allclose(denoise(found, [row]), denoise(posed, [row]), atol=1e-4)
    assert len(compilations) == 3


def test_machine_that_cannot_compile_draws_without(flat: Backbone) -> None:
    def fail(_graph: GraphModule, _inputs: object) -> Callable[..., object]:
        raise RuntimeError("no compiler here")

    assert compiled(flat, fail, []) is flat


@pytest.mark.parametrize(
    "spoil",
    [torch.zeros_like, torch.neg, lambda output: 2 * output, lambda output: output.roll(1, dims=-1)],
    ids=["nothing", "the opposite", "twice as much", "moved"],
)
def test_compiled_step_that_errs_is_not_used(flat: Backbone, spoil: Callable[[Tensor], Tensor]) -> None:
    def err(graph: GraphModule, _inputs: object) -> Callable[..., object]:
        return lambda *inputs: [spoil(output) for output in graph.forward(*inputs)]

    assert compiled(flat, err, []) is flat


@pytest.mark.parametrize(
    ("parts", "learnt"), [(("keys", "values"), []), (("downs", "ups"), [0.5])], ids=["bank", "change"]
)
def test_compiled_step_that_leaves_something_of_a_character_out_is_not_used(
    flat: Backbone, monkeypatch: pytest.MonkeyPatch, parts: tuple[str, ...], learnt: list[float]
) -> None:
    class Forgetful(CompiledUNet):
        def __call__(
            self, *inputs: Tensor, cross_attention_kwargs: dict[str, IdentityCondition], **told: Tensor
        ) -> tuple[Tensor]:
            whole = cross_attention_kwargs["identity"]
            left = {"identity": replace(whole, **{part: {} for part in parts})}
            return super().__call__(*inputs, cross_attention_kwargs=left, **told)

    monkeypatch.setattr(compilation, "CompiledUNet", Forgetful)
    shares: list[float] = []
    assert compiled(flat, lambda graph, _inputs: graph.forward, shares) is flat
    assert shares == learnt


def test_size_without_memory_for_its_compilation_ends_neither_the_start_nor_smaller_sizes(
    flat: Backbone,
) -> None:
    rows: list[int] = []

    def short(graph: GraphModule, inputs: Sequence[Tensor]) -> Callable[..., object]:
        most = max(len(one) for one in inputs if one.shape[1:] == (4, 8, 8))
        rows.append(most)

        def taken(*given: Tensor) -> object:
            if most > 2:
                raise torch.OutOfMemoryError("no room")
            return graph.forward(*given)

        return taken

    shares: list[float] = []
    found = with_compiled_unet(
        flat, rows=(2, 4, 8), config=CompileConfig(backend=short), on_size=shares.append
    )
    assert found.compiled_unet is not None
    assert (shares, rows) == ([pytest.approx(1 / 6), pytest.approx(2 / 6)], [2, 2, 4])
    row = RenderRow(prompt="a woman", seed=1, num_inference_steps=2)
    drawn = [denoise(one, [row, replace(row, seed=2)]) for one in (found, flat)]
    assert torch.allclose(*drawn, atol=1e-4), "a batch of four rows is drawn without"


def test_choice_reaches_the_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("engine")
    options = EngineOptions(spool=folder, weights=folder, compile="off")
    assert read_arguments(to_arguments(options, folder / "socket"))[1] == options
