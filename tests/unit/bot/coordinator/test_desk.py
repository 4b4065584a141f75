"""Requests by name: which character is meant, and whether it may be made or drawn."""

from pathlib import Path

import pytest

from bot.coordinator.desk import CreateRequest, RenderRequest
from bot.coordinator_errors import CharacterNotReadyError
from bot.requests import EmptyTextError
from storage.characters import CharacterState
from storage.errors import (
    CharacterExistsError,
    CharacterNotFoundError,
    InvalidNameError,
    OwnerLimitError,
    ProfileNotFoundError,
    RequestKeyTakenError,
)
from storage.ledger import QueueLimits
from storage.rosters import Access
from synid_engine.errors import NoPoseControlError, NotDeclaredError
from synid_engine.pose.library import NAMED_POSES
from synid_engine.serving.messages import CreateWork, JobState, RenderWork
from synid_engine.synid.repertoire import Repertoire

from .support import House, config, house


def creation(key: str = "a", *, owner: int = 1, name: str = "Nova", ask: bool = False) -> CreateRequest:
    return CreateRequest(request_key=key, owner_id=owner, name=name, description="red  hair", ask=ask)


def drawing(key: str = "b", *, owner: int = 1, server: int | None = None) -> RenderRequest:
    return RenderRequest(request_key=key, owner_id=owner, server_id=server, name="NOVA", prompt="smiling")


async def made(at_work: House) -> int:
    """Have Nova made."""
    job = await at_work.opened.desk.create(creation())
    await at_work.until(job.id, JobState.DELIVERED)
    assert isinstance(job.work, CreateWork)
    return job.work.character_id


