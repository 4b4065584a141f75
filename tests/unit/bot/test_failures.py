"""Why jobs fail, as people are told: in their language, by the error, without the machine's own words."""

import pytest

import bot.coordinator_errors
import storage.errors
import synid_engine.errors
from bot.chat_errors import NotYoursError
from bot.coordinator_errors import CharacterNotReadyError
from bot.errors import sentence
from bot.failures import REASONS, reason_of
from bot.requests import EmptyTextError
from bot.tongue import LOCALES, speaking
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.messages import Failure

MODULES = (synid_engine.errors, storage.errors, bot.coordinator_errors)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_reasons_are_told_in_every_language_and_without_paths(reason: str) -> None:
    assert any(hasattr(module, reason) for module in MODULES), "no such error"
    failure = Failure(reason=reason, detail="path: /home/somebody/file")
    english = reason_of(failure)
    assert reason == "InvalidSettingError" or "/home" not in english
    for locale in LOCALES:
        with speaking(locale):
            assert reason_of(failure) != english


def test_unforeseen_error_is_named() -> None:
    failure = Failure(reason="ZeroDivisionError", detail="division by zero")
    assert reason_of(failure) == "something went wrong (ZeroDivisionError)"


def test_words_within_sentences_are_translated_and_those_of_people_are_not() -> None:
    with speaking("de"):
        assert "Beschreibung sagt" in sentence(EmptyTextError(field="description"))
        assert sentence(NotYoursError(what="deleting these pictures")).endswith("diese Bilder löschen")
        assert sentence(NotYoursError(what="{Nova}")).endswith("{Nova}")
        assert "noch nicht fertig" in sentence(CharacterNotReadyError(name="Nova", state="draft"))
        wrong = InvalidSettingError(field="request", value="x", allowed="one of those offered")
        assert sentence(wrong) == "Auftrag kann nicht x sein; erlaubt ist einer der angebotenen"
