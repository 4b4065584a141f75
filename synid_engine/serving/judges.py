"""The judges that a deployment wants, loaded, with one answer."""

from pathlib import Path

import torch

from synid_engine.perception.picture_judge import CombinedJudge, OpenNsfwJudge, PictureJudge
from synid_engine.perception.safety_checker import SafetyCheckerJudge
from synid_engine.serving.judging import OPENNSFW, Judging


def load_judges(judging: Judging, *, model: Path, device: torch.device) -> PictureJudge:
    """Load what looks at pictures.

    Args:
        judging: Who looks, and the limits.
        model: Folder of the base model, where its safety checker is.
        device: Where that runs.

    Raises:
        JudgeNotInstalledError: The base model has no safety checker, and the deployment wants it.
        WeightsError: A judge is damaged.
    """
    if not judging.judges:
        return OpenNsfwJudge()
    judges = tuple((_load(one.name, model, device), one.limit) for one in judging.judges)
    return CombinedJudge(judges=judges, limit=judging.limit)


def _load(name: str, model: Path, device: torch.device) -> PictureJudge:
    return OpenNsfwJudge() if name == OPENNSFW else SafetyCheckerJudge(model, device=device)
