"""The pieces that need no Discord: uploads, policy, prose, ids of buttons."""

import io
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot import prose
from bot.answering import words_of
from bot.buttons import RowButton
from bot.chat_errors import PictureTooLargeError, RefusedTextError
from bot.moderation import is_covered
from bot.policy import WordLists, WordPolicy, read_lists
from bot.requests import UnprintableTextError
from bot.uploads import REQUEST_LIMIT, all_fitted, fitted
from synid_engine.errors import InvalidRequestError

POLICY = WordPolicy(lists=read_lists())


def noise(side: int = 256) -> bytes:
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(buffer, "PNG")
    return buffer.getvalue()


def test_picture_that_fits_goes_as_it_is() -> None:
    data = noise(16)
    upload = fitted("a", data, limit=len(data))
    assert (upload.name, upload.data) == ("a.png", data)


@pytest.mark.parametrize("limit", [100_000, 20_000, 6_000])
def test_picture_that_is_too_large_is_encoded_smaller(limit: int) -> None:
    upload = fitted("a", noise(), limit=limit)
    assert len(upload.data) <= limit
    assert upload.name in {"a.webp", "a.jpg"}
    with Image.open(io.BytesIO(upload.data)) as picture:
        assert picture.format in {"WEBP", "JPEG"}


def test_picture_that_never_fits_is_refused() -> None:
    with pytest.raises(PictureTooLargeError):
        fitted("a", noise(), limit=100)


def test_pictures_fit_together() -> None:
    uploads = all_fitted("a", [noise(1600)] * 4, limit=100 << 20)
    assert sum(len(one.data) for one in uploads) <= REQUEST_LIMIT
    assert [one.name.partition(".")[0] for one in uploads] == ["a-1", "a-2", "a-3", "a-4"]


def test_policy_refuses_length_control_characters_and_towers() -> None:
    policy = WordPolicy(lists=WordLists(), longest=20)
    assert policy.check("  a  fox ", field="prompt") == "a fox"
    with pytest.raises(RefusedTextError):
        policy.check("a" * 21, field="prompt")
    with pytest.raises(UnprintableTextError):
        policy.check("a\x1b[2J", field="prompt")
    with pytest.raises(RefusedTextError):
        policy.check("a" + "\u0336" * 9, field="prompt")


@pytest.mark.parametrize(
    ("wished", "server_covers", "is_age_restricted", "covered"),
    [
        (False, False, False, False),
        (True, False, True, True),
        (False, True, False, True),
        (False, True, True, False),
    ],
)
def test_pictures_are_covered_by_wish_or_by_rule(
    *, wished: bool, server_covers: bool, is_age_restricted: bool, covered: bool
) -> None:
    found = is_covered(wished=wished, server_covers=server_covers, is_age_restricted=is_age_restricted)
    assert found is covered


@given(st.text(max_size=4000))
def test_any_text_is_shown_short_and_mentions_nobody(text: str) -> None:
    shown = prose.shown(text, longest=50)
    assert len(shown) <= 50 * 3
    assert re.search(r"<[@#][!&]?\d", shown) is None
    assert "@everyone" not in shown


@given(st.text(max_size=4000))
def test_policy_answers_any_text(text: str) -> None:
    try:
        cleaned = POLICY.check(text, field="prompt")
    except InvalidRequestError as error:
        words = words_of(error)
        assert words is not None
        assert words.isprintable()
    else:
        assert cleaned.isprintable() or not cleaned.isascii()


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**63 - 1), max_size=3))
def test_ids_of_buttons_are_short_and_read_back(row: int, rest: list[int]) -> None:
    custom_id = RowButton("job", row, "pick", *rest, label="1").item.custom_id
    assert custom_id is not None
    assert len(custom_id) <= 100
    match = RowButton.__discord_ui_compiled_template__.fullmatch(custom_id)  # type: ignore[attr-defined]
    assert match is not None
    assert int(match["row"]) == row


def test_progress_bar_fills() -> None:
    assert [prose.bar(one).count("▰") for one in (0.0, 0.5, 1.0, 7.0)] == [0, 6, 12, 12]


@pytest.mark.parametrize("score", [-1.0, 0.0, 0.6, 0.75, 0.9, 1.0])
def test_every_score_has_words(score: float) -> None:
    assert f"({score:.2f})" in prose.steadiness(score)
