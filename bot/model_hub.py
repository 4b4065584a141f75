"""Files of public model repositories, fetched from a hub or a mirror of one, each gone on with after a cut.

Speaks the two requests of Hugging Face's hub that a file needs. Knows nothing about what the files are for.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote

import aiohttp
from yarl import URL

from storage.model_errors import HubFileMissingError, HubRefusedError, HubUnreachableError, TransferCutError
from storage.part_file import PartFile
from synid_engine.errors import InvalidSettingError

_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_PASSING = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT})
_FAULTS = (aiohttp.ClientError, TimeoutError, OSError)
_MOST_REDIRECTS = 5
_LONGEST_WAIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class HubConfig:
    """How a hub is asked.

    Attributes:
        endpoint: Its address.
        tries: In a row without a new byte, until it is given up.
        wait_s: Before the second try; doubled before each further one.
        silence_s: A connection that says nothing for so long is broken off.
        chunk: Bytes read at once.
    """

    endpoint: str = "https://huggingface.co"
    tries: int = 5
    wait_s: float = 1.0
    silence_s: float = 60.0
    chunk: int = 1 << 20

    def __post_init__(self) -> None:
        try:
            address = URL(self.endpoint)
            is_address = address.scheme in {"http", "https"} and bool(address.host)
        except ValueError:
            is_address = False
        if not is_address:
            allowed = "an address such as https://huggingface.co"
            raise InvalidSettingError(field="HF_ENDPOINT", value=self.endpoint, allowed=allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file as the hub describes it.

    Attributes:
        repo: Its repository.
        revision: What was asked for.
        path: Its place there.
        size: Bytes; None if the hub does not say.
        tag: A SHA-256, git's hash of a small file, or whatever else a mirror says; or empty.
        commit: What the revision stands for, or empty.
    """

    repo: str
    revision: str
    path: str
    size: int | None
    tag: str
    commit: str


