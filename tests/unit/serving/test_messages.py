import pytest
from pydantic import ValidationError

from synid_engine.serving.messages import (
    WORK,
    AnyWork,
    Beat,
    CreateWork,
    EvaluateWork,
    Lease,
    Question,
    RenderWork,
    Result,
    Submission,
)

HASH = "a" * 64


@pytest.mark.parametrize(
    "work",
    [
        RenderWork(prompt="a fox 🦊", banks=(HASH,)),
        CreateWork(character_id=1, identity="a woman"),
        EvaluateWork(
            portrait=HASH, banks=(HASH,), character_ids=(1,), descriptions=("a woman",), styles=("",)
        ),
    ],
)
def test_work_of_every_kind_comes_back_from_its_text(work: AnyWork) -> None:
    assert WORK.validate_json(WORK.dump_json(work)) == work
    submission = Submission(request_key="a", owner_id=2**63 - 1, work=work)
    assert Submission.model_validate_json(submission.model_dump_json()) == submission


def test_pictures_that_were_asked_for_before_there_were_poses_are_read() -> None:
    work = WORK.validate_json('{"version": 1, "kind": "render", "prompt": "a fox", "seed": 3}')
    assert work == RenderWork(prompt="a fox", seed=3, pose="", shape="")


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "render", "prompt": "a fox", "version": 2}',
        '{"kind": "render", "prompt": "a fox", "unknown": 1}',
        '{"kind": "render", "prompt": "a fox", "pictures": 0}',
        '{"kind": "render", "prompt": "a fox", "banks": ["../../etc/passwd"]}',
        '{"kind": "dance"}',
        "{}",
    ],
)
def test_message_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        WORK.validate_json(text)


def test_figures_that_are_none_are_refused() -> None:
    with pytest.raises(ValidationError):
        Beat(lease=Lease(job_id=1, fence=1), engine_ms=float("nan"))
    with pytest.raises(ValidationError):
        Result(scores={"likeness": float("inf")})


def test_default_of_a_question_is_one_of_its_choices() -> None:
    with pytest.raises(ValidationError):
        Question(choices=(HASH,), checkpoint=HASH, default=1)


def test_messages_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Lease(job_id=1, fence=1).fence = 2  # pyright: ignore[reportAttributeAccessIssue]
