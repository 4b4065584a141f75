"""What passes from people to the engine and back: texts by the policy, pictures by the rule, both noted."""

from bot.chat_errors import RefusedTextError
from bot.moderation import PictureRule
from bot.place import Place
from bot.policy import PromptPolicy
from storage.moderation import Entry, EntryRecord, Kind, ModerationLog
from synid_engine.serving.messages import Hash, Job, Picture

_FORM = frozenset({"long", "marks"})  # nothing to answer for


class Gate:
    """Lets through, or refuses and notes it.

    Attributes:
        rule: Which pictures are shown.
    """

    def __init__(self, policy: PromptPolicy, rule: PictureRule, log: ModerationLog) -> None:
        self._policy = policy
        self._log = log
        self.rule = rule

    def clean(self, text: str, *, field: str) -> str:
        """Return a text as it may be stored, whatever its words; empty stays empty."""
        return self._policy.clean(text, field=field) if text.strip() else ""

    async def text(self, place: Place, text: str, *, field: str) -> str:
        """Return a text as it may be used.

        Raises:
            InvalidRequestError: It may not.
        """
        try:
            return self._policy.check(text, field=field)
        except RefusedTextError as error:
            await self._note(place, error, text)
            raise

    async def together(self, place: Place, *texts: str, field: str = "prompt") -> None:
        """Look at texts that describe one picture.

        Raises:
            RefusedTextError: They describe what may not be drawn.
        """
        try:
            self._policy.check_together(texts, field=field)
        except RefusedTextError as error:
            await self._note(place, error, " / ".join(one for one in texts if one))
            raise

    def fit(self, job: Job) -> frozenset[Hash]:
        """Return the pictures of a job that may be shown."""
        made = job.result.pictures if job.result is not None else ()
        return frozenset(one.image for one in made) - {one.image for one in self._unfit(job)}

    def withheld(self, job: Job) -> int:
        """Return how many pictures of a job are withheld."""
        return len({one.image for one in self._unfit(job)})

    async def note_pictures(self, job: Job) -> None:
        """Note what is withheld of a job; a second time changes nothing."""
        for one in self._unfit(job):
            await self._log.note(
                Entry(
                    owner_id=job.owner_id,
                    server_id=job.server_id,
                    subject=f"job {job.id} {one.image}",
                    kind=Kind.PICTURE,
                    reason="unjudged" if one.nsfw is None else "sexual",
                    detail=one.image,
                    score=one.nsfw,
                )
            )

    async def noted(self, server_id: int, *, limit: int) -> list[EntryRecord]:
        """Return what a server's members were refused, newest first."""
        return await self._log.of_server(server_id, limit=limit)

    def _unfit(self, job: Job) -> list[Picture]:
        made = job.result.pictures if job.result is not None else ()
        return [one for one in made if self.rule.withholds(one.nsfw)]

    async def _note(self, place: Place, error: RefusedTextError, text: str) -> None:
        if error.reason in _FORM:
            return
        await self._log.note(
            Entry(
                owner_id=place.owner_id,
                server_id=place.server_id,
                subject=place.request_key,
                kind=Kind.TEXT,
                reason=error.reason,
                detail=text,
            )
        )
