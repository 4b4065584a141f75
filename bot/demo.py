"""`synid demo`: one sentence becomes a character in a chat, and one page shows it in eight scenes."""

import asyncio
import io
import logging
import re
import signal
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import BotConfig
from bot.chat_errors import DemoError
from bot.console import Reporter
from bot.coordinator.reports import STARTING_AGAIN
from bot.loopback.component_rules import walk
from bot.loopback.invocation import Invocation
from bot.loopback.message_rules import LOADING
from bot.loopback.models import Message
from bot.peak_memory import PeakMemory
from bot.playground.markup import to_plain
from bot.playground.transcript import transcript
from bot.studio import BotWish, Studio, open_studio
from bot.words import Words
from storage.data_folder import DataFolder
from storage.files import write_whole
from synid_engine.errors import JobCancelledError
from synid_engine.serving.link import EngineLink

if TYPE_CHECKING:
    from PIL import Image

NAME = "Nova"
DESCRIPTION = (
    "a young woman with shoulder-length red hair, light skin and round glasses, wearing a green jacket"
)
SEED = 7
COLUMNS = 4
_LONGEST_S = 3600.0
_LOOK_S = 0.1
_LONGEST_SILENCE_S = 5.0
_TEXT = 10
_NUMBERS = re.compile(r"<t:-?\d+:R>|[\d.▰▱]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture of the page: what it is called there, and the prompt that draws it."""

    label: str
    prompt: str


SHOTS = (
    Shot(label="smiling on a beach", prompt="smiling, on a beach"),
    Shot(label="laughing in the city", prompt="laughing, in the city"),
    Shot(label="angry, close-up", prompt="angry, close-up, plain grey background"),
    Shot(label="surprised in the snow", prompt="surprised, in the snow"),
    Shot(label="crying at night", prompt="crying, at night"),
    Shot(label="winking, pink background", prompt="winking, plain pink background"),
    Shot(label="sleepy in the forest", prompt="sleepy, in a forest"),
    Shot(label="shouting in the mountains", prompt="shouting, in the mountains"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo made, and the most memory that its processes held."""

    sheet: Path
    conversation: Path
    memory: PeakMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What came of the commands: the pictures, the portrait first, and everything as a page."""

    pictures: Sequence[bytes]
    learned_s: float
    page: str


def run_demo(
    out: Path, *, engine: Callable[[DataFolder], EngineLink], words: Words, reporter: Reporter
) -> DemoResult:
    """Let a person of a loopback Discord make the demo's character and draw it; write what came of it.

    Args:
        out: Folder of `demo.png` and `demo.html`; made if absent.
        engine: Returns a data folder's engine, not started yet.
        words: What the base model knows.
        reporter: Shows what the bot's cards say.

    Raises:
        DemoError: The engine or the bot could not do it.
        JobCancelledError: Ctrl-C.
    """
    from bot.pictures import save_png
    from synid_engine.evaluation.report import contact_sheet

    bot = BotWish(words=words, config=BotConfig())
    with tempfile.TemporaryDirectory(prefix="synid-demo-") as folder:
        said = asyncio.run(_until_stopped(Path(folder), engine(DataFolder(Path(folder))), bot, reporter))
    portrait, *pictures = (_opened(data) for data in said.pictures)
    sheet = contact_sheet(
        pictures,
        [shot.label for shot in SHOTS],
        COLUMNS,
        title=NAME,
        subtitle=f"“{DESCRIPTION}”. Learned from these words alone, in {said.learned_s:.0f} seconds.",
        hero=portrait,
        hero_label="the portrait",
    )
    conversation = (out / "demo.html").absolute()
    write_whole(conversation, said.page.encode())
    return DemoResult(
        sheet=save_png(sheet, out / "demo.png"),
        conversation=conversation,
        memory=PeakMemory.measured(),
    )


async def _until_stopped(folder: Path, link: EngineLink, bot: BotWish, reporter: Reporter) -> Conversation:
    """Hold the conversation; Ctrl-C ends it and its processes."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - this is a task
    before = signal.getsignal(signal.SIGINT)
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, task.cancel)
    try:
        with _warnings(reporter):
            async with open_studio(folder, link, bot) as studio:
                return await _Demo(studio, reporter).held()
    except asyncio.CancelledError as error:
        raise JobCancelledError from error
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(one)
        signal.signal(signal.SIGINT, before)


@contextmanager
def _warnings(reporter: Reporter) -> Generator[None]:
    """Print what the bot warns of: its log lies in a folder that goes when the demo ends."""

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reporter.say(record.getMessage())

    handler, logger = Lines(logging.WARNING), logging.getLogger("bot")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@dataclass(slots=True)
class _Demo:
    """A person who talks to the bot, and a terminal that shows what it answers."""

    studio: Studio
    reporter: Reporter
    _shown: dict[int, str] = field(default_factory=dict[int, str])
    _shown_at: float = 0.0

    async def held(self) -> Conversation:
        await self._engine_ready()
        began = time.monotonic()
        made = await self._asked(
            "character create", {"name": NAME, "description": DESCRIPTION, "pick": "auto", "seed": SEED}
        )
        await self._finished([made])
        learned_s = time.monotonic() - began
        shown = await self._asked("character show", {"name": NAME})
        drawn = [
            await self._asked("imagine", {"character": NAME, "prompt": shot.prompt, "seed": SEED + number})
            for number, shot in enumerate(SHOTS, start=1)
        ]
        cards = await self._finished([shown, *drawn])
        page = transcript(
            self.studio.discord.world,
            self.studio.discord.messages(self.studio.scene.general),
            title=f"{NAME}, in #{self.studio.scene.general.name}",
            subtitle="What the bot answered in a Discord on this machine.",
        )
        return Conversation(pictures=[_first(one) for one in cards], learned_s=learned_s, page=page)

    async def _engine_ready(self) -> None:
        """Wait for the engine; one that is lost before it was ready will not do better a second time."""
        coordinator, stage = self.studio.running.opened.coordinator, ""
        while not (health := await coordinator.health()).is_ready:
            if health.stage == STARTING_AGAIN:
                raise DemoError(said="the engine ended while it loaded the model")
            if health.stage != stage:
                stage = health.stage
                self.reporter.say(f"loading: {stage}")
            await asyncio.sleep(_LOOK_S)

    async def _asked(self, name: str, options: dict[str, object]) -> Invocation:
        mia = self.studio.discord.as_user(self.studio.scene.mia)
        asked = mia.slash(self.studio.scene.general, name, options)
        shown = " ".join(f"{key}:{value}" for key, value in options.items())
        self.reporter.say(f"{self.studio.scene.mia.display_name}: /{name} {shown}")
        await asked.acknowledged()
        return asked

    async def _finished(self, asked: Sequence[Invocation]) -> list[Message]:
        """Wait until every card shows what it was asked for, and print what the cards say meanwhile."""

        def look() -> list[Message] | None:
            done = [message for one in asked if (message := self._looked_at(one)) is not None]
            return done if len(done) == len(asked) else None

        return await self.studio.discord.until(look, timeout_s=_LONGEST_S)

    def _looked_at(self, asked: Invocation) -> Message | None:
        """Print what is new of an answer; return it if it is the last one."""
        if asked.follow_ups:
            raise DemoError(said=self._plain(asked.follow_ups[0]))
        message = asked.message
        if message is None or message.flags & LOADING:
            return None
        self._show(message)
        if "Cancel" in _labels(message):
            return None
        if not message.attachments:
            raise DemoError(said=self._plain(message))
        return message

    def _show(self, message: Message) -> None:
        """Print what a card says if more than its numbers has changed, or after a silence."""
        words, gist = _text(message), _NUMBERS.sub("", _text(message))
        is_new = gist != _NUMBERS.sub("", self._shown.get(message.id, ""))
        is_silent = time.monotonic() - self._shown_at >= _LONGEST_SILENCE_S
        if is_new or (is_silent and words != self._shown[message.id]):
            self._shown[message.id], self._shown_at = words, time.monotonic()
            self.reporter.say(self._plain(message))

    def _plain(self, message: Message) -> str:
        return to_plain(_text(message), {}, now=self.studio.discord.clock.now())


def _text(message: Message) -> str:
    texts = [one["content"] for _, one in walk(message.components) if one["type"] == _TEXT]
    return "\n".join([message.content, *texts])


def _labels(message: Message) -> set[str]:
    return {one.get("label") or "" for _, one in walk(message.components)}


def _first(message: Message) -> bytes:
    return message.attachments[0].data


def _opened(data: bytes) -> "Image.Image":
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        return picture.convert("RGB")
