"""A server's rules: where the bot may be used, by whom, how much, and whether pictures are covered."""

from dataclasses import dataclass

from bot.chat_errors import AdminsOnlyError, ClosedChannelError, NotInServerError, RoleNeededError
from bot.place import Place
from storage.preferences import Preference, PreferenceStore, Scope

_CHANNELS, _ROLE, _LIMIT, _COVERS = "channels", "role", "limit", "covers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a server's admins have set.

    Attributes:
        channels: The channels that are open; none opens all.
        role_id: The role that is asked for; None asks for none.
        limit: Unfinished requests of a member; None is the bot's own limit.
        covers: Whether all pictures are covered outside of age-restricted channels.
    """

    channels: tuple[int, ...] = ()
    role_id: int | None = None
    limit: int | None = None
    covers: bool = False


class HouseRules:
    """Reads, changes and applies them. Changes are for those who manage the server."""

    def __init__(self, preferences: PreferenceStore) -> None:
        self._preferences = preferences

    async def of(self, server_id: int | None) -> Rules:
        """Return a server's rules; outside of servers there are none."""
        if server_id is None:
            return Rules()
        found = await self._preferences.of(Scope.SERVER, server_id)
        role_id, limit = found.get(_ROLE), found.get(_LIMIT)
        return Rules(
            channels=tuple(int(one) for one in str(found.get(_CHANNELS, "")).split()),
            role_id=role_id if isinstance(role_id, int) else None,
            limit=limit if isinstance(limit, int) else None,
            covers=bool(found.get(_COVERS, False)),
        )

    async def require(self, place: Place) -> Rules:
        """Return the rules of a place, having checked that the bot may be used there by whoever asks.

        Raises:
            ClosedChannelError: Not in this channel.
            RoleNeededError: Not without a role.
        """
        rules = await self.of(place.server_id)
        if place.is_admin:
            return rules
        if rules.channels and place.channel_id not in rules.channels:
            raise ClosedChannelError(channels=rules.channels)
        if rules.role_id is not None and rules.role_id not in place.role_ids:
            raise RoleNeededError(role_id=rules.role_id)
        return rules

    async def open_channel(self, place: Place, channel_id: int, *, is_open: bool) -> Rules:
        """Open a channel, or close one that was opened; while none is opened, all are open."""
        server_id = admins_server(place)
        channels = set((await self.of(server_id)).channels)
        channels = channels | {channel_id} if is_open else channels - {channel_id}
        return await self._set(server_id, _CHANNELS, " ".join(map(str, sorted(channels))))

    async def ask_role(self, place: Place, role_id: int | None) -> Rules:
        """Ask for a role, or for none."""
        return await self._set(admins_server(place), _ROLE, role_id)

    async def limit(self, place: Place, limit: int | None) -> Rules:
        """Limit the unfinished requests of a member."""
        return await self._set(admins_server(place), _LIMIT, limit)

    async def cover(self, place: Place, *, covers: bool) -> Rules:
        """Cover all pictures outside of age-restricted channels, or none."""
        return await self._set(admins_server(place), _COVERS, covers)

    async def shown(self, place: Place) -> Rules:
        """Return the rules of a place to those who manage it."""
        return await self.of(admins_server(place))

    async def reset(self, place: Place) -> Rules:
        """Forget every rule."""
        server_id = admins_server(place)
        await self._preferences.forget(Scope.SERVER, server_id)
        return await self.of(server_id)

    async def _set(self, server_id: int, name: str, value: Preference | None) -> Rules:
        if value is None or value == "":
            await self._preferences.reset(Scope.SERVER, server_id, name)
        else:
            await self._preferences.put(Scope.SERVER, server_id, name, value)
        return await self.of(server_id)


def admins_server(place: Place) -> int:
    """Return the server that somebody manages.

    Raises:
        NotInServerError: The place is in none that has the bot.
        AdminsOnlyError: Somebody else manages it.
    """
    if place.server_id is None:
        raise NotInServerError
    if not place.is_admin:
        raise AdminsOnlyError
    return place.server_id
