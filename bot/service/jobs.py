"""Jobs that people ask for in a chat: made, drawn again, chosen for, cancelled, looked at."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from bot.asked import asked
from bot.chat_errors import (
    MemberLimitError,
    NothingMadeError,
    NothingUnfinishedError,
    NotYoursError,
)
from bot.coordinator.client import CoordinatorHealth, JobEvent, PlaceChanged, StateChanged
from bot.coordinator.desk import CreateRequest, EvaluateRequest, RenderRequest
from bot.coordinator.inspection import BroughtPose
from bot.coordinator.opening import Opened
from bot.moderation import is_covered
from bot.place import Place
from bot.service.chats import ChatBook
from bot.service.gate import Gate
from bot.service.names import Names, number_in
from bot.service.poses import Poses
from bot.service.rules import HouseRules, Rules
from bot.service.wishes import CreateWish, DrawWish, JobView
from bot.tongue import mark
from bot.words import Words
from storage.errors import CharacterNotFoundError
from synid_engine.errors import SynIDError
from synid_engine.serving.messages import UNFINISHED, CreateWork, EvaluateWork, Job, RenderWork

_LOOKED_AT = 200
_GUIDANCES = (5.0, 3.5, 7.0)
"""A variation takes the next one: the same seed keeps the composition, and the details change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the jobs of a chat are made with."""

    opened: Opened
    chats: ChatBook
    rules: HouseRules
    names: Names
    gate: Gate
    words: Words
    poses: Poses


class Jobs:
    """Asks the desk and the coordinator."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._jobs = tools.opened.stores.jobs
        self._coordinator = tools.opened.coordinator

    async def create(self, place: Place, wish: CreateWish, *, revises: int | None = None) -> Job:
        """Ask for a character, or for one to be made anew.

        Raises:
            InvalidRequestError: It cannot be, or not here.
            CapacityError: There are too many unfinished requests.
        """
        description = await self._tools.gate.text(place, wish.description, field="description")
        style = self._tools.gate.clean(wish.style, field="style")
        await self._tools.gate.together(place, description, style, wish.name, field="description")
        request = CreateRequest(
            request_key=place.request_key,
            owner_id=place.owner_id,
            server_id=place.server_id,
            name=wish.name,
            description=description,
            style=style,
            ask=wish.ask,
            seed=wish.seed,
            revises=revises,
        )
        job = await self._submit(place, request, spoiler=False)
        self._tools.names.forget()
        return job

    async def draw(self, place: Place, wish: DrawWish) -> Job:
        """Ask for pictures; errors as in `create`."""
        prompt = await self._tools.gate.text(place, wish.prompt, field="prompt")
        brought = None if wish.pose_picture is None else await self._brought(place, wish.pose_picture)
        request = RenderRequest(
            request_key=place.request_key,
            owner_id=place.owner_id,
            server_id=place.server_id,
            name=wish.character,
            character_id=number_in(wish.character),
            prompt=prompt,
            negative_prompt=self._tools.gate.clean(wish.negative, field="negative prompt"),
            pose=wish.pose,
            body=None if brought is None else brought.body,
            pose_people=1 if brought is None else brought.people,
            pose_strength=wish.pose_strength,
            shape=wish.shape,
            pictures=wish.pictures,
            seed=wish.seed,
            style=self._tools.gate.clean(wish.style, field="style"),
            identity_scale=wish.strength,
        )
        return await self._submit(place, request, spoiler=wish.spoiler)

    async def _brought(self, place: Place, picture: bytes) -> BroughtPose:
        """Read the pose of a picture for a member who may ask for one more."""
        await self._permitted(place)
        return await self._tools.poses.read(place.owner_id, picture)

    async def evaluate(self, place: Place, character: str) -> Job:
        """Ask how steady a character is; errors as in `create`."""
        return await self._submit(
            place,
            EvaluateRequest(
                request_key=place.request_key,
                owner_id=place.owner_id,
                server_id=place.server_id,
                name=character,
                character_id=number_in(character),
            ),
            spoiler=False,
        )

    async def again(self, place: Place, job_id: int) -> Job:
        """Ask for the same pictures with other seeds, or the same evaluation; errors as in `create`."""
        work = (await self._jobs.get(job_id)).work
        if isinstance(work, EvaluateWork):
            return await self.evaluate(place, f"#{work.character_ids[0]}")
        return await self._redraw(place, job_id, {})

    async def vary(self, place: Place, job_id: int) -> Job:
        """Ask for the same pictures with other details; errors as in `create`."""
        _, work = await self._drawing(job_id)
        known = work.guidance_scale in _GUIDANCES
        number = _GUIDANCES.index(work.guidance_scale) + 1 if known else 0
        guidance_scale = _GUIDANCES[number % len(_GUIDANCES)]
        return await self._redraw(place, job_id, {"seed": work.seed, "guidance_scale": guidance_scale})

    async def edit(self, place: Place, job_id: int, *, prompt: str, seed: int | None) -> Job:
        """Ask for pictures of the same character by another prompt; errors as in `create`."""
        checked = await self._tools.gate.text(place, prompt, field="prompt")
        return await self._redraw(place, job_id, {"prompt": checked, "seed": seed})

    async def answer(self, owner_id: int, job_id: int, choice: int, *, fence: int) -> Job:
        """Choose the portrait.

        Raises:
            NotYoursError: Somebody else asked for it.
            NotWaitingError: It has been chosen.
        """
        job = await self._jobs.get(job_id)
        if job.owner_id != owner_id:
            raise NotYoursError(what=mark("choosing the portrait"))
        return await self._coordinator.answer(job_id, choice, fence=fence)

    async def cancel(self, place: Place, job_id: int | None) -> Job:
        """Cancel a request, by default the newest.

        Raises:
            NothingUnfinishedError: There is none.
            NotYoursError: Somebody else asked for it, and not in a server that the asker moderates.
        """
        if job_id is None:
            found = await self.unfinished(place.owner_id)
            if not found:
                raise NothingUnfinishedError
            job_id = found[0].id
        job = await self._jobs.get(job_id)
        is_moderated = place.is_moderator and job.server_id is not None and job.server_id == place.server_id
        if job.owner_id != place.owner_id and not is_moderated:
            raise NotYoursError(what=mark("cancelling this request"))
        if job.state not in UNFINISHED:
            raise NothingUnfinishedError
        cancelled = await self._coordinator.cancel(job_id)
        self._tools.names.forget()
        return cancelled

    async def unfinished(self, owner_id: int) -> list[Job]:
        """Return an owner's unfinished jobs, newest first."""
        found = await self._jobs.of_owner(owner_id, limit=_LOOKED_AT)
        return [job for job in found if job.state in UNFINISHED]

    async def expectation(self, job_id: int) -> PlaceChanged | None:
        """Return a job's place in the queue; None if nothing is known."""
        async with aclosing(self._coordinator.events(job_id)) as events:
            async for event in events:
                if isinstance(event, PlaceChanged):
                    return event
                if isinstance(event, StateChanged):
                    break
        return None

    def events(self, job_id: int) -> AsyncGenerator[JobEvent]:
        """Return what is known of a job, and what happens to it; see `CoordinatorClient`."""
        return self._coordinator.events(job_id)

    async def health(self) -> CoordinatorHealth:
        """Tell how the engine is."""
        return await self._coordinator.health()

    async def get(self, job_id: int) -> Job:
        """Return a job."""
        return await self._jobs.get(job_id)

    async def view(self, job: Job) -> JobView:
        """Return a job as people see it."""
        chat = await self._tools.chats.of(job)
        text = "" if isinstance(job.work, EvaluateWork) else asked(job.work)
        return JobView(
            job=job,
            names=await self._names(job),
            not_drawn=self._tools.words.not_drawn(text),
            is_covered=chat is not None and chat.is_spoiler,
            server_id=None if chat is None else chat.server_id,
            may_post=chat is not None and chat.may_post,
            withheld=self._tools.gate.withheld(job),
            rule=self._tools.gate.rule,
        )

    async def _drawing(self, job_id: int) -> tuple[Job, RenderWork]:
        job = await self._jobs.get(job_id)
        if not isinstance(job.work, RenderWork):
            raise NothingMadeError(job_id=job_id)
        return job, job.work

    async def _redraw(self, place: Place, job_id: int, changes: dict[str, object]) -> Job:
        job, work = await self._drawing(job_id)
        if len(work.character_ids) != 1:
            raise CharacterNotFoundError(character_id=0)
        chat = await self._tools.chats.of(job)
        [character_id] = work.character_ids
        request = RenderRequest.model_validate(
            {
                "request_key": place.request_key,
                "owner_id": place.owner_id,
                "server_id": place.server_id,
                "name": "",
                "character_id": character_id,
                "prompt": work.prompt,
                "negative_prompt": work.negative_prompt,
                "pose": work.pose,
                "body": work.body,
                "pose_people": work.pose_people,
                "pose_strength": work.pose_strength,
                "shape": work.shape,
                "pictures": work.pictures,
                "style": work.styles[0] if work.styles else "",
                "guidance_scale": work.guidance_scale,
                "identity_scale": work.identity_scale,
                **changes,
            }
        )
        return await self._submit(place, request, spoiler=chat is not None and chat.is_spoiler)

    async def _submit(
        self, place: Place, request: CreateRequest | RenderRequest | EvaluateRequest, *, spoiler: bool
    ) -> Job:
        rules = await self._permitted(place)
        if not isinstance(request, CreateRequest):
            subject = await self._tools.opened.desk.subject(request)
            if isinstance(request, RenderRequest):
                texts = (request.prompt, subject.description, request.style)
            else:
                texts = (subject.description, subject.style)
            await self._tools.gate.together(place, *texts)
        covered = is_covered(
            wished=spoiler, server_covers=rules.covers, is_age_restricted=place.is_age_restricted
        )
        await self._tools.chats.open(place, is_spoiler=covered)
        desk = self._tools.opened.desk
        try:
            if isinstance(request, CreateRequest):
                return await desk.create(request)
            if isinstance(request, EvaluateRequest):
                return await desk.evaluate(request)
            return await desk.render(request)
        except SynIDError:
            await self._tools.chats.drop(place)
            raise

    async def _permitted(self, place: Place) -> Rules:
        """Return the rules of a place, having checked that whoever asks there may ask for one more."""
        rules = await self._tools.rules.require(place)
        if rules.limit is not None:
            mine = [one for one in await self.unfinished(place.owner_id) if one.server_id == place.server_id]
            if len(mine) >= rules.limit:
                raise MemberLimitError(limit=rules.limit)
        return rules

    async def _names(self, job: Job) -> tuple[str, ...]:
        work = job.work
        ids = (work.character_id,) if isinstance(work, CreateWork) else work.character_ids
        found: list[str] = []
        for character_id in ids:
            try:
                found.append((await self._tools.opened.stores.characters.get(character_id)).name)
            except CharacterNotFoundError:
                continue
        return tuple(found)
