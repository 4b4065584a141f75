"""Characters and rosters as people in a chat handle them."""

from dataclasses import dataclass
from typing import Literal

from bot.chat_errors import NotInServerError, NotYoursError
from bot.coordinator.results import NSFW
from bot.coordinator.stores import Stores
from bot.place import Place
from bot.service.gate import Gate
from bot.service.names import Names
from bot.tongue import mark
from storage.characters import CharacterRecord, CharacterState
from storage.errors import CharacterNotFoundError, ProfileNotFoundError
from storage.names import clean_name, name_key
from storage.rosters import Access
from synid_engine.serving.messages import Hash

AccessWord = Literal["use", "remix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterView:
    """A character as people see it.

    Attributes:
        state: `draft`, `ready` or `failed`.
        identity: How steadily it stays itself, in [0, 1]; None if nobody has measured.
        portrait: Its canonical picture; None before it is made.
        nsfw: How likely that is to be sexual; None if nobody has looked.
        access: What this server may do with it; None if it is not in the roster.
    """

    id: int
    owner_id: int
    name: str
    description: str
    style: str
    state: str
    revision: int
    identity: float | None
    portrait: Hash | None
    nsfw: float | None
    created_at: float
    access: AccessWord | None = None


class Characters:
    """One's own characters, and those of the server one is in.

    Attributes:
        names: What autocomplete remembers; forgotten with every change.
    """

    def __init__(self, stores: Stores, names: Names, gate: Gate) -> None:
        self._stores = stores
        self._gate = gate
        self.names = names

    async def own(self, owner_id: int) -> list[CharacterView]:
        """Return an owner's characters, oldest first."""
        return [view_of(one) for one in await self._stores.characters.of_owner(owner_id)]

    async def roster(self, place: Place) -> list[CharacterView]:
        """Return a server's shared characters that can be drawn, by name.

        Raises:
            NotInServerError: The place is in no server that has the bot.
        """
        entries = await self._stores.rosters.of_server(_server(place))
        ready = [one for one in entries if one.character.state is CharacterState.READY]
        return [view_of(one.character, one.access) for one in ready]

    async def find(self, place: Place, name: str) -> CharacterView:
        """Return one's own character of a name, else the server's.

        Raises:
            ProfileNotFoundError: There is none.
        """
        own = await self._stores.characters.of_owner(place.owner_id)
        for character in own:
            if name_key(character.name) == name_key(name):
                return view_of(character, await self._access(character, place))
        shared = await self.roster(place) if place.server_id is not None else []
        for view in shared:
            if name_key(view.name) == name_key(name) or name == f"#{view.id}":
                return view
        known = (*(one.name for one in own), *(one.name for one in shared))
        raise ProfileNotFoundError(name=clean_name(name), known=known)

    async def get(self, place: Place, character_id: int) -> CharacterView:
        """Return the character of a number, if it is one's own or the server's.

        Raises:
            CharacterNotFoundError: It is neither, or there is none.
        """
        character = await self._stores.characters.get(character_id)
        access = await self._access(character, place)
        if character.owner_id != place.owner_id and access is None:
            raise CharacterNotFoundError(character_id=character_id)
        return view_of(character, access)

    async def portrait(self, view: CharacterView) -> bytes | None:
        """Return a character's canonical picture; None before it is made, or if it is withheld."""
        if view.portrait is None or self._gate.rule.withholds(view.nsfw):
            return None
        return await self._stores.images.read(view.portrait)

    async def rename(self, place: Place, name: str, new_name: str) -> CharacterView:
        """Give one's own character another name.

        Raises:
            ProfileNotFoundError: One has none of this name.
            InvalidNameError: No character can have the new one.
            CharacterExistsError: One has another that is called so.
        """
        await self._gate.together(place, new_name, field="name")
        record = await self._own(place, name)
        renamed = await self._stores.characters.rename(record.id, new_name, revision=record.revision)
        self.names.forget()
        return view_of(renamed, await self._access(renamed, place))

    async def delete(self, place: Place, character_id: int) -> str:
        """Remove one's own character, and return what it was called.

        Raises:
            CharacterNotFoundError: There is none.
            NotYoursError: It is somebody else's.
        """
        record = await self._stores.characters.get(character_id)
        if record.owner_id != place.owner_id:
            raise NotYoursError(what=mark("deleting this character"))
        await self._stores.characters.delete(character_id)
        self.names.forget()
        return record.name

    async def own_named(self, place: Place, name: str) -> CharacterView:
        """Return one's own character of a name; errors as in `rename`."""
        record = await self._own(place, name)
        return view_of(record, await self._access(record, place))

    async def share(self, place: Place, name: str, access: AccessWord) -> CharacterView:
        """Put one's own character into the server's roster; errors as in `rename`, and `NotInServerError`."""
        return await self._share(place, await self._own(place, name), access)

    async def share_number(self, place: Place, character_id: int) -> CharacterView:
        """Put one's own character into the server's roster, for drawing."""
        record = await self._stores.characters.get(character_id)
        if record.owner_id != place.owner_id:
            raise NotYoursError(what=mark("sharing this character"))
        return await self._share(place, record, "use")

    async def unshare(self, place: Place, name: str) -> bool:
        """Take a character out of the server's roster, and tell whether it was there.

        Raises:
            ProfileNotFoundError: There is none of this name.
            NotYoursError: Only its owner and the server's admins may.
        """
        view = await self.find(place, name)
        if view.owner_id != place.owner_id and not place.is_admin:
            raise NotYoursError(what=view.name)
        was_there = await self._stores.rosters.withdraw(view.id, server_id=_server(place))
        self.names.forget()
        return was_there

    async def _share(self, place: Place, record: CharacterRecord, access: AccessWord) -> CharacterView:
        await self._stores.rosters.share(
            record.id, server_id=_server(place), shared_by=place.owner_id, access=Access(access)
        )
        self.names.forget()
        return view_of(record, Access(access))

    async def _own(self, place: Place, name: str) -> CharacterRecord:
        found = await self._stores.characters.find(owner_id=place.owner_id, name=name)
        if found is None:
            known = [one.name for one in await self._stores.characters.of_owner(place.owner_id)]
            raise ProfileNotFoundError(name=clean_name(name), known=tuple(known))
        return found

    async def _access(self, record: CharacterRecord, place: Place) -> Access | None:
        if place.server_id is None:
            return None
        return await self._stores.rosters.access(record.id, server_id=place.server_id)


def view_of(record: CharacterRecord, access: Access | None = None) -> CharacterView:
    """Return a record as people see it."""
    made = record.made
    return CharacterView(
        id=record.id,
        owner_id=record.owner_id,
        name=record.name,
        description=record.description,
        style=record.style,
        state=record.state.value,
        revision=record.revision,
        identity=None if made is None else made.scores.get("identity"),
        portrait=None if made is None else made.portrait,
        nsfw=None if made is None else made.scores.get(NSFW),
        created_at=record.created_at,
        access=None if access is None else access.value,
    )


def _server(place: Place) -> int:
    if place.server_id is None:
        raise NotInServerError
    return place.server_id
