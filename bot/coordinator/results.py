"""What a job made, from the spool folder into pictures, weights and the database.

Every step can be done again: files are named by their content, a picture's row by its job and its place.
"""

from pydantic import ValidationError

from bot.coordinator.parts import Parts
from bot.coordinator_errors import IncompleteResultError
from storage.characters import CharacterState, Made
from storage.errors import StaleRevisionError
from storage.images import NewImage
from synid_engine.serving.messages import (
    AnyWork,
    CreateWork,
    EvaluateWork,
    Hash,
    Job,
    Picture,
    RenderWork,
    Result,
)
from synid_engine.serving.reports import Ready

NSFW = "nsfw"
"""Among the scores of a picture, or of a character for its portrait: how likely it is to be sexual."""


class Results:
    """Keeps results."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def keep(self, job: Job, result: Result) -> Result:
        """Keep everything that a job made; the ledger does not know yet.

        Returns:
            The result with the pictures that are kept: an earlier attempt's, if it got so far.

        Raises:
            IncompleteResultError: The engine left something out.
            MissingFileError: A file is not in the spool folder.
            DamagedFileError: A file is not what its SHA-256 says.
            DiskFullError: There is no room.
            UnwritableError: The system refuses to write.
            CharacterNotFoundError: The character has been deleted meanwhile.
        """
        _require_whole(job, result)
        pictures = [
            await self._picture(job, position, picture, result)
            for position, picture in enumerate(result.pictures)
        ]
        kept = result.model_copy(update={"pictures": tuple(pictures)})
        if isinstance(job.work, CreateWork) and result.bank is not None:
            await self._complete(job.work, kept, bank=result.bank)
        return kept

    async def _picture(self, job: Job, position: int, picture: Picture, result: Result) -> Picture:
        data = await self._parts.spool.read(picture.image)
        thumbnail = await self._parts.spool.read(picture.thumbnail)
        work = job.work
        new = NewImage(
            job_id=job.id,
            position=position,
            owner_id=job.owner_id,
            server_id=job.server_id,
            character_id=_character_of(work),
            seed=picture.seed,
            prompt=_words_of(work),
            scores={**result.scores, **_judged(picture)},
        )
        kept = await self._parts.stores.images.add(new, data=data, thumbnail=thumbnail)
        nsfw = picture.nsfw if kept.image == picture.image else None  # nobody has looked at the earlier one
        return Picture(image=kept.image, thumbnail=kept.thumbnail, seed=kept.seed, nsfw=nsfw)

    async def _complete(self, work: CreateWork, result: Result, *, bank: Hash) -> None:
        characters = self._parts.stores.characters
        await self._parts.spool.take_bank(bank)
        made = _made(result, bank, self._parts.engine.ready)
        while True:
            character = await characters.get(work.character_id)
            if character.state is CharacterState.READY and character.made == made:
                return
            try:
                await characters.complete(
                    character.id,
                    made,
                    revision=character.revision,
                    description=work.identity,
                    style=work.style,
                )
            except StaleRevisionError:  # its owner has just renamed it
                continue
            return


def _require_whole(job: Job, result: Result) -> None:
    if isinstance(job.work, CreateWork):
        if result.bank is None:
            raise IncompleteResultError(part="bank")
        if not result.pictures:
            raise IncompleteResultError(part="portrait")
    elif isinstance(job.work, EvaluateWork):
        if len(result.pictures) != 1:
            raise IncompleteResultError(part="sheet")
        if not result.figures:
            raise IncompleteResultError(part="figures")
    elif len(result.pictures) != job.work.pictures:
        raise IncompleteResultError(part="pictures")


def _words_of(work: AnyWork) -> str:
    match work:
        case CreateWork():
            return work.identity
        case RenderWork():
            return work.prompt
        case EvaluateWork():
            return ", ".join(work.descriptions)


def _character_of(work: AnyWork) -> int | None:
    if isinstance(work, CreateWork):
        return work.character_id
    return work.character_ids[0] if len(work.character_ids) == 1 else None


def _judged(picture: Picture) -> dict[str, float]:
    return {} if picture.nsfw is None else {NSFW: picture.nsfw}


def _made(result: Result, bank: Hash, ready: Ready | None) -> Made:
    if ready is None:
        raise IncompleteResultError(part="base model")
    portrait = result.pictures[0]
    try:
        return Made(
            bank=bank,
            portrait=portrait.image,
            model_id=ready.model_id,
            model_hash=ready.model_hash,
            scores={**result.scores, **_judged(portrait)},
        )
    except ValidationError as error:
        raise IncompleteResultError(part="base model") from error
