import pytest

from bot.requests import EmptyTextError, LongTextError, UnprintableTextError, clean_text


@pytest.mark.parametrize("text", ["", "  \n", "🦊🦊", "...", "\u200b"])
def test_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(EmptyTextError):
        clean_text(text, field="description")


def test_text_of_ten_thousand_characters_is_refused() -> None:
    with pytest.raises(LongTextError) as caught:
        clean_text("x" * 10_000, field="prompt")
    assert (caught.value.length, caught.value.limit) == (10_000, 2000)


def test_control_character_is_refused_with_its_place() -> None:
    with pytest.raises(UnprintableTextError) as caught:
        clean_text("red\x07 hair", field="prompt")
    assert caught.value.position == 4


def test_text_becomes_one_line() -> None:
    assert clean_text("  a woman\n with\tred hair 🦊 ", field="prompt") == "a woman with red hair 🦊"
