"""A hub on this machine that serves small models as Hugging Face's does, and misbehaves when told to."""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from aiohttp import web
from safetensors.numpy import save

from synid_engine.runtime.model_spec import ModelSpec
from synid_engine.runtime.model_table import MODELS

COMMIT = "c0" * 20
SIGNATURE = "Key=a%2Fb%7E%28c%29&Expires=9"
_LARGE = (".safetensors", ".onnx", ".pth")


@dataclass(kw_only=True)
class Manners:
    """How a hub behaves, by the path of a file; without an entry it behaves well.

    Attributes:
        cut_after: Bytes of each answer after which it breaks off.
        corrupt: Files that come with a wrong byte in them.
        refused: Repositories for people who are logged in.
        renamed: Repositories that have another name now.
        faulty: How many answers a file's requests get that say 503.
        retry_after_s: What those ask to wait.
        no_ranges: Files that are always sent from the start.
        cuts: The same as `cut_after`, for one answer after the other.
        longer: Files that come with so many bytes more than were announced.
        silent: Files that are never answered.
        tags: What is said of files instead of a hash.
        wait_s: Between the pieces of an answer.
        piece: Bytes of a piece.
    """

    cut_after: dict[str, int] = field(default_factory=dict)
    corrupt: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    faulty: dict[str, int] = field(default_factory=dict)
    retry_after_s: int = 0
    no_ranges: set[str] = field(default_factory=set)
    cuts: dict[str, Iterator[int]] = field(default_factory=dict)
    longer: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    piece: int = 1 << 16


@dataclass(kw_only=True)
class FakeHub:
    """Files by repository and path, and what was asked for."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manners: Manners = field(default_factory=Manners)
    asked: list[str] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)
    endpoint: str = ""

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/{owner}/{name}/resolve/{revision}/{path:.+}", self._resolve)
        made.router.add_get("/cdn/{owner}/{name}/{path:.+}", self._send)
        return made

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["FakeHub"]:
        runner = web.AppRunner(self.application(), handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def _found(self, request: web.Request) -> tuple[str, bytes]:
        repo, path = f"{request.match_info['owner']}/{request.match_info['name']}", request.match_info["path"]
        if repo in self.manners.refused:
            raise web.HTTPUnauthorized(headers={"X-Error-Code": "GatedRepo"})
        if (repo, path) not in self.files:
            raise web.HTTPNotFound
        if self.manners.faulty.get(path, 0) > 0:
            self.manners.faulty[path] -= 1
            raise web.HTTPServiceUnavailable(headers={"Retry-After": str(self.manners.retry_after_s)})
        return path, self.files[repo, path]

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        """Send a small file; tell what a large one is, and where it lies."""
        self.asked.append(f"{request.method} {request.match_info['path']} {request.headers.get('Range', '')}")
        self.revisions.append(request.match_info["revision"])
        repo = f"{request.match_info['owner']}/{request.match_info['name']}"
        if repo in self.manners.renamed:
            raise web.HTTPTemporaryRedirect(request.path.replace(repo, self.manners.renamed[repo]))
        path, data = self._found(request)
        if not path.endswith(_LARGE):
            tag = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
            headers = {"ETag": f'"{self.manners.tags.get(path, tag)}"', "X-Repo-Commit": COMMIT}
            if request.method == "HEAD":
                return web.Response(body=data, headers=headers)
            return await self._answer(request, path, data, headers)
        owner, name = request.match_info["owner"], request.match_info["name"]
        headers = {
            "Location": f"/cdn/{owner}/{name}/{path}?{SIGNATURE}",
            "X-Linked-Etag": f'"{self.manners.tags.get(path, hashlib.sha256(data).hexdigest())}"',
            "X-Linked-Size": str(len(data)),
            "X-Repo-Commit": COMMIT,
        }
        return web.Response(status=302, headers=headers)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD" or request.raw_path.partition("?")[2] != SIGNATURE:
            raise web.HTTPForbidden  # a signed address is good for one method, and as it is written
        path, data = self._found(request)
        return await self._answer(request, path, data, {})

    async def _answer(
        self, request: web.Request, path: str, data: bytes, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        manners, start = self.manners, request.http_range.start or 0
        if path in manners.silent:
            await asyncio.sleep(3600)
        if start >= len(data) > 0 and request.headers.get("Range"):
            raise web.HTTPRequestRangeNotSatisfiable
        if path in manners.corrupt:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if path in manners.no_ranges:
            start = 0
        data += bytes(manners.longer.get(path, 0))
        answer = web.StreamResponse(status=206 if start else 200, headers=dict(headers))
        if start:
            answer.headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        answer.content_length = len(data) - start
        await answer.prepare(request)
        cut_after = next(manners.cuts.get(path, iter(())), manners.cut_after.get(path, len(data)))
        end = min(len(data), start + cut_after)
        for at in range(start, end, manners.piece):
            await answer.write(data[at : min(end, at + manners.piece)])
            await asyncio.sleep(manners.wait_s)
        if end < len(data):
            assert request.transport is not None
            await asyncio.sleep(0.01)  # what was written goes out first
            request.transport.close()
        return answer


def add_folder(hub: FakeHub, repo: str, folder: Path, *, half: bool = False) -> None:
    """Publish a folder's files; weights under the names of half precision if asked for."""
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_file():
            named = place.replace(".safetensors", ".fp16.safetensors") if half else place
            hub.files[repo, named] = path.read_bytes()


def small_weights(seed: int, size: int = 60_000) -> bytes:
    """Return a safetensors file of random numbers."""
    return save({"numbers": np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)})


def fill(hub: FakeHub) -> dict[str, ModelSpec]:
    """Publish every file of the table, small and random; return the table with the hashes that these have."""
    specs: dict[str, ModelSpec] = {}
    for number, spec in enumerate(MODELS.values()):
        for file in spec.files:
            is_json = file.path.endswith(".json")
            data = json.dumps({"file": file.path}).encode() if is_json else small_weights(number)
            hub.files[spec.repo, file.path] = data
        specs[spec.name] = as_served(hub, spec)
    return specs


def as_served(hub: FakeHub, spec: ModelSpec) -> ModelSpec:
    """Return a model with the sizes and hashes of what the hub has, wherever the table knows one."""
    files = tuple(
        replace(
            file,
            size=len(data) if file.size is not None and data is not None else None,
            sha256=hashlib.sha256(data).hexdigest() if file.sha256 is not None and data is not None else None,
        )
        for file in spec.files
        for data in [hub.files.get((spec.repo, file.path))]
    )
    return replace(spec, files=files)


@contextmanager
def hub_in_a_thread() -> Iterator[FakeHub]:
    """Serve a hub beside a program that has no loop of its own while it waits."""
    hub, loop, ready, stop = FakeHub(), asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with hub.serving():
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield hub
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
