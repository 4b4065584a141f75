from pathlib import Path

import pytest

from bot.chat_errors import RefusedTextError, UnreadablePolicyError
from bot.moderation import PictureRule
from bot.policy import WordPolicy, judging_of, read_lists
from bot.settings import Settings
from synid_engine.errors import InvalidSettingError
from synid_engine.serving.judging import JudgeLimit, Judging

POLICY = WordPolicy(lists=read_lists())


@pytest.mark.parametrize(
    "text",
    [
        "a nude woman",
        "NUDE",
        "n u d e",
        "n.u.d.e",
        "nu\u200bde",
        "nud3 portrait",
        "\uff4e\uff55\uff44\uff45",
        "núdé",
        "eine nackte Frau",
        "mujer desnuda",
        "全裸の女性",
        "裸体的男人",
    ],
)
def test_sexual_words_are_refused_however_they_are_written(text: str) -> None:
    with pytest.raises(RefusedTextError) as refused:
        POLICY.check(text, field="prompt")
    assert refused.value.reason == "sexual"


@pytest.mark.parametrize(
    ("description", "prompt"),
    [
        ("a young girl", "in lingerie"),
        ("a woman, 15 years old", "sexy"),
        ("ein Mädchen", "im Badeanzug"),
        ("una niña pequeña", "en bikini"),
        ("少女", "水着"),
        ("一个小孩", "性感"),
        ("a schoolgirl", "naked"),
    ],
)
def test_minors_are_never_drawn_so_whichever_text_says_it(description: str, prompt: str) -> None:
    with pytest.raises(RefusedTextError) as refused:
        POLICY.check_together((description, prompt), field="prompt")
    assert refused.value.reason == "minors"


@pytest.mark.parametrize(
    "text",
    [
        "a kind woman in a swimsuit",
        "an assassin from Essex with a cocktail",
        "a boy with a bicycle, smiling",
        "a girl reading on a bench",
        "a woman of 25 years, sexy smile",
        "eine junge Frau im Badeanzug",
        "Nina at the beach in a bikini",
        "barefoot, 裸足で歩く女性",
        "a therapist on the Scunthorpe train",
    ],
)
def test_harmless_texts_pass(text: str) -> None:
    assert POLICY.check(text, field="prompt") == text


def test_owners_file_adds_words_and_patterns_and_allows_others(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('refused = ["Zorblax"]\npatterns = ["acme\\\\d+"]\nallowed = ["naked"]\n', "utf-8")
    policy = WordPolicy(lists=read_lists(path))
    for text in ("a zorblax", "ACME42 logo"):
        with pytest.raises(RefusedTextError) as refused:
            policy.check(text, field="prompt")
        assert refused.value.reason == "listed"
    assert policy.check("the naked truth", field="prompt")
    with pytest.raises(RefusedTextError) as refused:
        policy.check("a naked child", field="prompt")
    assert refused.value.reason == "minors"


@pytest.mark.parametrize("text", ["refused = 'word'", "unknown = []", "patterns = ['(']", "= ["])
def test_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadablePolicyError):
        read_lists(path)
    with pytest.raises(UnreadablePolicyError):
        read_lists(tmp_path / "absent.toml")


def test_rule_withholds_from_its_threshold_on() -> None:
    rule = PictureRule(threshold=0.5)
    assert [rule.withholds(one) for one in (0.0, 0.49, 0.5, 1.0, None)] == [False, False, True, True, True]
    with pytest.raises(InvalidSettingError):
        PictureRule(threshold=0.0)


def test_owners_file_names_who_judges_pictures(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('refused = ["zorblax"]\n[judges]\nopennsfw = 0.7\nsafety_checker = 0.5\n', "utf-8")
    judges = (JudgeLimit(name="opennsfw", limit=0.7), JudgeLimit(name="safety_checker", limit=0.5))
    found = judging_of(Settings(policy=path, nsfw_threshold=0.6))
    assert found == Judging(judges=judges, limit=0.6)
    assert "zorblax" in read_lists(path).refused


def test_file_without_judges_leaves_the_usual_one(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("refused = []\n", "utf-8")
    assert judging_of(Settings(policy=path)) == judging_of(Settings()) == Judging()


@pytest.mark.parametrize(
    "text", ["judges = ['opennsfw']", "[judges]\nopennsfw = 'much'", "[judges]\nx = 0.5"]
)
def test_judges_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UnreadablePolicyError):
        judging_of(Settings(policy=path))


def test_limit_that_no_score_can_pass_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[judges]\nopennsfw = 1.5\n", "utf-8")
    with pytest.raises(UnreadablePolicyError) as refused:
        judging_of(Settings(policy=path))
    assert "opennsfw: 1.5" in refused.value.detail