async def test_creation_begins_a_draft_and_the_same_request_is_the_same_job(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        desk, characters = at_work.opened.desk, at_work.opened.stores.characters
        job = await desk.create(creation())
        again = await desk.create(creation())
        assert (again.id, again.work) == (job.id, job.work)
        [draft] = await characters.of_owner(1)
        assert (draft.state, draft.name, draft.description) == (CharacterState.DRAFT, "Nova", "red hair")
        assert isinstance(job.work, CreateWork)
        assert (job.work.character_id, job.work.identity) == (draft.id, "red hair")


async def test_key_of_another_request_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        await at_work.opened.desk.create(creation())
        with pytest.raises(RequestKeyTakenError):
            await at_work.opened.desk.create(creation(ask=True))
        await at_work.opened.desk.create(creation("c", name="Rex"))
        with pytest.raises(RequestKeyTakenError):
            await at_work.opened.desk.create(creation("a", name="Rex"))


async def test_name_of_a_character_that_is_there_or_in_the_making_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        await at_work.opened.desk.create(creation())
        with pytest.raises(CharacterExistsError):
            await at_work.opened.desk.create(creation("b", name="nova"))
        await at_work.opened.desk.create(creation("b", owner=2))
    async with house(tmp_path) as at_work:
        await at_work.until(1, JobState.DELIVERED)
        with pytest.raises(CharacterExistsError):
            await at_work.opened.desk.create(creation("c"))


async def test_name_of_a_creation_that_came_to_nothing_is_free_again(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        failed = await at_work.opened.desk.create(creation())
        at_work.engine.break_off(at_work.engine.working[failed.id], retryable=False)
        await at_work.until(failed.id, JobState.FAILED)
        await at_work.opened.coordinator._deliveries.deliver_all()
        [character] = await at_work.opened.stores.characters.of_owner(1)
        assert character.state is CharacterState.FAILED
        cancelled = await at_work.opened.desk.create(creation("b"))
        await at_work.opened.coordinator.cancel(cancelled.id)
        await at_work.opened.desk.create(creation("c"))
        assert len(await at_work.opened.stores.characters.of_owner(1)) == 1


async def test_refused_creation_leaves_no_draft(tmp_path: Path) -> None:
    settings = config()
    few = type(settings)(limits=QueueLimits(per_owner=1), tick_s=3600.0)
    async with house(tmp_path, at_once=False, settings=few) as at_work:
        await at_work.submit()
        with pytest.raises(OwnerLimitError):
            await at_work.opened.desk.create(creation("b"))
        assert await at_work.opened.stores.characters.of_owner(1) == []


async def test_drawing_carries_the_bank_and_the_words(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        character = await at_work.opened.stores.characters.get(await made(at_work))
        job = await at_work.opened.desk.render(drawing())
        assert isinstance(job.work, RenderWork)
        assert character.made is not None
        assert job.work.banks == (character.made.bank,)
        assert (job.work.character_ids, job.work.descriptions) == ((character.id,), ("red hair",))
        assert (await at_work.opened.desk.render(drawing())).work == job.work


async def test_others_draw_what_is_shared_in_their_server(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        character_id = await made(at_work)
        for server in (None, 7):
            with pytest.raises(ProfileNotFoundError):
                await at_work.opened.desk.render(drawing(owner=2, server=server))
        await at_work.opened.stores.rosters.share(character_id, server_id=7, shared_by=1, access=Access.USE)
        job = await at_work.opened.desk.render(drawing(owner=2, server=7))
        assert isinstance(job.work, RenderWork)
        assert job.work.character_ids == (character_id,)


async def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path, at_once=False) as at_work:
        desk = at_work.opened.desk
        with pytest.raises(InvalidNameError):
            await desk.create(creation(name="../x"))
        with pytest.raises(EmptyTextError):
            await desk.create(CreateRequest(request_key="x", owner_id=1, name="Rex", description=" "))
        await desk.create(creation())
        with pytest.raises(CharacterNotReadyError):
            await desk.render(drawing())


async def test_revision_makes_the_same_character_from_other_words(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        character_id = await made(at_work)
        request = CreateRequest(
            request_key="r", owner_id=1, name="Nova", description="blue hair", revises=character_id
        )
        job = await at_work.opened.desk.create(request)
        await at_work.until(job.id, JobState.DELIVERED)
        [nova] = await at_work.opened.stores.characters.of_owner(1)
        assert (nova.id, nova.description, nova.revision) == (character_id, "blue hair", 3)
        for stranger in (2, 3):
            with pytest.raises(CharacterNotFoundError):
                await at_work.opened.desk.create(request.model_copy(update={"owner_id": stranger}))


async def test_character_of_a_number_is_drawn_by_its_owner_and_where_it_is_shared(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        character_id = await made(at_work)
        desk = at_work.opened.desk
        by_number = drawing("n").model_copy(update={"character_id": character_id, "name": "another"})
        job = await desk.render(by_number)
        assert isinstance(job.work, RenderWork)
        assert job.work.character_ids == (character_id,)
        strange = by_number.model_copy(update={"owner_id": 2, "server_id": 7})
        with pytest.raises(CharacterNotFoundError):
            await desk.render(strange)
        await at_work.opened.stores.rosters.share(character_id, server_id=7, shared_by=1, access=Access.USE)
        assert (await desk.render(strange)).owner_id == 2


async def test_drawing_takes_the_style_and_the_scales_that_were_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as at_work:
        await made(at_work)
        wish = {"style": "toon", "guidance_scale": 3.0, "identity_scale": 0.5}
        work = (await at_work.opened.desk.render(drawing("n").model_copy(update=wish))).work
        assert isinstance(work, RenderWork)
        assert (work.styles, work.guidance_scale, work.identity_scale) == (("toon",), 3.0, 0.5)


async def test_pose_is_one_that_the_model_declares(tmp_path: Path) -> None:
    async with house(tmp_path, repertoire=Repertoire(poses=("close-up",))) as at_work:
        await made(at_work)
        desk = at_work.opened.desk
        job = await desk.render(drawing().model_copy(update={"pose": "close-up"}))
        assert isinstance(job.work, RenderWork)
        assert job.work.pose == "close-up"
        for wish in ({"pose": "handstand"}, {"shape": "square"}):
            with pytest.raises(NotDeclaredError):
                await desk.render(drawing("c").model_copy(update=wish))
        for wish in ({"body": NAMED_POSES["front"]}, {"pose_strength": 0.5}):
            with pytest.raises(NoPoseControlError):
                await desk.render(drawing("c").model_copy(update=wish))
