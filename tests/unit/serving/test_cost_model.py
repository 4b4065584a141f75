import pytest
from hypothesis import given
from hypothesis import strategies as st

from synid_engine.serving.cost_model import (
    CostModel,
    Stage,
    StepCost,
    StepKind,
    StepSample,
    fit_step_cost,
)
from synid_engine.serving.messages import CreateWork, EvaluateWork, RenderWork

COSTS = CostModel(
    denoise=StepCost(fixed_ms=4.0, row_ms=2.0),
    decode=StepCost(row_ms=10.0),
    train=StepCost(fixed_ms=30.0, row_ms=5.0),
    creation=(
        Stage(kind=StepKind.DENOISE, steps=20, rows=8),
        Stage(kind=StepKind.TRAIN, steps=100, rows=4),
    ),
)
PICTURE = RenderWork(prompt="a fox", num_inference_steps=10)
CHARACTER = CreateWork(character_id=1, identity="a woman")


def test_picture_costs_its_steps_and_its_decoding() -> None:
    assert COSTS.cost_ms(PICTURE) == pytest.approx(10 * (4 + 2 * 2) + 10)


def test_picture_without_guidance_takes_half_the_rows() -> None:
    plain = PICTURE.model_copy(update={"guidance_scale": 1.0})
    assert COSTS.cost_ms(plain) == pytest.approx(10 * (4 + 2) + 10)


def test_creation_costs_its_stages() -> None:
    assert COSTS.cost_ms(CHARACTER) == pytest.approx(20 * 20 + 100 * 50)


def test_evaluation_costs_its_pictures_one_by_one() -> None:
    work = EvaluateWork(
        portrait="a" * 64, banks=("b" * 64,), character_ids=(1,), descriptions=("a woman",), styles=("",)
    )
    assert COSTS.cost_ms(work) == pytest.approx(8 * COSTS.cost_ms(RenderWork(prompt="a fox")))
    assert COSTS.cost_ms(work, progress=0.5) == pytest.approx(COSTS.cost_ms(work) / 2)


def test_large_batch_is_cut_into_several() -> None:
    assert COSTS.denoise.ms(8) == 20
    assert COSTS.denoise.ms(9) == 26


@given(st.floats(0.0, 1.0))
def test_rest_of_a_job_costs_the_rest(progress: float) -> None:
    rest = COSTS.cost_ms(CHARACTER, progress=progress)
    assert rest == pytest.approx((1.0 - progress) * COSTS.cost_ms(CHARACTER), abs=1e-6)


def test_finished_stages_are_left_out() -> None:
    [stage] = COSTS.stages(CHARACTER, progress=0.5)
    assert stage.kind is StepKind.TRAIN
    assert COSTS.stages(CHARACTER, progress=1.0) == ()


def test_shares_of_a_batch_add_up_to_the_step() -> None:
    shares = [COSTS.share_ms(StepKind.DENOISE, rows=rows, batch_rows=7) for rows in (1, 2, 4)]
    assert sum(shares) == pytest.approx(COSTS.denoise.ms(7))


@given(st.floats(0.0, 50.0), st.floats(0.1, 50.0))
def test_fit_finds_the_line_that_steps_lie_on(fixed_ms: float, row_ms: float) -> None:
    samples = [StepSample(rows=rows, ms=fixed_ms + rows * row_ms) for rows in (1, 2, 4, 8)]
    fitted = fit_step_cost(samples, most_rows=8)
    assert fitted.ms(6) == pytest.approx(fixed_ms + 6 * row_ms)


@given(st.lists(st.builds(StepSample, rows=st.integers(1, 8), ms=st.floats(0.0, 1e4)), min_size=1))
def test_fit_is_never_below_zero(samples: list[StepSample]) -> None:
    fitted = fit_step_cost(samples, most_rows=8)
    assert fitted.fixed_ms >= 0
    assert fitted.row_ms >= 0


def test_measured_steps_move_the_model_towards_them() -> None:
    costs = COSTS
    for _ in range(200):
        costs = costs.adjusted(StepKind.TRAIN, StepSample(rows=4, ms=100.0))
    assert costs.train.ms(4) == pytest.approx(100.0, rel=0.01)
    assert costs.denoise == COSTS.denoise


def test_one_strange_measurement_moves_little() -> None:
    costs = COSTS.adjusted(StepKind.TRAIN, StepSample(rows=4, ms=1e9))
    assert costs.train.ms(4) < 1.2 * COSTS.train.ms(4)
    assert COSTS.adjusted(StepKind.TRAIN, StepSample(rows=4, ms=0.0)) is COSTS


def test_model_comes_back_from_its_file() -> None:
    assert CostModel.model_validate_json(COSTS.model_dump_json()) == COSTS
