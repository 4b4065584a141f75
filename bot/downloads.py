"""Files that people upload, fetched within limits."""

import aiohttp
import discord

from bot.chat_errors import UnreadableUploadError, UploadTooLargeError


async def downloaded(attachment: discord.Attachment, *, limit: int) -> bytes:
    """Return an uploaded file; one that is too large is refused before it is fetched.

    Raises:
        UploadTooLargeError: It has more than `limit` bytes.
        UnreadableUploadError: It cannot be fetched.
    """
    if attachment.size > limit:
        raise UploadTooLargeError(size=attachment.size, limit=limit)
    try:
        return await attachment.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise UnreadableUploadError from error
