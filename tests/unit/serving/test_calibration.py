"""What steps take is measured once for a machine and a model."""

from dataclasses import replace
from pathlib import Path

import pytest

from synid_engine.engine import Engine
from synid_engine.errors import DeviceOutOfMemoryError, InvalidSettingError
from synid_engine.sampling.run import DenoiseRun
from synid_engine.serving.calibration import CalibrationConfig, calibrated, creation_stages
from synid_engine.serving.cost_model import StepKind
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import StageModels

QUICK = CalibrationConfig(rows=(2, 4), repeats=1)


@pytest.fixture
def engine(models: StageModels) -> Engine:
    return Engine(models=models)


def test_figures_are_kept_and_used_again(
    engine: Engine, tiny_config: DistillConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "machine" / "calibration.json"
    first = calibrated(engine, threads=1, file=file, config=QUICK, distill=tiny_config)
    assert first.max_rows in QUICK.rows
    assert min(first.costs.denoise.ms(2), first.costs.decode.ms(1), first.costs.train.ms(2)) > 0
    with monkeypatch.context() as patch:
        patch.delattr(DenoiseRun, "step")  # nothing can be measured
        assert calibrated(engine, threads=1, file=file, config=QUICK, distill=tiny_config) == first
        other_plan = calibrated(engine, threads=1, file=file, config=QUICK, distill=tiny_config.ablated("B"))
        assert other_plan.costs.creation == creation_stages(tiny_config.ablated("B"))
        with pytest.raises(AttributeError):
            calibrated(engine, threads=2, file=file, config=QUICK, distill=tiny_config)
    file.write_text("{")
    again = calibrated(engine, threads=1, file=file, config=QUICK, distill=tiny_config)
    assert again.machine == first.machine
    assert file.read_text() != "{"


def test_file_that_cannot_be_written_does_no_harm(
    engine: Engine, tiny_config: DistillConfig, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    found = calibrated(
        engine, threads=1, file=tmp_path / "file" / "c.json", config=QUICK, distill=tiny_config
    )
    assert found.machine.model_hash == engine.model_hash


def test_batch_that_has_no_room_is_not_the_cap(
    engine: Engine, tiny_config: DistillConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = DenoiseRun.step

    def short(run: DenoiseRun) -> object:
        if len(run.tickets) > 1:
            raise DeviceOutOfMemoryError(rows=2 * len(run.tickets))
        return step(run)

    monkeypatch.setattr(DenoiseRun, "step", short)
    assert calibrated(engine, threads=1, file=None, config=QUICK, distill=tiny_config).max_rows == 2
    with pytest.raises(DeviceOutOfMemoryError):
        calibrated(engine, threads=1, file=None, config=replace(QUICK, rows=(4,)), distill=tiny_config)
    with pytest.raises(InvalidSettingError):
        CalibrationConfig(rows=(3,))
    with pytest.raises(InvalidSettingError):
        CalibrationConfig(repeats=0)


def test_creation_consists_of_what_its_stages_do() -> None:
    config = DistillConfig()
    stages = creation_stages(config)
    trained = sum(stage.steps for stage in stages if stage.kind is StepKind.TRAIN)
    trainings = (config.projector.training, config.bootstrap.training, config.adapter.training)
    drift = config.drift.rounds * config.drift.training.steps
    assert trained == sum(training.steps for training in trainings) + drift
    pictures = config.anchors.candidates + len(config.bootstrap.scenes) + 2 * len(config.adapter.scenes)
    probes = (1 + config.drift.rounds) * len(config.drift.scenes)
    assert sum(stage.steps for stage in stages if stage.kind is StepKind.DECODE) == pictures + probes
    rows = sum(stage.steps * stage.rows for stage in stages if stage.kind is StepKind.DENOISE)
    assert rows == (pictures + probes) * config.anchors.draw.rows_a_picture
    assert len(creation_stages(config.ablated("B"))) < len(stages)
    untrained = replace(config.projector, training=replace(config.projector.training, steps=0))
    read = creation_stages(replace(config, stages=("anchors", "projector"), projector=untrained))
    assert StepKind.TRAIN not in {stage.kind for stage in read}
