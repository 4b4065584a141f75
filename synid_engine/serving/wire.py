"""How the coordinator and the engine process talk: orders go one way, reports come back.

On the socket each message is its length, 4 bytes with the highest first, and then so many bytes of JSON.
Bytes that are large never travel: they are files in the spool folder or in the weights folder, and a message
names them by their SHA-256.

Knows neither processes nor databases.
"""

import asyncio
import struct

from pydantic import ValidationError

from synid_engine.errors import SynIDError
from synid_engine.serving.orders import ORDER, Order
from synid_engine.serving.reports import REPORT, Report

LONGEST_MESSAGE = 4 * 1024 * 1024
LENGTH = struct.Struct(">I")


class WireError(SynIDError):
    """The other side broke off, or sent what is no message."""


def encode(message: Order | Report) -> bytes:
    """Return a message as it travels.

    Raises:
        WireError: It is longer than `LONGEST_MESSAGE`.
    """
    body = message.model_dump_json().encode()
    if len(body) > LONGEST_MESSAGE:
        raise WireError(f"{len(body)} bytes")
    return LENGTH.pack(len(body)) + body


def decode_order(body: bytes) -> Order:
    """Read an order.

    Raises:
        WireError: It is none.
    """
    try:
        return ORDER.validate_json(body)
    except ValidationError as error:
        raise WireError("an order that cannot be read") from error


def decode_report(body: bytes) -> Report:
    """Read a report.

    Raises:
        WireError: It is none.
    """
    try:
        return REPORT.validate_json(body)
    except ValidationError as error:
        raise WireError("a report that cannot be read") from error


async def read_body(reader: asyncio.StreamReader) -> bytes | None:
    """Read the next message's bytes; None when the other side has closed in good order.

    Raises:
        WireError: The stream breaks off within a message, or the message is too long.
    """
    try:
        header = await reader.readexactly(LENGTH.size)
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise WireError("cut within a length") from error
    except ConnectionError as error:
        raise WireError("connection lost") from error
    (length,) = LENGTH.unpack(header)
    if length > LONGEST_MESSAGE:
        raise WireError(f"{length} bytes announced")
    try:
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise WireError("cut within a message") from error
