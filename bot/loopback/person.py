"""What a user does in their client: write, call commands, press, choose, fill in.

Whatever their client would not let them do raises `NotOfferedError`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.loopback.cdn import content_type
from bot.loopback.changes import Change
from bot.loopback.command_rules import CHAT_INPUT, MESSAGE, USER
from bot.loopback.component_rules import BUTTON, LINK_STYLE, PREMIUM_STYLE, SELECTS, STRING_SELECT, walk
from bot.loopback.components import find_component
from bot.loopback.fields import chosen, submitted
from bot.loopback.form import Json
from bot.loopback.interactions import Doing, open_interaction
from bot.loopback.invocation import Invocation
from bot.loopback.message_payloads import message_payload
from bot.loopback.messages import Draft, create_message
from bot.loopback.models import Channel, Command, Guild, InteractionKind, Message, Upload, User
from bot.loopback.options import LocalFile, Resolved, fill, nest, split_name
from bot.loopback.people import NotOfferedError, find_command, installs, may_act, offered_commands
from bot.loopback.permissions import ATTACH_FILES, VIEW_CHANNEL, sending_needs
from bot.loopback.world import World


@dataclass(frozen=True, slots=True)
class Person:
    """A user at their client."""

    world: World
    user: User

    def sees(self, channel: Channel) -> list[Message]:
        """Return the messages of a channel that this user sees, oldest first."""
        may_act(self.world, self.user, channel)
        every = self.world.messages.get(channel.id, {}).values()
        return [message for message in every if message.ephemeral_to in {None, self.user.id}]

    def hears(self, change: Change) -> bool:
        """Tell whether this user's client is told of a change."""
        if change.only_for is not None:
            return change.only_for == self.user.id
        if change.event == "INTERACTION_CREATE":
            return False
        channel = self.world.channels.get(change.channel_id or 0)
        if channel is not None:
            return bool(self.world.permissions(channel, self.user.id) & VIEW_CHANNEL)
        guild = self.world.guilds.get(change.guild_id or 0)
        return guild is None or self.user.id in guild.members

    def guilds(self) -> list[Guild]:
        """Return the servers that this user is in."""
        return [guild for guild in self.world.guilds.values() if self.user.id in guild.members]

    def channels(self, guild: Guild | None = None) -> list[Channel]:
        """Return the channels and threads that this user sees in a server; None for private ones."""
        guild_id = guild.id if guild else None
        inside = [channel for channel in self.world.channels.values() if channel.guild_id == guild_id]
        return [one for one in inside if self.world.permissions(one, self.user.id) & VIEW_CHANNEL]

    def commands(self, channel: Channel) -> list[Command]:
        """Return the commands that this user is shown."""
        return offered_commands(self.world, self.user, channel)

    def send(self, channel: Channel, content: str = "", *, files: Sequence[LocalFile] = ()) -> Message:
        """Write a message."""
        may_act(self.world, self.user, channel)
        needed = sending_needs(channel) | (ATTACH_FILES if files else 0)
        if self.world.permissions(channel, self.user.id) & needed != needed:
            raise NotOfferedError("the user may not write here")
        uploads = tuple(
            Upload(key=key, filename=one.name, data=one.data, content_type=content_type(one.name))
            for key, one in enumerate(files)
        )
        draft = Draft(author_id=self.user.id, body={"content": content}, uploads=uploads)
        return create_message(self.world, channel, draft)

    def slash(self, channel: Channel, name: str, options: Mapping[str, Any] | None = None) -> Invocation:
        """Call a slash command.

        Args:
            channel: Where.
            name: With its subcommands: `character create`.
            options: Name -> value; users, roles, channels and `LocalFile` as they are.
        """
        return self._command(channel, name, dict(options or {}), typing=None)

    def autocomplete(
        self, channel: Channel, name: str, option: str, text: str, others: Mapping[str, Any] | None = None
    ) -> Invocation:
        """Type into an option; await its `choices()`."""
        return self._command(channel, name, {**(others or {}), option: text}, typing=option)

    def _command(
        self, channel: Channel, name: str, given: dict[str, Any], *, typing: str | None
    ) -> Invocation:
        may_act(self.world, self.user, channel)
        command = find_command(self.world, self.user, channel, name.split(maxsplit=1)[0], CHAT_INPUT)
        chain = split_name(command.body, name)
        declared: list[Json] = (chain[-1] if chain else command.body).get("options") or []
        _check_typing(declared, typing)
        resolved = Resolved(self.world, channel)
        options = nest(chain, fill(declared, given, resolved, typing=typing))
        kind = InteractionKind.AUTOCOMPLETE if typing else InteractionKind.COMMAND
        return self._use(channel, command, kind, {"options": options}, resolved, name=name)

    def menu(self, channel: Channel, name: str, target: Message | User) -> Invocation:
        """Choose a command from the context menu of a message or a user."""
        may_act(self.world, self.user, channel)
        kind = MESSAGE if isinstance(target, Message) else USER
        command = find_command(self.world, self.user, channel, name, kind)
        resolved = Resolved(self.world, channel)
        if isinstance(target, User):
            resolved.user(target)
        else:
            self._check_visible(target)
            resolved.message(target.id, message_payload(self.world, target))
        data: Json = {"target_id": str(target.id)}
        return self._use(channel, command, InteractionKind.COMMAND, data, resolved, name=name)

    def _use(
        self,
        channel: Channel,
        command: Command,
        kind: InteractionKind,
        data: Json,
        resolved: Resolved,
        *,
        name: str,
    ) -> Invocation:
        told: Json = {"id": str(command.id), "name": command.name, "type": command.kind} | data
        if resolved.kinds:
            told["resolved"] = resolved.kinds
        kinds: list[int] = command.body.get("integration_types") or [0]
        if command.guild_id is not None:
            told["guild_id"] = str(command.guild_id)
            kinds = [0]
        owners = installs(self.world, self.user, channel, kinds)
        return self._do(
            Doing(kind=kind, user_id=self.user.id, channel=channel, data=told, owners=owners, name=name)
        )

    def click(
        self, message: Message, custom_id: str | None = None, *, label: str | None = None
    ) -> Invocation:
        """Press a button, found by its custom id or by what is written on it."""
        button = self._find(message, custom_id, label)
        if button["type"] != BUTTON or button["style"] in {LINK_STYLE, PREMIUM_STYLE}:
            raise NotOfferedError("this is no button that tells the bot")
        return self._touch(message, button, {}, Resolved(self.world, self._channel(message)))

    def choose(self, message: Message, custom_id: str, values: Sequence[Any]) -> Invocation:
        """Choose from a select: strings, or users, roles and channels as they are."""
        select = self._find(message, custom_id, None)
        if select["type"] not in SELECTS:
            raise NotOfferedError("this is no select")
        resolved = Resolved(self.world, self._channel(message))
        return self._touch(message, select, {"values": chosen(select, values, resolved)}, resolved)

    def submit(self, opened: Invocation, values: Mapping[str, Any]) -> Invocation:
        """Fill in the modal that an action opened, and send it.

        Args:
            opened: The action.
            values: By custom id: a string, a list, a bool, or a list of `LocalFile`; what is left out keeps
                what the modal came with.
        """
        modal, asked = opened.modal, opened.interaction
        if modal is None or asked.user_id != self.user.id:
            raise NotOfferedError("there is no modal")
        channel = self.world.channel(asked.channel_id)
        resolved = Resolved(self.world, channel)
        data: Json = {"custom_id": modal["custom_id"], "components": submitted(modal, values, resolved)}
        if resolved.kinds:
            data["resolved"] = resolved.kinds
        source = self.world.messages.get(channel.id, {}).get(asked.source_id or 0)
        return self._do(
            Doing(
                kind=InteractionKind.MODAL,
                user_id=self.user.id,
                channel=channel,
                data=data,
                owners=asked.owners,
                name=asked.name,
                source=source,
            )
        )

    def _channel(self, message: Message) -> Channel:
        return self.world.channel(message.channel_id)

    def _check_visible(self, message: Message) -> None:
        if message not in self.sees(self._channel(message)):
            raise NotOfferedError("the user does not see this message")

    def _find(self, message: Message, custom_id: str | None, label: str | None) -> Json:
        self._check_visible(message)
        if custom_id is not None:
            found = find_component(message.components, custom_id)
        else:
            found = next(
                (one for _, one in walk(message.components) if label and one.get("label") == label), None
            )
        if found is None:
            raise NotOfferedError(f"there is no component {custom_id or label}")
        if found.get("disabled"):
            raise NotOfferedError(f"{custom_id or label} is greyed out")
        return found

    def _touch(self, message: Message, component: Json, data: Json, resolved: Resolved) -> Invocation:
        told: Json = {
            "custom_id": component["custom_id"],
            "component_type": component["type"],
            "id": component["id"],
        }
        if resolved.kinds and component["type"] != STRING_SELECT:
            told["resolved"] = resolved.kinds
        channel = self._channel(message)
        owners = (message.interaction or {}).get("authorizing_integration_owners")
        if owners is None:
            owners = installs(self.world, self.user, channel, [0, 1])
        return self._do(
            Doing(
                kind=InteractionKind.COMPONENT,
                user_id=self.user.id,
                channel=channel,
                data=told | data,
                owners=owners,
                source=message,
            )
        )

    def _do(self, doing: Doing) -> Invocation:
        return Invocation(self.world, open_interaction(self.world, doing))


def _check_typing(declared: list[Json], typing: str | None) -> None:
    if typing is None:
        return
    if not any(option["name"] == typing and option.get("autocomplete") for option in declared):
        raise NotOfferedError(f"{typing} offers nothing while typing")
