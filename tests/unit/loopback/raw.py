"""Requests as anybody could send them, past everything that discord.py checks before it sends."""

import io
import json
from typing import Any

import aiohttp

from bot.loopback.driver import LoopbackDiscord
from bot.loopback.form import Json


class Raw:
    """An HTTP client with the bot's token."""

    def __init__(self, loopback: LoopbackDiscord, session: aiohttp.ClientSession) -> None:
        self.loopback = loopback
        self.session = session

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        files: dict[str, bytes] | None = None,
        token: str | None = None,
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        response = await self.response(method, path, body, files=files, token=token)
        data = await response.read()
        return response.status, json.loads(data) if data else None

    async def response(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        files: dict[str, bytes] | None = None,
        token: str | None = None,
    ) -> aiohttp.ClientResponse:
        headers = {"Authorization": f"Bot {self.loopback.token if token is None else token}"}
        url = f"{self.loopback.address}/api/v10{path}"
        if files is None:
            return await self.session.request(method, url, json=body, headers=headers)
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body or {}), content_type="application/json")
        for key, (name, data) in enumerate(files.items()):
            form.add_field(
                f"files[{key}]", io.BytesIO(data), filename=name, content_type="application/octet-stream"
            )
        return await self.session.request(method, url, data=form, headers=headers)

    async def fault(self, method: str, path: str, body: object) -> tuple[str, str]:
        """Return where and why the form was refused."""
        status, told = await self.ask(method, path, body)
        assert (status, told["code"], told["message"]) == (400, 50035, "Invalid Form Body"), told
        return next(_faults(told["errors"], ()))


def _faults(errors: Json, place: tuple[str, ...]):  # type: ignore[no-untyped-def]  # noqa: ANN202
    for name, inner in errors.items():
        if name == "_errors":
            yield ".".join(place), inner[0]["code"]
        else:
            yield from _faults(inner, (*place, name))
