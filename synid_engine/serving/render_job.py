"""An order for pictures: the rows that it asks for, and its pictures as they come."""

from dataclasses import replace

from PIL import Image

from synid_engine.engine import Engine, Subject
from synid_engine.errors import InvalidSettingError
from synid_engine.sampling.denoise import Picture as Pixels
from synid_engine.sampling.row import RenderRow
from synid_engine.serving.bank_shelf import BankShelf
from synid_engine.serving.messages import EvaluateWork, Picture, RenderWork, Result
from synid_engine.serving.spool import Spool
from synid_engine.synid.stage import Progress

_MOST_SEEDS = 2**63


def render_rows(work: RenderWork, engine: Engine, shelf: BankShelf) -> list[RenderRow]:
    """Return a row for each picture, with seeds that count up.

    Raises:
        InvalidSettingError: A number is outside its range, or the lists are not of one length.
        NotDeclaredError: The base model has no such pose or shape.
        NoPoseControlError: It cannot be held to a body.
        MissingTensorError: A bank is not there.
        CorruptTensorError: A bank is damaged.
        BaseModelMismatchError: A bank is of another base model.
    """
    request = engine.request(
        subjects_of(work, shelf),
        work.prompt,
        negative_prompt=work.negative_prompt,
        pose=work.pose,
        body=work.body,
        pose_strength=work.pose_strength,
        shape=work.shape,
        identity_scale=work.identity_scale,
    )
    seeds = ((work.seed + number) % _MOST_SEEDS for number in range(work.pictures))
    return [
        replace(
            request,
            seed=seed,
            num_inference_steps=work.num_inference_steps,
            guidance_scale=work.guidance_scale,
        )
        for seed in seeds
    ]


class RenderJob:
    """Collects the pictures of a job in the spool folder."""

    def __init__(self, rows: list[RenderRow], spool: Spool) -> None:
        self.rows = rows
        self._spool = spool
        self._pictures: dict[int, Picture] = {}

    def add(self, index: int, pixels: Pixels) -> None:
        """Write a finished picture.

        Raises:
            TensorWriteError: The system refused.
        """
        image = Image.fromarray(pixels)
        self._pictures[index] = self._spool.put_picture(image, seed=self.rows[index].seed)

    def share(self, progress: Progress) -> float:
        """Return the finished share of the job, in [0, 1]."""
        return min(1.0, progress.fraction)

    def result(self) -> Result:
        """Return the pictures, in the order of their seeds."""
        return Result(pictures=tuple(self._pictures[index] for index in range(len(self.rows))))


def subjects_of(work: RenderWork | EvaluateWork, shelf: BankShelf) -> list[Subject]:
    """Return the characters that a job is about; errors as in `render_rows`."""
    count = len(work.banks)
    for name, given in (("descriptions", work.descriptions), ("styles", work.styles)):
        if len(given) != count:
            raise InvalidSettingError(field=name, value=len(given), allowed=f"{count}")
    return [
        Subject(description=description, style=style, bank=shelf.get(digest))
        for digest, description, style in zip(work.banks, work.descriptions, work.styles, strict=True)
    ]
