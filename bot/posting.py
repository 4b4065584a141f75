"""Cards into Discord, by any way that reaches a person; knows no job and no store.

Every call makes its files anew, so a card can be sent again.
"""

import io
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import aiohttp
import discord

from bot.chat_errors import NotReachedError
from bot.uploads import Upload

Answer = TypeVar("Answer")
_LOG = logging.getLogger(__name__)
_CUT = (aiohttp.ClientError, OSError)
_TOO_LARGE = frozenset({40005})
_LOOKED_AT = 100
_REQUEST_TOO_LARGE = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A message as components, and the files that they name."""

    view: discord.ui.LayoutView
    files: tuple[Upload, ...] = ()

    def as_files(self) -> list[discord.File]:
        """Return the files, to be sent once."""
        return [discord.File(io.BytesIO(one.data), filename=one.name) for one in self.files]


class Reply(Protocol):
    """A message that a token can edit; attributes as in `storage.chats.Chat`."""

    @property
    def channel_id(self) -> int:
        """The channel."""
        ...

    @property
    def reply_id(self) -> int:
        """The message."""
        ...

    @property
    def token(self) -> str:
        """What edits it."""
        ...


class TooLargeError(Exception):
    """Discord refuses the files for their size."""


class Posting:
    """Sends and edits; a way that does not lead anywhere returns False or None, and one that fails raises."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def edit_reply(self, reply: Reply, card: Card) -> bool:
        """Edit a reply by its token.

        Raises:
            NotReachedError: Discord failed; nobody knows whether it was edited, and it can be done again.
            TooLargeError: The files are too large.
        """
        application_id = self._client.application_id
        if application_id is None or not reply.token:
            return False
        webhook = discord.Webhook.partial(application_id, reply.token, client=self._client)
        edit = webhook.edit_message(reply.reply_id, view=card.view, attachments=card.as_files())
        return await _asked(edit) is not None

    async def edit_message(self, channel_id: int, message_id: int, card: Card) -> bool:
        """Edit a message as the bot; errors as in `edit_reply`."""
        message = self._client.get_partial_messageable(channel_id).get_partial_message(message_id)
        edit = message.edit(view=card.view, attachments=card.as_files())
        return await _asked(edit) is not None

    async def send(self, channel_id: int, card: Card, *, nonce: str, reply_to: int | None) -> int | None:
        """Write a message; the same nonce twice within minutes is one message.

        Returns:
            Its id; None if the bot may not.

        Raises:
            NotReachedError: Discord failed; nobody knows whether there is a message now.
            TooLargeError: The files are too large.
        """
        channel = self._client.get_partial_messageable(channel_id)
        if reply_to is None:
            sending = channel.send(view=card.view, files=card.as_files(), nonce=nonce)
        else:
            reference = discord.MessageReference(
                message_id=reply_to, channel_id=channel_id, fail_if_not_exists=False
            )
            sending = channel.send(view=card.view, files=card.as_files(), nonce=nonce, reference=reference)
        sent = await _asked(sending)
        return None if sent is None else sent.id

    async def direct_channel(self, user_id: int) -> int | None:
        """Return the direct messages with a user; None if there can be none."""
        user = await _asked(self._client.fetch_user(user_id))
        channel = None if user is None else await _asked(user.create_dm())
        return None if channel is None else channel.id

    async def find(self, channel_id: int, custom_id: str, *, after: int) -> int | None:
        """Look for a message of the bot's own that has a component whose custom id begins so.

        Raises:
            NotReachedError: Discord failed.
        """
        channel = self._client.get_partial_messageable(channel_id)
        own_id = self._client.user.id if self._client.user else None
        try:
            history = channel.history(limit=_LOOKED_AT, after=discord.Object(after), oldest_first=True)
            async for message in history:
                is_own = message.author.id == own_id
                if is_own and any(one.startswith(custom_id) for one in custom_ids(message)):
                    return message.id
        except (discord.NotFound, discord.Forbidden):
            return None
        except (discord.HTTPException, *_CUT) as error:  # whatever it was, the message may be there
            raise NotReachedError(detail=type(error).__name__) from error
        return None


def custom_ids(message: discord.Message) -> list[str]:
    """Return the custom ids of everything in a message that can be pressed."""
    view = discord.ui.LayoutView.from_message(message) if message.flags.components_v2 else None
    if view is None:
        return []
    found = [getattr(item, "custom_id", None) for item in view.walk_children()]
    return [one for one in found if isinstance(one, str)]


async def _asked(call: Awaitable[Answer]) -> Answer | None:
    """Return what Discord answers; None where it can never succeed, and an error where it still could.

    Raises:
        NotReachedError: Discord failed; nobody knows whether it was done.
        TooLargeError: The files are too large.
    """
    try:
        return await call
    except (discord.NotFound, discord.Forbidden):
        return None
    except discord.DiscordServerError as error:
        raise NotReachedError(detail=f"status {error.status}") from error
    except discord.HTTPException as error:
        if error.code in _TOO_LARGE or error.status == _REQUEST_TOO_LARGE:
            raise TooLargeError from error
        _LOG.warning("Discord refused a message: %s", error)
        return None
    except _CUT as error:
        raise NotReachedError(detail=type(error).__name__) from error
