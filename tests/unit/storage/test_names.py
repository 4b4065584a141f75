import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidNameError
from storage.names import clean_name, folder_name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("\u200b\u200d", "empty"),
        ("x" * 41, "long"),
        ("a\nb", "unprintable"),
        ("a\x00b", "unprintable"),
        ("a\u202eb", "unprintable"),
        ("../up", "path"),
        ("a/b", "path"),
        ("a\\b", "path"),
        (".", "path"),
        (".hidden", "path"),
    ],
)
def test_impossible_name_is_refused_with_its_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        clean_name(name)
    assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["Nova", "Zoë", "李小龍", "🦊", "👩‍🚀 Ada", "O'Neil", "a" * 40, "con"])
def test_emoji_and_every_script_are_welcome(name: str) -> None:
    assert clean_name(f"  {name} ") == name


@pytest.mark.parametrize("other", ["nova", "NOVA", " Nova ", "Ｎｏｖａ", "No\u200bva"])  # noqa: RUF001
def test_names_that_read_as_one_share_a_folder(other: str) -> None:
    assert folder_name(other) == folder_name("Nova")


def test_different_names_have_different_folders() -> None:
    names = ["Nova", "Nove", "Nova 2", "🦊", "🐻", "ß", "é", "e"]
    assert len({folder_name(name) for name in names}) == len(names)


@given(st.text(max_size=60))
def test_any_text_is_refused_or_becomes_a_plain_folder_name(text: str) -> None:
    try:
        folder = folder_name(text)
    except InvalidNameError:
        return
    assert folder.isascii()
    assert len(folder) <= 40
    assert not set(folder) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
