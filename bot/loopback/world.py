"""The state of a loopback Discord, and how to find things in it.

It publishes nothing and refuses only what does not exist; who changes it tells of it.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, field

from bot.loopback.changes import Changes
from bot.loopback.clock import Clock
from bot.loopback.config import LoopbackConfig
from bot.loopback.models import (
    Attachment,
    Channel,
    ChannelKind,
    Command,
    Guild,
    Interaction,
    Message,
    User,
)
from bot.loopback.permissions import (
    IN_DIRECT_MESSAGES,
    channel_permissions,
    is_private,
)
from bot.loopback.refusals import refusal
from bot.loopback.snowflakes import Snowflakes

APPLICATION_FLAGS = 1 << 23  # has commands


@dataclass(slots=True, kw_only=True, eq=False)
class World:
    """Everything there is.

    Attributes:
        address: Where it is reached, as `http://127.0.0.1:PORT`; set when the port is known.
        bot_id: Id of the bot's user and, as since 2016, of its application.
        token: What the bot logs in with.
        owner_id: Whose application it is.
        installs: Users who have installed the app for themselves.
        commands: By guild (None: global), then by id.
        messages: By channel, then by id, oldest first.
        attachments: Everything that the CDN keeps.
        command_creates: By day and guild.
        link_key: What links to attachments are signed with.
    """

    config: LoopbackConfig
    clock: Clock
    changes: Changes = field(default_factory=Changes)
    address: str = "http://127.0.0.1:0"
    bot_id: int = 0
    token: str = ""
    owner_id: int = 0
    ids: Snowflakes = field(init=False)
    users: dict[int, User] = field(default_factory=dict[int, User])
    guilds: dict[int, Guild] = field(default_factory=dict[int, Guild])
    channels: dict[int, Channel] = field(default_factory=dict[int, Channel])
    messages: dict[int, dict[int, Message]] = field(default_factory=dict[int, dict[int, Message]])
    attachments: dict[int, Attachment] = field(default_factory=dict[int, Attachment])
    commands: dict[int | None, dict[int, Command]] = field(
        default_factory=dict[int | None, dict[int, Command]]
    )
    interactions: dict[int, Interaction] = field(default_factory=dict[int, Interaction])
    interactions_by_token: dict[str, Interaction] = field(default_factory=dict[str, Interaction])
    installs: set[int] = field(default_factory=set[int])
    command_creates: Counter[tuple[int, int | None]] = field(default_factory=Counter[tuple[int, int | None]])
    link_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self.ids = Snowflakes(self.clock.now)
        self.bot_id = self.ids.next()
        self.token = secrets.token_urlsafe(24)

    def user(self, user_id: int) -> User:
        """Find a user."""
        if user_id not in self.users:
            raise refusal("unknown user")
        return self.users[user_id]

    def guild(self, guild_id: int) -> Guild:
        """Find a guild."""
        if guild_id not in self.guilds:
            raise refusal("unknown guild")
        return self.guilds[guild_id]

    def channel(self, channel_id: int) -> Channel:
        """Find a channel."""
        if channel_id not in self.channels:
            raise refusal("unknown channel")
        return self.channels[channel_id]

    def message(self, channel_id: int, message_id: int) -> Message:
        """Find a message, also one that only one user sees."""
        found = self.messages.get(channel_id, {}).get(message_id)
        if found is None:
            raise refusal("unknown message")
        return found

    def guild_of(self, channel: Channel) -> Guild | None:
        """Return the guild that a channel is in."""
        return None if channel.guild_id is None else self.guilds[channel.guild_id]

    def parent_of(self, channel: Channel) -> Channel:
        """Return the channel whose permissions count: a thread's parent, else the channel itself."""
        return self.channels[channel.parent_id] if channel.is_thread and channel.parent_id else channel

    def permissions(self, channel: Channel, user_id: int) -> int:
        """Return what a user may do in a channel; nothing where they are not."""
        guild = self.guild_of(channel)
        if guild is not None:
            return channel_permissions(guild, self.parent_of(channel), user_id)
        return IN_DIRECT_MESSAGES if user_id in channel.recipient_ids else 0

    def is_age_restricted(self, channel: Channel) -> bool:
        """Tell whether a channel, or a thread's parent, is for adults."""
        return self.parent_of(channel).nsfw

    def upload_limit(self, channel: Channel) -> int:
        """Return the size of the largest file in a channel."""
        guild = self.guild_of(channel)
        return self.config.upload_limit(guild.premium_tier if guild else 0)

    def direct_channel(self, one: int, other: int) -> Channel:
        """Return the direct messages between two users, opened now if they never wrote."""
        for channel in self.channels.values():
            if channel.kind == ChannelKind.DIRECT and set(channel.recipient_ids) == {one, other}:
                return channel
        channel = Channel(id=self.ids.next(), kind=ChannelKind.DIRECT, recipient_ids=[one, other])
        self.channels[channel.id] = channel
        return channel

    def shares_a_guild(self, one: int, other: int) -> bool:
        """Tell whether two users are in one guild."""
        return any({one, other} <= guild.members.keys() for guild in self.guilds.values())

    def bot_sees(self, channel: Channel) -> bool:
        """Tell whether the bot is in a channel."""
        if is_private(channel):
            return self.bot_id in channel.recipient_ids
        return bool(self.permissions(channel, self.bot_id))

    def threads(self, guild_id: int) -> list[Channel]:
        """Return a guild's threads."""
        return [
            channel
            for channel in self.channels.values()
            if channel.guild_id == guild_id and channel.is_thread
        ]
