"""Everything that the bot can do, in one place."""

from dataclasses import dataclass
from pathlib import Path

from bot.coordinator.opening import Opened
from bot.coordinator.spool import Spool
from bot.moderation import PictureRule
from bot.policy import PromptPolicy, WordPolicy, read_lists
from bot.service.characters import Characters
from bot.service.chats import ChatBook
from bot.service.files import CharacterFiles
from bot.service.gate import Gate
from bot.service.jobs import Jobs, Tools
from bot.service.names import Names
from bot.service.pictures import Pictures
from bot.service.poses import Poses
from bot.service.privacy import Privacy
from bot.service.rules import HouseRules
from bot.words import Words
from storage.data_folder import DataFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the features ask; each part says what it does."""

    jobs: Jobs
    pictures: Pictures
    characters: Characters
    files: CharacterFiles
    privacy: Privacy
    chats: ChatBook
    names: Names
    rules: HouseRules
    words: Words
    gate: Gate


def open_service(
    opened: Opened,
    folder: Path,
    *,
    words: Words,
    policy: PromptPolicy | None = None,
    rule: PictureRule | None = None,
) -> Service:
    """Return the service over a coordinator.

    Args:
        opened: The coordinator at work.
        folder: Its data folder.
        words: What the base model knows.
        policy: Which prompts are drawn; the words that the project lists if None.
        rule: Which pictures are shown; the usual threshold if None.
    """
    stores = opened.stores
    data = DataFolder(folder)
    names = Names(stores.characters, stores.rosters)
    gate = Gate(policy or WordPolicy(lists=read_lists()), rule or PictureRule(), stores.moderation)
    characters = Characters(stores, names, gate)
    chats, rules = ChatBook(stores), HouseRules(stores.preferences)
    tools = Tools(
        opened=opened,
        chats=chats,
        rules=rules,
        names=names,
        gate=gate,
        words=words,
        poses=Poses(opened, words),
    )
    return Service(
        jobs=Jobs(tools),
        pictures=Pictures(stores, Spool(data), gate),
        characters=characters,
        files=CharacterFiles(opened, data, characters, gate),
        privacy=Privacy(opened, names, gate),
        chats=chats,
        names=names,
        rules=rules,
        words=words,
        gate=gate,
    )