class Hub:
    """A session with a hub."""

    def __init__(self, config: HubConfig) -> None:
        self._config = config
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        waits = aiohttp.ClientTimeout(
            total=None, sock_connect=self._config.silence_s, sock_read=self._config.silence_s
        )
        session = aiohttp.ClientSession(
            timeout=waits,
            trust_env=True,  # proxies
            requote_redirect_url=False,  # a signed address is good as it is written
            headers={"Accept-Encoding": "identity", "User-Agent": "synid"},
        )
        self._session = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def look(self, repo: str, revision: str, path: str) -> HubFile:
        """Ask about a file.

        Raises:
            HubFileMissingError: It is not there.
            HubRefusedError: It is only for people who are logged in.
            HubUnreachableError: The hub cannot be reached.
        """
        fault: object = "no answer"
        for attempt in range(self._config.tries):
            await self._wait(attempt, fault)
            try:
                return await self._described(repo, revision, path)
            except (*_FAULTS, _PassingError) as error:
                fault = error
        raise HubUnreachableError(endpoint=self._config.endpoint, detail=_words(fault))

    async def fetch(self, file: HubFile, part: PartFile, on_bytes: Callable[[int], None]) -> None:
        """Fetch what is still lacking of a file.

        Args:
            file: As `look` described it.
            part: Where the bytes go; those that are there already are not fetched again.
            on_bytes: Told how many there are, now and then; may raise, which passes through.

        Raises:
            TransferCutError: The hub broke off again and again; what came is kept.
            HubFileMissingError: It is no longer there.
            HubRefusedError: It is only for people who are logged in.
            HubUnreachableError: The hub cannot be reached.
            DiskFullError: There is no room.
        """
        attempt, most = 0, part.size
        fault: object = "it ended early"
        while True:
            try:
                if await self._received(file, part, on_bytes):
                    return
            except (aiohttp.ClientError, TimeoutError, ConnectionError, _PassingError) as error:
                fault = error
            attempt = 0 if part.size > most else attempt + 1  # a hub without ranges begins anew each time
            most = max(most, part.size)
            if attempt >= self._config.tries:
                if part.size:
                    raise TransferCutError(path=file.path, done=part.size, size=file.size or 0)
                raise HubUnreachableError(endpoint=self._config.endpoint, detail=_words(fault))
            await self._wait(attempt, fault)

    async def _wait(self, attempt: int, fault: object) -> None:
        """Wait before another try, as long as the hub asks for or longer."""
        asked = fault.wait_s if isinstance(fault, _PassingError) else 0.0
        if attempt:
            await asyncio.sleep(max(asked, self._config.wait_s * 2 ** (attempt - 1)))

    async def _described(self, repo: str, revision: str, path: str) -> HubFile:
        """Ask once. A hub answers for a large file by sending one elsewhere, and says here what it is."""
        url = self._url(repo, revision, path)
        for _ in range(_MOST_REDIRECTS):
            async with self._opened.head(url, allow_redirects=False) as answer:
                headers = answer.headers
                is_elsewhere = HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST
                if is_elsewhere and "X-Linked-Size" not in headers and "Location" in headers:
                    url = url.join(URL(headers["Location"], encoded=True))
                    continue
                self._require(answer, repo, revision, path)
                size = headers.get("X-Linked-Size") or ("" if is_elsewhere else headers.get("Content-Length"))
                return HubFile(
                    repo=repo,
                    revision=revision,
                    path=path,
                    size=int(size) if size and size.isdecimal() else None,
                    tag=_plain(headers.get("X-Linked-Etag") or headers.get("ETag") or ""),
                    commit=headers.get("X-Repo-Commit", ""),
                )
        raise _PassingError("it sends from one place to the next")

    async def _received(self, file: HubFile, part: PartFile, on_bytes: Callable[[int], None]) -> bool:
        """Ask for the rest of a file once; tell whether all of it is there now."""
        if file.size is not None and part.size > file.size:
            part.restart()
        if file.size is not None and part.size == file.size:
            return True
        wanted = {"Range": f"bytes={part.size}-"} if part.size else {}
        url = self._url(file.repo, file.commit or file.revision, file.path)
        async with self._opened.get(url, headers=wanted) as answer:
            if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.restart()
                return False
            self._require(answer, file.repo, file.revision, file.path)
            if part.size and not _goes_on_at(answer, part.size):
                part.restart()
            async for chunk in answer.content.iter_chunked(self._config.chunk):
                if file.size is not None and part.size + len(chunk) > file.size:
                    part.restart()
                    raise _PassingError(f"it sends more than the {file.size} bytes that it announced")
                part.write(chunk)
                on_bytes(part.size)
        return file.size is None or part.size == file.size

    def _require(self, answer: aiohttp.ClientResponse, repo: str, revision: str, path: str) -> None:
        """Raise what a status means that is no success."""
        if answer.status == HTTPStatus.NOT_FOUND:
            raise HubFileMissingError(repo=repo, revision=revision, path=path)
        if answer.status in _REFUSALS:
            raise HubRefusedError(repo=repo)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _PASSING:
            asked = answer.headers.get("Retry-After", "")
            wait_s = min(int(asked), _LONGEST_WAIT_S) if asked.isdecimal() else 0.0
            raise _PassingError(f"it answers {answer.status}", wait_s=wait_s)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise HubUnreachableError(endpoint=self._config.endpoint, detail=f"it answers {answer.status}")

    def _url(self, repo: str, revision: str, path: str) -> URL:
        place = f"{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"
        return URL(f"{self._config.endpoint.rstrip('/')}/{place}", encoded=True)

    @property
    def _opened(self) -> aiohttp.ClientSession:
        assert self._session is not None  # noqa: S101 - entered
        return self._session


class _PassingError(Exception):
    """An answer that may be another one next time; `wait_s` is how long the hub asks to wait for that."""

    def __init__(self, words: str, *, wait_s: float = 0.0) -> None:
        super().__init__(words)
        self.wait_s = wait_s


def _plain(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _goes_on_at(answer: aiohttp.ClientResponse, start: int) -> bool:
    given = answer.headers.get("Content-Range", "")
    return answer.status == HTTPStatus.PARTIAL_CONTENT and given.startswith(f"bytes {start}-")


def _words(error: object) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "it breaks off"
    if isinstance(error, TimeoutError):
        return "it says nothing"
    return str(error) or type(error).__name__
