"""A bot at work in a loopback Discord, with an engine in this process that leaves real pictures."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from bot.app import BotConfig, RunningBot, running_bot
from bot.coordinator.parts import CoordinatorConfig
from bot.loopback.client_settings import LoopbackConnector
from bot.loopback.clock import Clock
from bot.loopback.component_rules import walk
from bot.loopback.config import LoopbackConfig
from bot.loopback.driver import LoopbackDiscord
from bot.loopback.invocation import Invocation
from bot.loopback.models import Channel, Guild, Message, User
from bot.loopback.person import Person
from bot.words import EmbeddedWords, Words
from synid_engine.serving.messages import Hash, Job, JobState
from synid_engine.serving.orders import Assign

from ..coordinator.engine import InProcessEngine  # noqa: TID252 - tests are no package

Json = dict[str, Any]


def bank(text: str) -> bytes:
    """Return a whole safetensors file with a text in it."""
    data = text.encode()
    header = json.dumps({"text": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}})
    return len(header).to_bytes(8, "little") + header.encode() + data


class PaintingEngine(InProcessEngine):
    """Leaves pictures of one colour each, which follows from what they show."""

    def keep(self, text: str, suffix: str = ".png") -> Hash:
        if suffix != ".png":
            return self._leave(bank(text), suffix)
        colour = hashlib.sha256(text.encode()).digest()
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (colour[0], colour[1], colour[2])).save(buffer, "PNG")
        data = buffer.getvalue() + text.encode()  # two pictures of one colour are two files
        return self._leave(data, suffix)

    def _leave(self, data: bytes, suffix: str) -> Hash:
        digest = hashlib.sha256(data).hexdigest()
        (self.spool / f"{digest}{suffix}").write_bytes(data)
        return digest

    async def order_of(self, job_id: int) -> Assign:
        """Wait until a job is being worked on."""
        await eventually(lambda: job_id in self.working)
        return self.working[job_id]


async def eventually(look: Callable[[], object]) -> None:
    """Wait for what no change of the loopback tells of."""
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass
class Studio:
    """A server with a channel and two members, a folder, and bots that live in it one after the other."""

    loopback: LoopbackDiscord
    folder: Path
    guild: Guild
    channel: Channel
    mia: Person
    noah: Person
    engine: PaintingEngine = field(init=False)
    bot: RunningBot = field(init=False)
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self, *, at_once: bool = True, ready: bool = True, words: Words | None = None) -> None:
        """Start a bot."""
        self.engine = PaintingEngine(self.folder, at_once=at_once)
        if not ready:
            self.engine.come_up = lambda *_: None  # type: ignore[method-assign]
        config = BotConfig(
            coordinator=CoordinatorConfig(
                tick_s=0.05,
                redeliver_after_s=0.05,
                answer_within_s=60.0,
                stale_after_s=1e9,  # a clock that jumps makes no engine silent
            ),
            edit_every_s=0.01,
        )
        self.bot = await self._life.enter_async_context(
            running_bot(
                self.loopback.token,
                self.folder,
                self.engine,
                words=words or EmbeddedWords(),
                config=config,
                connector=LoopbackConnector(self.loopback.address),
                clock=self.loopback.clock.now,
            )
        )
        await self.loopback.connected()

    async def close(self) -> None:
        """End the bot."""
        await self._life.aclose()
        self._life = AsyncExitStack()

    async def restart(self, *, at_once: bool = True) -> None:
        await self.close()
        await self.open(at_once=at_once)

    def add_person(self, name: str, guild: Guild | None = None) -> Person:
        user = self.loopback.scenery.add_user(name)
        if guild is not None:
            self.loopback.scenery.join(guild, user)
        return self.loopback.as_user(user)

    async def job(self, number: int = -1) -> Job:
        """Return one of all jobs, by default the newest."""
        database = self.bot.opened.stores.jobs
        found = [
            job
            for user in self.loopback.world.users.values()
            for job in await database.of_owner(user.id, limit=100)
        ]
        return sorted(found, key=lambda job: job.id)[number]

    async def until(self, *wanted: JobState, number: int = -1) -> Job:
        """Wait until a job is in one of these states."""
        async with asyncio.timeout(20):
            while (job := await self.job(number)).state not in wanted:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return job

    async def made(
        self,
        who: Person,
        name: str = "Nova",
        channel: Channel | None = None,
        *,
        description: str = "red hair",
    ) -> Message:
        """Have a character made, and return its card."""
        options = {"name": name, "description": description, "pick": "auto"}
        asked = who.slash(channel or self.channel, "character create", options)
        return await self.card(asked, "is ready")

    async def card(self, asked: Invocation, words: str) -> Message:
        """Wait until the answer says something."""

        def look() -> Message | None:
            return asked.message if asked.message is not None and words in text(asked.message) else None

        return await asked.until(look, timeout_s=20)

    async def refused(self, asked: Invocation, words: str) -> None:
        """Wait for a sentence that only the asker sees."""

        def look() -> Message | None:
            said = [*asked.follow_ups, *([asked.message] if asked.message else [])]
            return next((one for one in said if words in text(one)), None)

        message = await asked.until(look, timeout_s=20)
        assert message.ephemeral_to == asked.interaction.user_id, "somebody else sees it"


def text(message: Message) -> str:
    """Return everything that is written in a message."""
    inside = [str(one.get("content", "")) for _, one in walk(message.components)]
    return "\n".join([message.content, *inside])


def parts(message: Message, kind: int) -> list[Json]:
    return [one for _, one in walk(message.components) if one["type"] == kind]


def labels(message: Message) -> list[str]:
    return [one["label"] for one in parts(message, 2)]


def gallery(message: Message) -> list[Json]:
    return [item for one in parts(message, 12) for item in one["items"]]


@asynccontextmanager
async def studio(folder: Path, *, config: LoopbackConfig | None = None) -> AsyncGenerator[Studio]:
    """Furnish a loopback Discord; the bot is not there yet."""
    chosen = config or LoopbackConfig(rate_limits=False)
    async with LoopbackDiscord(chosen, clock=Clock(still=True)) as loopback:
        scenery = loopback.scenery
        guild = scenery.add_guild("Studio")
        users: list[User] = [scenery.add_user(name) for name in ("mia", "noah")]
        scenery.join(guild, *users)
        mia, noah = (loopback.as_user(user) for user in users)
        place = Studio(loopback, folder, guild, scenery.add_channel(guild, "general"), mia, noah)
        try:
            yield place
        finally:
            await place.close()
