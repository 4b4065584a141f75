"""Requests by name, turned into jobs: which character is meant, and whether it may be made or drawn.

Knows the stores and the client's six calls, and nothing of the engine.
"""

import asyncio
import hashlib
from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from bot.coordinator.client import CoordinatorClient
from bot.coordinator.stores import Stores
from bot.coordinator_errors import CharacterNotReadyError
from bot.requests import LONGEST_KEY, MOST_PICTURES, clean_text
from storage.characters import CharacterRecord, CharacterState, Made
from storage.errors import (
    CharacterExistsError,
    CharacterNotFoundError,
    ProfileNotFoundError,
    RequestKeyTakenError,
)
from storage.names import clean_name, name_key
from synid_engine.errors import SynIDError
from synid_engine.pose.body import Body
from synid_engine.serving.messages import (
    AnyWork,
    CreateWork,
    EvaluateWork,
    Identifier,
    Job,
    Message,
    RenderWork,
    Submission,
)
from synid_engine.synid.repertoire import Repertoire

_LARGEST_LOT = 1 << 31


class JobRequest(Message):
    """What every request has.

    Attributes:
        request_key: Chosen by the asker; the same key is the same job.
        owner_id: Who asks.
        server_id: Where; None is no server.
        weight: Share of the owner's tier against 1 for the plain one.
        seed: Determines everything that is drawn by chance; None follows from the key.
    """

    request_key: Annotated[str, Field(min_length=1, max_length=LONGEST_KEY)]
    owner_id: Identifier
    server_id: Identifier | None = None
    weight: Annotated[float, Field(gt=0.0)] = 1.0
    seed: Identifier | None = None


class CreateRequest(JobRequest):
    """Make a character from words.

    Attributes:
        style: Art style; empty leaves it to the description.
        ask: Whether a person picks its portrait.
        revises: The owner's character that is made anew; None makes another one.
    """

    name: str
    description: str
    style: str = ""
    ask: bool = False
    revises: Identifier | None = None


class SubjectRequest(JobRequest):
    """Do something with a character: the owner's, or one in the server's roster.

    Attributes:
        character_id: The one that is meant, whatever it is called; None goes by the name.
    """

    name: str
    character_id: Identifier | None = None


class EvaluateRequest(SubjectRequest):
    """Measure how well a character stays itself."""


class RenderRequest(SubjectRequest):
    """Draw a character.

    Attributes:
        pose: One that the base model declares, likewise `shape`; empty leaves it to the prompt.
        body: A pose of one's own in place of it.
        pose_people: As `RenderWork` has it.
        pose_strength: Weight of either; None is the usual one.
        style: Art style; empty is the character's own.
        guidance_scale: None is the usual one, likewise `identity_scale`.
    """

    prompt: str
    negative_prompt: str = ""
    pose: str = ""
    body: Body | None = None
    pose_people: Annotated[int, Field(ge=1)] = 1
    pose_strength: Annotated[float, Field(ge=0.0, le=2.0)] | None = None
    shape: str = ""
    pictures: Annotated[int, Field(ge=1, le=MOST_PICTURES)] = 1
    style: str = ""
    guidance_scale: Annotated[float, Field(ge=0.0)] | None = None
    identity_scale: Annotated[float, Field(ge=0.0)] | None = None


@runtime_checkable
class RequestDesk(Protocol):
    """The contract, in the coordinator's process and outside of it."""

    async def create(self, request: CreateRequest) -> Job:
        """Begin a character.

        Raises:
            InvalidRequestError: The name or the description cannot be, or the name is taken.
            CapacityError: There are too many unfinished jobs.
        """
        ...

    async def render(self, request: RenderRequest) -> Job:
        """Have a character drawn.

        Raises:
            ProfileNotFoundError: Neither the owner nor the server's roster has a character of this name.
            CharacterNotReadyError: It has not been made.
            InvalidRequestError: The prompt, the pose or the shape cannot be.
            CapacityError: There are too many unfinished jobs.
        """
        ...

    async def evaluate(self, request: EvaluateRequest) -> Job:
        """Have a character evaluated; errors as in `render`."""
        ...


