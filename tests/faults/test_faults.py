"""Ten random faults; `make test-kill` does two hundred."""

import asyncio
import random
from pathlib import Path

import pytest

from synid_engine.serving.messages import FINAL, JobState

from .kit import make_kit
from .lives import Story, tell
from .plan import plan

_POINTS = 10
_WITH_DEADLY = 4  # the deadly job costs that house three engines more


def test_plan_is_drawn_by_its_seed_and_leaves_no_family_out() -> None:
    drawn = plan(3, 200)
    assert drawn == plan(3, 200)
    assert drawn != plan(4, 200)
    assert len(drawn) == 200
    assert {fault.family for fault in plan(5, 11)} == {fault.family for fault in drawn}


@pytest.mark.timeout(1800)
async def test_nothing_is_lost_doubled_or_left_over_whatever_goes_wrong(
    whole_model: Path, tmp_path: Path
) -> None:
    seed = random.randrange(1_000_000)  # noqa: S311  (which faults, and no secret)
    faults = plan(seed, _POINTS)
    kit = make_kit(tmp_path / "kit", model=whole_model)
    houses = [
        tell(tmp_path / "one", kit, faults[:_WITH_DEADLY], is_deadly=True),
        tell(tmp_path / "other", kit, faults[_WITH_DEADLY:]),
    ]
    stories = await asyncio.gather(*houses)
    told = f"seed {seed}: " + "; ".join(str(life.fault) for story in stories for life in story.lives)
    for story in stories:
        assert_well(story, told)
    assert stories[0].deadly == (JobState.FAILED, 3), told


def assert_well(story: Story, told: str) -> None:
    assert list(story.faults) == [], told
    assert story.exit_code == 0, told
    assert set(story.ends) <= FINAL, told
    assert story.ends[JobState.DELIVERED] > 0, told
