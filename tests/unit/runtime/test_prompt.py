"""Brackets that weigh words."""

import pytest

from synid_engine.runtime.prompt import plain_text, weighed_texts, written


def read(prompt: str) -> list[tuple[str, float]]:
    return [(part.text, pytest.approx(part.weight)) for part in weighed_texts(prompt)]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a woman", [("a woman", 1)]),
        ("", [("", 1)]),
        ("a (red) hat", [("a ", 1), ("red", 1.1), (" hat", 1)]),
        ("a (red:1.4) hat", [("a ", 1), ("red", 1.4), (" hat", 1)]),
        ("[fog]", [("fog", 1 / 1.1)]),
        ("((sun))", [("sun", 1.21)]),
        ("(red (hair:1.5), smiling)", [("red ", 1.1), ("hair", 1.65), (", smiling", 1.1)]),
        ("(a [b] c: .5 )", [("a ", 0.5), ("b", 0.5 / 1.1), (" c", 0.5)]),
        ("(gone:0)", [("gone", 0)]),
        (r"smile \(wide\) \\ ", [(r"smile (wide) \ ", 1)]),
        (r"(smile \(wide\):1.3)", [("smile (wide)", 1.3)]),
        (r"a\b", [(r"a\b", 1)]),
    ],
)
def test_brackets_weigh_what_they_enclose(prompt: str, parts: list[tuple[str, float]]) -> None:
    assert read(prompt) == parts


@pytest.mark.parametrize("prompt", [":)", "a) b(", "colour: red", "a:1.2)", ")(", "(a, b:1.2", "x]", "(a]"])
def test_brackets_without_a_partner_are_read(prompt: str) -> None:
    assert read(prompt) == [(prompt, 1)]


def test_bracket_within_another_pair_needs_its_partner_there() -> None:
    assert read("[a (b] c") == [("[a (b] c", 1)]
    assert read("[a b) c]") == [("a b) c", 1 / 1.1)]


@pytest.mark.parametrize("text", ["at 10:30", "at 9:05", "ratio 16:9", "3: 2"])
def test_time_of_day_and_ratio_are_no_weights(text: str) -> None:
    assert read(f"({text}) tea") == [(text, 1.1), (" tea", 1)]
    assert read(f"({text}:1.3)") == [(text, 1.3)]


def test_number_with_a_point_weighs_even_digits() -> None:
    assert read("(route 66:1.2)") == [("route 66", 1.2)]
    assert read("(route 66 :2)") == [("route 66 ", 2)]


@pytest.mark.parametrize("depth", [2, 39, 400])
def test_brackets_in_brackets_weigh_no_more_than_one_may(depth: int) -> None:
    assert read("(" * depth + "red" + ":10)" * depth) == [("red", 10)]
    assert read("(" * depth + "red" + ":10)" * (depth - 1) + ":0)") == [("red", 0)]


@pytest.mark.parametrize(
    "prompt",
    [
        "a woman",
        "",
        "a (red:1.4) hat",
        "[a (b:1.3) c]",
        r"smile \(wide\) \\ ",
        "rain(bow:1)s",
        "(size 3 :2)",
        "a) b(",
        r"(a\]:1.2)\(",
    ],
)
def test_parts_that_are_written_are_read_again(prompt: str) -> None:
    parts = weighed_texts(prompt)
    again = weighed_texts(written(parts))
    assert [part.text for part in again] == [part.text for part in parts]
    assert [part.weight for part in again] == pytest.approx([part.weight for part in parts], abs=1e-3)


def test_brackets_do_not_join_two_halves_of_a_word() -> None:
    assert read("sun()set") == [("sun", 1), ("set", 1)]
    assert read("rain(bow:1)s") == [("rain", 1), ("bow", 1), ("s", 1)]


def test_plain_text_has_no_weights() -> None:
    assert plain_text(r"a (red:1.4) [hat] \(small\) :)") == "a red hat (small) :)"
