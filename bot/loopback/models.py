"""What a loopback Discord holds: people, servers, channels, messages, commands, interactions.

Plain records that refer to each other by id. `world` finds them, `payloads` writes them as JSON.
"""

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Literal

from bot.loopback.form import Json


class ChannelKind(IntEnum):
    """Discord's numbers for the kinds of channels that are modelled."""

    TEXT = 0
    DIRECT = 1
    GROUP = 3
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12


THREADS = frozenset({ChannelKind.ANNOUNCEMENT_THREAD, ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD})


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """Somebody with an account.

    Attributes:
        accepts_direct_messages: Whether the bot may write to this user.
        is_adult: Whether Discord shows this user age-restricted channels and commands.
    """

    id: int
    name: str
    display_name: str | None = None
    bot: bool = False
    locale: str = "en-US"
    accepts_direct_messages: bool = True
    is_adult: bool = True


@dataclass(slots=True, kw_only=True, eq=False)
class Role:
    """A role of a guild; the one with the guild's id is @everyone."""

    id: int
    name: str
    permissions: int
    position: int = 0
    colour: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """A user in a guild."""

    user_id: int
    joined_at: float
    role_ids: set[int] = field(default_factory=set[int])
    nick: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Overwrite:
    """What a channel allows and denies a role (`kind` 0) or a member (1)."""

    target_id: int
    kind: Literal[0, 1]
    allow: int = 0
    deny: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Guild:
    """A server.

    Attributes:
        has_commands: Whether the app was installed with its commands, with or without its bot.
    """

    id: int
    name: str
    owner_id: int
    locale: str = "en-US"
    premium_tier: int = 0
    has_commands: bool = True
    roles: dict[int, Role] = field(default_factory=dict[int, Role])
    members: dict[int, Member] = field(default_factory=dict[int, Member])


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A place for messages: in a guild, a thread, a direct message or a group of friends.

    Attributes:
        parent_id: The category, or the channel that a thread hangs from.
        recipient_ids: Everybody in a direct message or a group, the bot too if it is there.
    """

    id: int
    kind: ChannelKind
    name: str | None = None
    guild_id: int | None = None
    parent_id: int | None = None
    owner_id: int | None = None
    topic: str | None = None
    nsfw: bool = False
    position: int = 0
    archived: bool = False
    locked: bool = False
    created_at: float = 0.0
    last_message_id: int | None = None
    recipient_ids: list[int] = field(default_factory=list[int])
    overwrites: dict[int, Overwrite] = field(default_factory=dict[int, Overwrite])
    thread_member_ids: set[int] = field(default_factory=set[int])

    @property
    def is_thread(self) -> bool:
        """Whether it hangs from another channel."""
        return self.kind in THREADS


@dataclass(slots=True, kw_only=True, eq=False)
class Attachment:
    """A file that the CDN keeps.

    Attributes:
        ephemeral: Whether it came with an option or a modal, outside every message.
        width: Pixels, for a picture that could be read; likewise `height`.
    """

    id: int
    channel_id: int
    filename: str
    data: bytes
    content_type: str
    description: str | None = None
    is_spoiler: bool = False
    ephemeral: bool = False
    width: int | None = None
    height: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """What somebody wrote.

    Attributes:
        kind: 0 plain, 19 a reply, 20 the answer to a slash command, 23 to a context menu.
        ephemeral_to: The only user who sees it; None for everybody in the channel.
        nonce: As the author sent it; Discord tells it once, in the answer and the event.
        interaction: What Discord calls interaction_metadata.
        by_webhook: Whether it came through an interaction's token.
    """

    id: int
    channel_id: int
    author_id: int
    kind: int = 0
    content: str = ""
    embeds: list[Json] = field(default_factory=list[Json])
    components: list[Json] = field(default_factory=list[Json])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    flags: int = 0
    tts: bool = False
    edited_at: float | None = None
    ephemeral_to: int | None = None
    reference: Json | None = None
    nonce: str | int | None = None
    interaction: Json | None = None
    by_webhook: bool = False
    mentioned_user_ids: list[int] = field(default_factory=list[int])
    mentioned_role_ids: list[int] = field(default_factory=list[int])
    mentions_everyone: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class Command:
    """An application command, as it was registered.

    Attributes:
        guild_id: The only guild that has it; None for a global one.
        body: The checked request.
    """

    id: int
    version: int
    guild_id: int | None
    body: Json

    @property
    def kind(self) -> int:
        """1 slash, 2 on a user, 3 on a message."""
        return self.body.get("type") or 1

    @property
    def name(self) -> str:
        """Its name in the default language."""
        return self.body["name"]


class InteractionKind(IntEnum):
    """Discord's numbers."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Progress(Enum):
    """How far an interaction has come."""

    WAITING = "waiting"
    ACKNOWLEDGED = "acknowledged"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True, eq=False)
class Interaction:
    """Something that a user did, and what the bot answered.

    Attributes:
        data: What Discord tells the bot of it.
        owners: Who installed the app: "0" the guild, "1" the user.
        source_id: The message that a component is on, or that a modal was opened from.
        original_id: The message that `@original` names.
        answer_kind: The number of the callback.
        modal: The dialog that the bot opened.
        choices: What autocomplete offered.
    """

    id: int
    token: str
    kind: InteractionKind
    user_id: int
    channel_id: int
    guild_id: int | None
    data: Json
    owners: dict[str, str]
    context: int
    created_at: float
    name: str | None = None
    source_id: int | None = None
    progress: Progress = Progress.WAITING
    answer_kind: int | None = None
    original_id: int | None = None
    follow_up_ids: list[int] = field(default_factory=list[int])
    modal: Json | None = None
    choices: list[Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way in.

    Attributes:
        key: The number of `files[n]`, which `attachments` refer to.
    """

    key: int
    filename: str
    data: bytes
    content_type: str
