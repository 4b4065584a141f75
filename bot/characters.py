"""`synid create` and `synid render`: from checked words to stored characters and pictures."""

import io
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.brought import checked_picture
from bot.console import Reporter
from bot.pictures import save_png
from bot.requests import LARGEST_SEED, NoTerminalError, clean_text
from bot.settings import Settings
from bot.words import repertoire_of
from storage.names import clean_name, folder_name
from storage.profiles import ProfileStore
from synid_engine.errors import UnreadablePictureError
from synid_engine.synid.repertoire import Repertoire


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person asked to have made.

    Attributes:
        name: Of the character.
        description: Its words.
        seed: Of its making.
        style: Art style; None is the description's.
        ask: Let the person pick the portrait.
        warm_start: Begin from the characters that are there already.
    """

    name: str
    description: str
    seed: int
    style: str | None
    ask: bool
    warm_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawWish:
    """Pictures that a person asked for.

    Attributes:
        name: The character's.
        prompt: Expression, scene, framing.
        pose: One that the base model declares; empty leaves it to the prompt.
        pose_image: A picture of somebody in the pose that is wanted, in place of it.
        pose_strength: Weight of either; None is the usual one.
        shape: Likewise; empty takes the usual one.
        count: How many pictures.
        seed: Seed of the first one; a new one is drawn by lot if None.
    """

    name: str
    prompt: str
    pose: str = ""
    pose_image: Path | None = None
    pose_strength: float | None = None
    shape: str = ""
    count: int = 1
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A character that was made and stored."""

    name: str
    folder: Path
    portrait: Path
    seconds: float
    scores: Mapping[str, float]
    not_drawn: tuple[str, ...]

    def to_fields(self) -> dict[str, object]:
        """Return what `--json` prints."""
        return {
            "name": self.name,
            "folder": str(self.folder),
            "portrait": str(self.portrait),
            "seconds": round(self.seconds, 2),
            "scores": dict(self.scores),
            "not_drawn": list(self.not_drawn),
        }

    def to_lines(self) -> list[str]:
        """Return what a person reads."""
        figures = ", ".join(f"{key} {value:.3f}" for key, value in self.scores.items())
        lines = [f"{self.name} is ready after {self.seconds:.1f} s{f' ({figures})' if figures else ''}"]
        return [*lines, *_not_drawn_lines(self.not_drawn), str(self.portrait)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Pictures that were drawn, with their seeds."""

    pictures: tuple[tuple[Path, int], ...]
    seconds: float
    not_drawn: tuple[str, ...]

    def to_fields(self) -> dict[str, object]:
        """Return what `--json` prints."""
        return {
            "pictures": [{"path": str(path), "seed": seed} for path, seed in self.pictures],
            "seconds": round(self.seconds, 2),
            "not_drawn": list(self.not_drawn),
        }

    def to_lines(self) -> list[str]:
        """Return what a person reads."""
        return [
            *_not_drawn_lines(self.not_drawn),
            *(f"{path}  (seed {seed})" for path, seed in self.pictures),
        ]


def create(wish: Wish, *, data: Path | None, quiet: bool) -> Made:
    """Make a character and store it; everything that can be refused is refused before the slow part.

    Args:
        wish: What was asked for.
        data: The data folder that was chosen, if any.
        quiet: Keep the standard output free: progress goes to stderr.

    Raises:
        InvalidRequestError: The name, the description or the way of picking cannot be.
        JobCancelledError: A person stopped it.
    """
    settings = Settings()
    name = clean_name(wish.name)
    description = clean_text(wish.description, field="description")
    if wish.ask and not sys.stdin.isatty():
        raise NoTerminalError
    store = ProfileStore(settings.data_folder(data))
    store.require_room(name)
    with Reporter(to_stderr=quiet) as reporter:
        reporter.say("loading the model")
        from synid_engine.engine import Character, Engine  # torch loads here

        engine = Engine.load(settings.model_folder(), memory_gb=settings.memory_gb)
        profiles = store.profiles() if wish.warm_start else ()
        library = [
            Character.load(one.folder, model_hash=engine.model_hash)
            for one in profiles
            if one.profile.model_hash == engine.model_hash
        ]
        character = engine.create(
            name,
            description,
            seed=wish.seed,
            style=wish.style,
            pick=(lambda images: _ask(images, reporter)) if wish.ask else None,
            on_progress=reporter,
            resume_file=store.unfinished_file(name),
            library=library,
        )
        with store.put(name) as folder:
            character.save(folder)
        seconds = reporter.elapsed_s
    stored = store.get(name)
    return Made(
        name=name,
        folder=stored.folder,
        portrait=stored.portrait,
        seconds=seconds,
        scores=stored.profile.scores,
        not_drawn=character.not_drawn,
    )


def render(wish: DrawWish, *, out: Path, data: Path | None, quiet: bool) -> Drawn:
    """Draw a stored character into PNG files; everything that can be refused is refused before the slow part.

    Args:
        wish: What was asked for.
        out: Folder of the pictures.
        data: The data folder that was chosen, if any.
        quiet: Keep the standard output free: progress goes to stderr.

    Raises:
        InvalidRequestError: There is no such character, pose or shape, or the prompt or the pose's picture
            cannot be.
        JobCancelledError: A person stopped it.
    """
    settings = Settings()
    prompt = clean_text(wish.prompt, field="prompt")
    repertoire = repertoire_of(settings.model_folder())
    repertoire.require(pose=wish.pose, shape=wish.shape)
    picture = _pose_picture(wish, repertoire)
    stored = ProfileStore(settings.data_folder(data)).get(wish.name)
    with Reporter(to_stderr=quiet) as reporter:
        reporter.say("loading the model")
        from synid_engine.engine import Character, Engine  # torch loads here

        engine = Engine.load(settings.model_folder(), memory_gb=settings.memory_gb)
        character = Character.load(stored.folder, model_hash=engine.model_hash)
        pictures = engine.render(
            character,
            prompt,
            count=wish.count,
            seed=secrets.randbelow(min(LARGEST_SEED, 1 << 31)) if wish.seed is None else wish.seed,
            pose=wish.pose,
            body=None if picture is None else engine.read_pose(picture),
            pose_strength=wish.pose_strength,
            shape=wish.shape,
            on_progress=reporter,
        )
        seconds = reporter.elapsed_s
    stem = folder_name(stored.profile.name).rpartition("-")[0] or "character"
    paths = tuple((save_png(one.image, out / f"{stem}-{one.seed}.png"), one.seed) for one in pictures)
    return Drawn(pictures=paths, seconds=seconds, not_drawn=pictures[0].not_drawn)


def _pose_picture(wish: DrawWish, repertoire: Repertoire) -> Image.Image | None:
    """Read the picture whose pose is wanted, as a chat's upload is read."""
    is_posed = bool(wish.pose) or wish.pose_image is not None
    repertoire.require_strength(wish.pose_strength, is_posed=is_posed)
    if wish.pose_image is None:
        return None
    repertoire.require_pose_reading()
    try:
        data = wish.pose_image.read_bytes()
    except OSError as error:
        raise UnreadablePictureError(detail=f"{wish.pose_image}: {error.strerror}") from error
    return Image.open(io.BytesIO(checked_picture(data)))


def _ask(images: Sequence[Image.Image], reporter: Reporter) -> int:
    """Show the candidates as one page and ask for a number."""
    from synid_engine.evaluation.report import contact_sheet

    labels = [str(number) for number in range(1, len(images) + 1)]
    with tempfile.TemporaryDirectory(prefix="synid-") as folder:
        sheet = save_png(contact_sheet(images, labels, len(images)), Path(folder) / "candidates.png")
        reporter.say(f"look at {sheet}")
        return reporter.ask("Which one is it?", choices=len(images))


def _not_drawn_lines(words: Sequence[str]) -> list[str]:
    return [f"not drawn: {', '.join(words)}"] if words else []
