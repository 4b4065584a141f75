from pathlib import Path

import pytest

from synid_engine.engine import Engine
from synid_engine.errors import NotDeclaredError
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.messages import RenderWork
from synid_engine.serving.render_job import render_rows
from synid_engine.synid.stage import StageModels


def test_pose_of_a_job_is_drawn_and_one_that_is_not_declared_is_refused(
    models: StageModels, tmp_path: Path
) -> None:
    engine = Engine(models=models)
    shelf = BankShelf(tmp_path, model_hash=engine.model_hash)
    rows = render_rows(RenderWork(prompt="smiling", pose="close-up", pictures=2), engine, shelf)
    assert [row.prompt for row in rows] == ["a person, smiling, close-up"] * 2
    with pytest.raises(NotDeclaredError):
        render_rows(RenderWork(prompt="smiling", pose="handstand"), engine, shelf)
