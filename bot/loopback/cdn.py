"""The files of a loopback Discord: signed links that end, the names and sizes that Discord gives uploads."""

import hashlib
import hmac
import io
import mimetypes
import re
import struct
import warnings
import zlib
from pathlib import PurePosixPath
from urllib.parse import quote

from aiohttp import web

from bot.loopback.form import Json
from bot.loopback.models import Attachment, Upload
from bot.loopback.snowflakes import created_at
from bot.loopback.world import World

SPOILER = "SPOILER_"
_PICTURES = {".webp": "image/webp", ".avif": "image/avif"}  # not in every Python
ATTACHMENTS, EPHEMERAL_ATTACHMENTS = "attachments", "ephemeral-attachments"
_COLOURS = ((88, 101, 242), (116, 127, 141), (59, 165, 92), (250, 166, 26), (237, 66, 69), (235, 69, 158))
_AVATAR_SIDE = 128


def content_type(name: str) -> str:
    """Return what Discord takes a file for: by its name, whatever the client says."""
    suffix = PurePosixPath(name).suffix.lower()
    return _PICTURES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def stored_name(name: str) -> str:
    """Return the name that Discord gives an uploaded file: no folders, no spaces, plain letters."""
    bare = PurePosixPath(name.replace("\\", "/")).name.replace(" ", "_")
    kept = PurePosixPath("_" + re.sub(r"[^\w.\-]", "", bare, flags=re.ASCII))
    return (kept.stem[1:].strip(".") or "unknown") + kept.suffix


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height of a picture; None for what is none, or is broken."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(data)) as picture:
                return picture.size
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None


def keep(
    world: World, upload: Upload, channel_id: int, listed: Json | None = None, *, ephemeral: bool = False
) -> Attachment:
    """Store an upload.

    Args:
        world: Where to.
        upload: The file.
        channel_id: The channel that it belongs to.
        listed: Its entry in `attachments`, which may rename and describe it.
        ephemeral: Whether it belongs to no message.

    Returns:
        What messages and options refer to.
    """
    told = listed or {}
    name = stored_name(told.get("filename") or upload.filename)
    size = picture_size(upload.data) if upload.content_type.startswith("image/") else None
    attachment = Attachment(
        id=world.ids.next(),
        channel_id=channel_id,
        filename=name,
        data=upload.data,
        content_type=upload.content_type,
        description=told.get("description"),
        is_spoiler=bool(told.get("is_spoiler")) or name.startswith(SPOILER),
        ephemeral=ephemeral,
        width=size[0] if size else None,
        height=size[1] if size else None,
    )
    world.attachments[attachment.id] = attachment
    return attachment


def link(world: World, attachment: Attachment) -> str:
    """Return an address that works for a day."""
    folder = EPHEMERAL_ATTACHMENTS if attachment.ephemeral else ATTACHMENTS
    path = f"/{folder}/{attachment.channel_id}/{attachment.id}/{quote(attachment.filename)}"
    issued = int(world.clock.now())
    ends = int(issued + world.config.link_life_s)
    return f"{world.address}{path}?ex={ends:x}&is={issued:x}&hm={_signature(world, path, f'{ends:x}')}&"


def _signature(world: World, path: str, ends: str) -> str:
    return hmac.new(world.link_key, f"{path}?{ends}".encode(), hashlib.sha256).hexdigest()


async def serve_attachment(request: web.Request) -> web.Response:
    """Answer with a file, if the link is signed and has not ended."""
    world = request.app[WORLD]
    attachment = world.attachments.get(int(request.match_info["attachment_id"]))
    ends, signature = request.query.get("ex", ""), request.query.get("hm", "")
    good = (
        attachment is not None
        and re.fullmatch(r"[0-9a-f]{1,12}", ends) is not None
        and hmac.compare_digest(signature, _signature(world, request.rel_url.raw_path, ends))
        and int(ends, 16) > world.clock.now()
    )
    if attachment is None or not good:
        return web.Response(status=404, text="This content is no longer available.")
    return web.Response(body=attachment.data, headers={"Content-Type": attachment.content_type})


async def serve_avatar(request: web.Request) -> web.Response:
    """Answer with one of the avatars of people who have chosen none."""
    return web.Response(body=avatar(int(request.match_info["number"])), content_type="image/png")


def avatar(number: int) -> bytes:
    """Draw a square of one colour as PNG."""
    pixel = bytes(_COLOURS[number % len(_COLOURS)])
    rows = (b"\0" + pixel * _AVATAR_SIDE) * _AVATAR_SIDE
    header = struct.pack(">IIBBBBB", _AVATAR_SIDE, _AVATAR_SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def avatar_number(user_id: int) -> int:
    """Return which avatar a user without one has."""
    return int(created_at(user_id) * 1000) % len(_COLOURS)


WORLD = web.AppKey("WORLD", World)
"""Where the web application keeps the state."""

ROUTES = (
    web.get(
        "/{folder:attachments|ephemeral-attachments}/{channel_id:\\d+}/{attachment_id:\\d+}/{name}",
        serve_attachment,
    ),
    web.get("/embed/avatars/{number:\\d+}.png", serve_avatar),
)
