"""One request to the API, read: who may call it, its ids, its body and its files."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import BodyPartReader, MultipartReader, web

from bot.loopback.cdn import content_type
from bot.loopback.form import Form, Json, check_form, integer, record, snowflake
from bot.loopback.models import Upload
from bot.loopback.refusals import refusal
from bot.loopback.world import World

_FILE = re.compile(r"files\[(\d{1,2})\]")
_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request.

    Attributes:
        ids: What stands in the path.
        query: What stands after it.
        body: The JSON, whatever it is; an empty object if there is none.
    """

    world: World
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: tuple[Upload, ...] = ()

    def id(self, name: str) -> int:
        """Return an id of the path."""
        check_form(dict(self.ids), record({name: snowflake}))
        return int(self.ids[name])

    def fields(self) -> Json:
        """Return the body, which must be an object."""
        check_form(self.body, record({}))
        return cast("Json", self.body)

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a number of the query."""
        check_form(dict(self.query), record({name: integer(least, most, or_digits=True)}))
        return int(self.query.get(name, default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path and what it does.

    Attributes:
        handle: Returns the JSON of the answer; None for 204.
        bucket: Name of the limit that it counts against; None for one of its own.
        needs_token: Whether the bot must log in; what has a token in its path need not.
        counts_globally: Whether it counts against the limit over everything.
        limited: Whether it is counted at all.
    """

    method: str
    path: str
    handle: Callable[[Call], Any]
    bucket: str | None = None
    needs_token: bool = True
    counts_globally: bool = True
    limited: bool = True

    @property
    def bucket_name(self) -> str:
        """The limit that it counts against."""
        return self.bucket or f"{self.method} {self.path}"

    def place(self, ids: Mapping[str, str]) -> str:
        """Return the part of the path that has limits of its own."""
        major = ("channel_id", "guild_id", "webhook_id", "webhook_token")
        return "/".join(ids[name] for name in major if name in ids)


async def read_call(world: World, request: web.Request) -> Call:
    """Read a request.

    Raises:
        RefusalError: 50109 for broken JSON, 50035 for a content type that Discord does not take.
    """
    uploads: tuple[Upload, ...] = ()
    body: Any = {}
    if request.content_type == _MULTIPART:
        try:
            body, uploads = await _read_multipart(request)
        except (ValueError, AssertionError):  # aiohttp's words for parts that have no boundary
            raise refusal("invalid json") from None
    elif request.can_read_body:
        if request.content_type != "application/json":
            _refuse_content_type()
        body = _parse(await request.read())
    return Call(world=world, ids=request.match_info, query=request.query, body=body, uploads=uploads)


def _refuse_content_type() -> None:
    form = Form()
    form.refuse(
        (), "CONTENT_TYPE_INVALID", "Expected \"Content-Type\" header to be one of {'application/json'}."
    )
    form.close()


def _parse(data: bytes) -> Any:  # noqa: ANN401 - a body can be anything
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise refusal("invalid json") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


async def _read_multipart(request: web.Request) -> tuple[Any, tuple[Upload, ...]]:
    body: Any = {}
    uploads: list[Upload] = []
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if isinstance(part, MultipartReader):
            raise refusal("invalid json")
        if part.name == "payload_json":
            body = _parse(await part.read())
            continue
        numbered = _FILE.fullmatch(part.name or "")
        if numbered and part.filename is not None:
            uploads.append(await _read_file(part, int(numbered[1]), part.filename))
    return body, tuple(sorted(uploads, key=lambda upload: upload.key))


async def _read_file(part: BodyPartReader, key: int, name: str) -> Upload:
    data = await part.read()
    return Upload(key=key, filename=name, data=bytes(data), content_type=content_type(name))
