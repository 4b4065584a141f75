"""An order for a character: a call that the step batcher runs, with its checkpoints in the spool folder."""

import logging
from collections.abc import Callable

from PIL import Image

from synid_engine.engine import Character, Engine
from synid_engine.errors import CorruptTensorError
from synid_engine.serving.messages import Answer, CreateWork, Question, Result
from synid_engine.serving.spool import TENSORS, Spool
from synid_engine.synid.checkpoint import Checkpoint, every_25_steps, with_portrait
from synid_engine.synid.checkpoint_file import checkpoint_bytes, read_checkpoint
from synid_engine.synid.ensemble import AnchorEnsemble
from synid_engine.synid.images import to_picture
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.stage import OnProgress, Progress

_log = logging.getLogger(__name__)


class _AskedError(Exception):
    """Ends a creation that cannot go on without an answer; a signal from the keeper to the call."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


class CreationJob:
    """Makes one character, and keeps its checkpoints.

    With `ask`, and as long as there is no answer, it stops after the anchors and returns its question. The
    next attempt, with the answer, goes on with the picture that was chosen as the portrait. A checkpoint that
    is gone costs time and nothing else: the same words and seed draw the same anchors.
    """

    def __init__(
        self,
        work: CreateWork,
        engine: Engine,
        spool: Spool,
        config: DistillConfig,
        *,
        checkpoint: str | None,
        answer: Answer | None,
        tell: Callable[[str], None],
        show: Callable[[Image.Image], None],
    ) -> None:
        """Prepare the creation.

        Args:
            work: What to make.
            engine: Makes it.
            spool: Where pictures, bank and checkpoints go, and checkpoints come from.
            config: Budgets and stages.
            checkpoint: SHA-256 of where to go on; None begins at the beginning.
            answer: What a person chose; None has not been asked.
            tell: Given the SHA-256 of each checkpoint.
            show: Given the portrait once it is known, long before the character is made.
        """
        self._work, self._engine, self._spool = work, engine, spool
        self._config = config.with_choice() if work.ask else config
        self._checkpoint, self._answer, self._tell, self._show = checkpoint, answer, tell, show
        self._anchors: AnchorEnsemble | None = None
        self._is_hurried = False

    def __call__(self, report: OnProgress) -> Result | Question:
        """Make the character, or come back with a question."""
        answer = self._answer
        try:
            character = self._engine.create(
                "",
                self._work.identity,
                seed=self._work.seed,
                style=self._work.style or None,
                pick=None if answer is None else lambda _: answer.choice,
                on_progress=report,
                config=self._config,
                keeper=self,
            )
        except _AskedError as asked:
            return asked.question
        return self._result(character)

    def share(self, progress: Progress) -> float:
        """Return the finished share of the job, in [0, 1], by the planned work of its stages."""
        work: dict[str, int] = {**self._config.work()}
        stages = list(work)
        before = sum(work[stage] for stage in stages[: stages.index(progress.stage)])
        return min(1.0, (before + work[progress.stage] * progress.fraction) / sum(work.values()))

    def hurry(self) -> None:
        """Keep a checkpoint at the next training step, whenever the last one was."""
        self._is_hurried = True

    def load(self, name: str) -> Checkpoint | None:
        """Read the checkpoint that the order names, with the answer in it."""
        digest = self._checkpoint
        found = None if digest is None else self._read(digest, name)
        if found is None or digest is None:
            return None
        if self._answer is not None:
            found = with_portrait(found, self._answer.choice, self._config.anchors)
        self._note(found, digest)
        return found

    def is_due(self, steps: int) -> bool:
        """Keep a state every 25 steps, or now when there is hurry."""
        return self._is_hurried or every_25_steps(steps)

    def keep(self, name: str, checkpoint: Checkpoint) -> None:
        """Write a checkpoint and tell of it."""
        digest = self._spool.put(checkpoint_bytes(checkpoint, name=name), TENSORS)
        self._tell(digest)
        self._note(checkpoint, digest)

    def finish(self) -> None:
        """Leave the checkpoints to whoever was told of them."""

    def _read(self, digest: str, name: str) -> Checkpoint | None:
        path = self._spool.path_of(digest, TENSORS)
        try:
            found = read_checkpoint(path, name=name)
        except CorruptTensorError:
            _log.warning("checkpoint %s is damaged: the creation begins again", digest)
            return None
        if found is None:
            _log.warning("checkpoint %s is not there, or of another model: the creation begins again", digest)
        return found

    def _note(self, checkpoint: Checkpoint, digest: str) -> None:
        is_news = self._anchors is None
        anchors = self._anchors = checkpoint.anchors
        if anchors is None:
            return
        if self._work.ask and self._answer is None:
            raise _AskedError(self._question(anchors, digest))
        if is_news:
            self._show(to_picture(anchors.images[anchors.portrait]))

    def _question(self, anchors: AnchorEnsemble, digest: str) -> Question:
        pictures = [to_picture(picture) for picture in anchors.choices]
        scores = [self._spool.score(picture) for picture in pictures]
        return Question(
            choices=tuple(self._spool.put_image(picture) for picture in pictures),
            nsfw=tuple(score for score in scores if score is not None),
            checkpoint=digest,
            default=anchors.chosen,
        )

    def _result(self, character: Character) -> Result:
        """Write what was made: the portrait first, then every anchor."""
        anchors = self._anchors
        assert anchors is not None  # noqa: S101  (every creation keeps its anchors)
        pictures = self._spool.put_pictures(character.anchors, anchors.seeds)
        return Result(
            pictures=(pictures[anchors.portrait], *pictures),
            bank=self._spool.put(character.bank.to_bytes(), TENSORS),
            scores=dict(character.scores),
        )
