"""Put people, servers and channels into a loopback Discord, and tell the bot of what it may know.

It is what the owners of servers do in their own clients.
"""

from bot.loopback.changes import Change
from bot.loopback.form import Json
from bot.loopback.models import Channel, ChannelKind, Guild, Member, Overwrite, Role, User
from bot.loopback.payloads import guild_create_payload, member_payload, role_payload
from bot.loopback.permissions import EVERYONE
from bot.loopback.rest.channels import create_thread, publish_channel
from bot.loopback.world import World


class Scenery:
    """Who and what is there.

    Attributes:
        world: The state that it changes.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        world.users[world.bot_id] = User(id=world.bot_id, name="loopback-bot", bot=True)
        world.owner_id = self.add_user("owner").id

    def add_user(
        self,
        name: str,
        *,
        display_name: str | None = None,
        locale: str = "en-US",
        is_adult: bool = True,
        accepts_direct_messages: bool = True,
    ) -> User:
        """Add somebody with an account."""
        user = User(
            id=self.world.ids.next(),
            name=name,
            display_name=display_name,
            locale=locale,
            is_adult=is_adult,
            accepts_direct_messages=accepts_direct_messages,
        )
        self.world.users[user.id] = user
        return user

    def add_guild(
        self,
        name: str,
        *,
        owner: User | None = None,
        with_bot: bool = True,
        locale: str = "en-US",
        premium_tier: int = 0,
    ) -> Guild:
        """Add a server, with @everyone and its owner."""
        guild_id = self.world.ids.next()
        owner_id = owner.id if owner else self.world.owner_id
        guild = Guild(id=guild_id, name=name, owner_id=owner_id, locale=locale, premium_tier=premium_tier)
        guild.has_commands = with_bot
        guild.roles[guild_id] = Role(id=guild_id, name="@everyone", permissions=EVERYONE)
        self.world.guilds[guild_id] = guild
        self._join(guild, owner_id)
        if with_bot:
            self.add_bot(guild)
        return guild

    def _join(self, guild: Guild, user_id: int) -> Member:
        return guild.members.setdefault(user_id, Member(user_id=user_id, joined_at=self.world.clock.now()))

    def join(self, guild: Guild, *users: User) -> None:
        """Let users into a server."""
        for user in users:
            member = self._join(guild, user.id)
            data = member_payload(self.world, member) | {"guild_id": str(guild.id)}
            self._tell("GUILD_MEMBER_ADD", data, guild)

    def leave(self, guild: Guild, user: User) -> None:
        """Take a user out of a server."""
        del guild.members[user.id]
        data: Json = {"guild_id": str(guild.id), "user": {"id": str(user.id)}}
        self._tell("GUILD_MEMBER_REMOVE", data, guild)

    def add_bot(self, guild: Guild) -> None:
        """Invite the bot and its commands."""
        guild.has_commands = True
        self._join(guild, self.world.bot_id)
        self._tell("GUILD_CREATE", guild_create_payload(self.world, guild), guild)

    def remove_bot(self, guild: Guild) -> None:
        """Throw the bot and its commands out."""
        guild.has_commands = False
        del guild.members[self.world.bot_id]
        self._tell("GUILD_DELETE", {"id": str(guild.id)}, guild)

    def install(self, user: User) -> None:
        """Let a user install the app for themselves."""
        self.world.installs.add(user.id)

    def uninstall(self, user: User) -> None:
        """Let a user take it away again."""
        self.world.installs.discard(user.id)

    def add_role(self, guild: Guild, name: str, permissions: int = 0) -> Role:
        """Add a role."""
        role = Role(id=self.world.ids.next(), name=name, permissions=permissions, position=len(guild.roles))
        guild.roles[role.id] = role
        self._tell("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": role_payload(role)}, guild)
        return role

    def set_permissions(self, guild: Guild, role: Role, permissions: int) -> None:
        """Change what a role may do; `guild.roles[guild.id]` is @everyone."""
        role.permissions = permissions
        self._tell("GUILD_ROLE_UPDATE", {"guild_id": str(guild.id), "role": role_payload(role)}, guild)

    def give_role(self, guild: Guild, user_id: int, role: Role) -> None:
        """Give a member, or the bot, a role."""
        member = guild.members[user_id]
        member.role_ids.add(role.id)
        data = member_payload(self.world, member) | {"guild_id": str(guild.id)}
        self._tell("GUILD_MEMBER_UPDATE", data, guild)

    def add_channel(
        self,
        guild: Guild,
        name: str,
        *,
        kind: ChannelKind = ChannelKind.TEXT,
        nsfw: bool = False,
        topic: str | None = None,
    ) -> Channel:
        """Add a channel."""
        world = self.world
        position = sum(one.guild_id == guild.id for one in world.channels.values())
        channel = Channel(
            id=world.ids.next(),
            kind=kind,
            name=name,
            guild_id=guild.id,
            nsfw=nsfw,
            topic=topic,
            position=position,
        )
        world.channels[channel.id] = channel
        publish_channel(world, "CHANNEL_CREATE", channel)
        return channel

    def overwrite(self, channel: Channel, target: Role | User, *, allow: int = 0, deny: int = 0) -> None:
        """Set what a channel allows and denies a role or a user."""
        kind = 0 if isinstance(target, Role) else 1
        channel.overwrites[target.id] = Overwrite(target_id=target.id, kind=kind, allow=allow, deny=deny)
        publish_channel(self.world, "CHANNEL_UPDATE", channel)

    def remove_channel(self, channel: Channel) -> None:
        """Take a channel away, with what was written in it."""
        publish_channel(self.world, "CHANNEL_DELETE", channel)
        del self.world.channels[channel.id]
        self.world.messages.pop(channel.id, None)

    def add_thread(self, parent: Channel, name: str, owner: User, *, private: bool = False) -> Channel:
        """Let a user start a thread."""
        kind = ChannelKind.PRIVATE_THREAD if private else ChannelKind.PUBLIC_THREAD
        return create_thread(self.world, parent, owner.id, name, kind=kind)

    def direct_messages(self, user: User) -> Channel:
        """Return the direct messages of a user with the bot."""
        return self.world.direct_channel(user.id, self.world.bot_id)

    def private_channel(self, *users: User, name: str | None = None) -> Channel:
        """Return a place where users talk without the bot: direct messages of two, a group of more."""
        ids = [user.id for user in users]
        if len(ids) == 2:  # noqa: PLR2004 - two people are no group
            return self.world.direct_channel(*ids)
        channel = Channel(
            id=self.world.ids.next(), kind=ChannelKind.GROUP, name=name, owner_id=ids[0], recipient_ids=ids
        )
        self.world.channels[channel.id] = channel
        return channel

    def _tell(self, event: str, data: Json, guild: Guild) -> None:
        self.world.changes.publish(Change(event=event, data=data, guild_id=guild.id))