class Desk:
    """Takes requests in the coordinator's process."""

    def __init__(self, stores: Stores, client: CoordinatorClient, repertoire: Repertoire) -> None:
        self._stores = stores
        self._client = client
        self._repertoire = repertoire
        self._turn = asyncio.Lock()

    async def create(self, request: CreateRequest) -> Job:
        """See `RequestDesk`."""
        name = clean_name(request.name)
        description = clean_text(request.description, field="description")
        style = _style_of(request)
        async with self._turn:
            if request.revises is not None:
                character = await self._revised(request, request.revises)
                return await self._submit_create(request, character.id, description, style)
            before = await self._stores.jobs.of_request(request.owner_id, request.request_key)
            if before is not None:
                character_id = await self._same_character(request, before)
                return await self._submit_create(request, character_id, description, style)
            await self._free(request.owner_id, name)
            draft = await self._stores.characters.add(
                owner_id=request.owner_id, name=name, description=description, style=style
            )
            try:
                return await self._submit_create(request, draft.id, description, style)
            except SynIDError:
                await self._stores.characters.delete(draft.id)
                raise

    async def render(self, request: RenderRequest) -> Job:
        """See `RequestDesk`."""
        prompt = clean_text(request.prompt, field="prompt")
        self._repertoire.require(pose=request.pose, shape=request.shape)
        self._repertoire.wanted_body(pose=request.pose, body=request.body, strength=request.pose_strength)
        character, made = await self._drawable(request)
        work = RenderWork(
            prompt=prompt,
            negative_prompt=request.negative_prompt,
            pose=request.pose,
            body=request.body,
            pose_people=request.pose_people,
            pose_strength=request.pose_strength,
            shape=request.shape,
            seed=_seed(request),
            pictures=request.pictures,
            banks=(made.bank,),
            character_ids=(character.id,),
            descriptions=(character.description,),
            styles=(_style_of(request) or character.style,),
            identity_scale=request.identity_scale,
        )
        if request.guidance_scale is not None:
            work = work.model_copy(update={"guidance_scale": request.guidance_scale})
        return await self._client.submit(_submission(request, work))

    async def evaluate(self, request: EvaluateRequest) -> Job:
        """See `RequestDesk`."""
        character, made = await self._drawable(request)
        work = EvaluateWork(
            portrait=made.portrait,
            banks=(made.bank,),
            character_ids=(character.id,),
            descriptions=(character.description,),
            styles=(character.style,),
        )
        return await self._client.submit(_submission(request, work))

    async def subject(self, request: SubjectRequest) -> CharacterRecord:
        """Return whom a request means.

        Raises:
            ProfileNotFoundError: Nobody that the owner may draw there.
            CharacterNotFoundError: Likewise, of a number.
        """
        find = self._character if request.character_id is None else self._known
        return await find(request)

    async def _drawable(self, request: SubjectRequest) -> tuple[CharacterRecord, Made]:
        character = await self.subject(request)
        if character.state is not CharacterState.READY or character.made is None:
            raise CharacterNotReadyError(name=character.name, state=character.state)
        return character, character.made

    async def _submit_create(
        self, request: CreateRequest, character_id: int, description: str, style: str
    ) -> Job:
        work = CreateWork(
            character_id=character_id,
            identity=description,
            style=style,
            seed=_seed(request),
            ask=request.ask,
        )
        return await self._client.submit(_submission(request, work))

    async def _same_character(self, request: CreateRequest, before: Job) -> int:
        character = await self._stores.characters.find(owner_id=request.owner_id, name=request.name)
        work = before.work
        if isinstance(work, CreateWork) and (character is None or character.id == work.character_id):
            return work.character_id
        raise RequestKeyTakenError(request_key=request.request_key, job_id=before.id)

    async def _revised(self, request: CreateRequest, character_id: int) -> CharacterRecord:
        character = await self._stores.characters.get(character_id)
        if character.owner_id != request.owner_id:
            raise CharacterNotFoundError(character_id=character_id)
        if character.made is None:
            raise CharacterNotReadyError(name=character.name, state=character.state)
        return character

    async def _known(self, request: SubjectRequest) -> CharacterRecord:
        """Return the character of a number, if the owner or the server may draw it."""
        character = await self._stores.characters.get(request.character_id or 0)
        if character.owner_id == request.owner_id:
            return character
        rosters, server_id = self._stores.rosters, request.server_id
        if server_id is None or await rosters.access(character.id, server_id=server_id) is None:
            raise CharacterNotFoundError(character_id=character.id)
        return character

    async def _free(self, owner_id: int, name: str) -> None:
        """Remove what an earlier creation of this name left behind, if it came to nothing."""
        character = await self._stores.characters.find(owner_id=owner_id, name=name)
        if character is None:
            return
        jobs = self._stores.jobs
        unfinished = [*await jobs.queued(), *await jobs.leased(), *await jobs.waiting()]
        in_making = {job.work.character_id for job in unfinished if isinstance(job.work, CreateWork)}
        if character.made is not None or character.id in in_making:
            raise CharacterExistsError(name=name)
        await self._stores.characters.delete(character.id)

    async def _character(self, request: SubjectRequest) -> CharacterRecord:
        own = await self._stores.characters.find(owner_id=request.owner_id, name=request.name)
        if own is not None:
            return own
        shared: list[CharacterRecord] = []
        if request.server_id is not None:
            roster = await self._stores.rosters.of_server(request.server_id)
            shared = [entry.character for entry in roster]
        for character in shared:
            if name_key(character.name) == name_key(request.name):
                return character
        known = [*await self._stores.characters.of_owner(request.owner_id), *shared]
        ready = tuple(one.name for one in known if one.state is CharacterState.READY)
        raise ProfileNotFoundError(name=clean_name(request.name), known=ready)


def _submission(request: JobRequest, work: AnyWork) -> Submission:
    return Submission(
        request_key=request.request_key,
        owner_id=request.owner_id,
        server_id=request.server_id,
        weight=request.weight,
        work=work,
    )


def _style_of(request: CreateRequest | RenderRequest) -> str:
    return clean_text(request.style, field="style") if request.style.strip() else ""


def _seed(request: JobRequest) -> int:
    if request.seed is not None:
        return request.seed
    drawn = hashlib.sha256(request.request_key.encode()).digest()
    return int.from_bytes(drawn[:8], "big") % _LARGEST_LOT
