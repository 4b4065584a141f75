"""Every text that people read in a chat, in every language; none missing, none left over."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import discord
import pytest
from discord import app_commands

import bot
from bot.chat_errors import NothingUnfinishedError
from bot.errors import sentence
from bot.features.about import AboutCog
from bot.features.character import CharacterCog
from bot.features.imagine import ImagineCog
from bot.features.privacy import PrivacyCog
from bot.features.queue import QueueCog
from bot.features.roster import RosterCog
from bot.features.settings import SettingsCog
from bot.tongue import LOCALES, catalogue, say, speaking, tongue_of
from bot.words import repertoire_of

ROOT = Path(bot.__path__[0])
COGS = (CharacterCog, ImagineCog, PrivacyCog, QueueCog, RosterCog, SettingsCog, AboutCog)
MENUS = ("Draw this again", "Details of this picture")


def _marked() -> Iterator[str]:
    """Return every text that is given to `say` or `mark`."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in {"say", "mark"}
            ):
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def _described() -> Iterator[str]:
    """Return everything that Discord shows of the commands, but their names."""
    yield from MENUS
    for cog in COGS:
        group = cog.__cog_group_description__ if issubclass(cog, discord.ext.commands.GroupCog) else None
        if group is not None:
            yield str(group)
        for command in cog.__cog_app_commands__:
            yield str(command.description)
            if isinstance(command, app_commands.Command):
                for one in command.parameters:
                    yield str(one.description)
                    yield from (choice.name for choice in one.choices)


def wanted() -> set[str]:
    return {*_marked(), *_described()} - {"…"}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_is_translated_and_no_translation_is_left_over(locale: str) -> None:
    found = catalogue(locale)
    assert sorted(wanted() - found.keys()) == [], "missing"
    assert sorted(found.keys() - wanted()) == [], "unused"


@pytest.mark.parametrize("locale", LOCALES)
def test_translations_have_the_fields_of_their_texts_and_fit_where_they_stand(locale: str) -> None:
    for text, words in catalogue(locale).items():
        assert fields(words) == fields(text), text
        assert words.strip() != ""
        assert words.startswith(("### ", "-# ")) == text.startswith(("### ", "-# ")), text
    for text in _described():
        assert len(catalogue(locale)[text]) <= 100


@pytest.mark.parametrize("locale", LOCALES)
def test_poses_and_shapes_of_the_embedded_model_are_translated(locale: str) -> None:
    declared = repertoire_of(None)
    assert catalogue(locale).keys() >= {*declared.poses, *(one.name for one in declared.shapes)}


def test_texts_are_read_from_where_they_are_said() -> None:
    assert "Draw this again" in wanted()
    assert "you have no unfinished request" in wanted()
    assert len(wanted()) > 150


@pytest.mark.parametrize(
    ("locale", "tongue"),
    [("de", "de"), ("es-ES", "es"), ("es-419", "es"), ("ja", "ja"), ("zh-CN", "zh-CN"), ("zh-TW", "en")],
)
def test_locales_of_discord_lead_to_a_tongue(locale: str, tongue: str) -> None:
    assert tongue_of(locale) == tongue
    assert tongue_of("fr") == tongue_of("en-GB") == "en"


def test_language_is_spoken_within_its_block_alone() -> None:
    english = sentence(NothingUnfinishedError())
    with speaking("de"):
        assert sentence(NothingUnfinishedError()) == catalogue("de")[english] != english
        with speaking("fr"):
            assert say("Cancel") == "Cancel"
    assert sentence(NothingUnfinishedError()) == english
