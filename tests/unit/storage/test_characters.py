"""The contracts of characters and rosters, for the stores in SQLite and those in memory."""

import pytest

from storage.characters import CharacterRecord, CharacterState, CharacterStore, Made
from storage.errors import (
    CharacterExistsError,
    CharacterNotFoundError,
    InvalidNameError,
    StaleRevisionError,
)
from storage.rosters import Access, RosterStore

from .stores import StillClock, Stores

MADE = Made(bank="a" * 64, portrait="b" * 64, model_id="tiny", model_hash="c" * 64, scores={"likeness": 0.9})


@pytest.fixture
def characters(stores: Stores) -> CharacterStore:
    return stores.characters


@pytest.fixture
def rosters(stores: Stores) -> RosterStore:
    return stores.rosters


async def add(characters: CharacterStore, name: str = "Nova", owner: int = 1) -> CharacterRecord:
    return await characters.add(owner_id=owner, name=name, description="a woman", style="flat")


async def test_new_character_is_a_draft(characters: CharacterStore, clock: StillClock) -> None:
    draft = await add(characters, "  Zoë 🦊 ")
    assert (draft.name, draft.description, draft.style) == ("Zoë 🦊", "a woman", "flat")
    assert (draft.state, draft.revision, draft.made) == (CharacterState.DRAFT, 1, None)
    assert draft.created_at == draft.updated_at == clock.now
    assert await characters.get(draft.id) == draft
    assert await characters.find(owner_id=1, name="zoë 🦊") == draft
    assert await characters.find(owner_id=2, name="zoë 🦊") is None


@pytest.mark.parametrize("name", ["Nova", "NOVA", " nova "])
async def test_name_is_unique_for_its_owner_whatever_its_case(characters: CharacterStore, name: str) -> None:
    first = await add(characters)
    with pytest.raises(CharacterExistsError):
        await add(characters, name)
    other = await add(characters, name, owner=2)
    assert await characters.of_owner(1) == [first]
    assert await characters.of_owner(2) == [other]


async def test_impossible_name_is_refused(characters: CharacterStore) -> None:
    with pytest.raises(InvalidNameError):
        await add(characters, "../up")
    draft = await add(characters)
    with pytest.raises(InvalidNameError):
        await characters.rename(draft.id, "", revision=1)


async def test_completed_character_is_ready(characters: CharacterStore, clock: StillClock) -> None:
    draft = await add(characters)
    clock.advance(60)
    ready = await characters.complete(draft.id, MADE, revision=draft.revision)
    assert (ready.state, ready.made, ready.revision) == (CharacterState.READY, MADE, 2)
    assert ready.updated_at == clock.now
    assert await characters.get(draft.id) == ready


async def test_character_that_could_not_be_made_has_failed(characters: CharacterStore) -> None:
    draft = await add(characters)
    assert (await characters.fail(draft.id, revision=1)).state is CharacterState.FAILED


async def test_completion_replaces_the_words_it_was_made_from(characters: CharacterStore) -> None:
    draft = await characters.add(owner_id=1, name="Nova", description="red hair", style="flat")
    same = await characters.complete(draft.id, MADE, revision=1)
    assert (same.description, same.style) == ("red hair", "flat")
    new = await characters.complete(draft.id, MADE, revision=2, description="blue hair", style="")
    assert (new.description, new.style) == ("blue hair", "")


async def test_change_of_an_older_revision_is_refused(characters: CharacterStore) -> None:
    draft = await add(characters)
    ready = await characters.complete(draft.id, MADE, revision=1)
    with pytest.raises(StaleRevisionError) as caught:
        await characters.complete(draft.id, MADE, revision=1)
    assert (caught.value.revision, caught.value.present) == (1, 2)
    with pytest.raises(StaleRevisionError):
        await characters.fail(draft.id, revision=1)
    with pytest.raises(StaleRevisionError):
        await characters.rename(draft.id, "Rex", revision=1)
    assert await characters.get(draft.id) == ready


async def test_character_can_be_renamed_but_not_to_a_taken_name(characters: CharacterStore) -> None:
    nova, rex = await add(characters, "Nova"), await add(characters, "Rex")
    with pytest.raises(CharacterExistsError):
        await characters.rename(nova.id, "REX", revision=1)
    renamed = await characters.rename(nova.id, "NOVA", revision=1)
    assert (renamed.name, renamed.revision) == ("NOVA", 2)
    assert [one.name for one in await characters.of_owner(1)] == ["NOVA", rex.name]


async def test_unknown_character_is_refused(characters: CharacterStore, rosters: RosterStore) -> None:
    with pytest.raises(CharacterNotFoundError):
        await characters.get(9)
    with pytest.raises(CharacterNotFoundError):
        await characters.delete(9)
    with pytest.raises(CharacterNotFoundError):
        await characters.complete(9, MADE, revision=1)
    with pytest.raises(CharacterNotFoundError):
        await rosters.share(9, server_id=7, shared_by=1, access=Access.USE)


async def test_deleted_character_leaves_every_roster_and_its_number_is_not_used_again(
    characters: CharacterStore, rosters: RosterStore
) -> None:
    draft = await add(characters)
    await rosters.share(draft.id, server_id=7, shared_by=1, access=Access.USE)
    await characters.delete(draft.id)
    assert await rosters.of_server(7) == []
    assert await rosters.access(draft.id, server_id=7) is None
    assert not await rosters.withdraw(draft.id, server_id=7)
    assert (await add(characters)).id > draft.id


async def test_shared_character_is_in_the_roster_of_that_server(
    characters: CharacterStore, rosters: RosterStore, clock: StillClock
) -> None:
    rex, nova = await add(characters, "Rex"), await add(characters, "nova", owner=2)
    await rosters.share(rex.id, server_id=7, shared_by=1, access=Access.USE)
    await rosters.share(nova.id, server_id=7, shared_by=2, access=Access.REMIX)
    found = await rosters.of_server(7)
    assert [(one.character, one.shared_by, one.access) for one in found] == [
        (nova, 2, Access.REMIX),
        (rex, 1, Access.USE),
    ]
    assert found[0].shared_at == clock.now
    assert await rosters.of_server(8) == []


async def test_sharing_again_changes_what_may_be_done(
    characters: CharacterStore, rosters: RosterStore
) -> None:
    draft = await add(characters)
    for access in (Access.USE, Access.REMIX):
        await rosters.share(draft.id, server_id=7, shared_by=1, access=access)
        assert await rosters.access(draft.id, server_id=7) is access
    assert len(await rosters.of_server(7)) == 1


async def test_character_can_be_withdrawn_from_one_roster_or_a_roster_emptied(
    characters: CharacterStore, rosters: RosterStore
) -> None:
    draft = await add(characters)
    for server in (7, 8):
        await rosters.share(draft.id, server_id=server, shared_by=1, access=Access.USE)
    assert await rosters.withdraw(draft.id, server_id=7)
    assert not await rosters.withdraw(draft.id, server_id=7)
    assert len(await rosters.of_server(8)) == 1
    await rosters.forget_server(8)
    assert await rosters.of_server(8) == []
