"""Whatever is sent, it is taken or refused: nothing breaks."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.loopback.clock import Clock
from bot.loopback.command_rules import check_commands
from bot.loopback.config import LoopbackConfig
from bot.loopback.form import Json
from bot.loopback.message_payloads import message_payload
from bot.loopback.message_rules import VERSION_TWO
from bot.loopback.messages import Draft, create_message
from bot.loopback.modal_rules import check_modal
from bot.loopback.models import Upload
from bot.loopback.refusals import RefusalError
from bot.loopback.scenery import Scenery
from bot.loopback.world import World

from .puppet import PNG

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 24),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(
        ["attachment://a.png", "https://a/b", "123", "x" * 101, "<@1>", "@everyone", "\ud800", "a\u202eb"]
    ),
)
WORDS = """
content embeds components type id custom_id label style url media items accessory component options
value values name description title fields flags nonce attachments allowed_mentions parse users
min_values max_values file choices min_length max_length required autocomplete message_reference
message_id spoiler filename
"""
NAMES = st.sampled_from(WORDS.split())
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=12,
)
COMPONENT: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.fixed_dictionaries(
        {"type": st.integers(1, 23)},
        optional={
            "custom_id": st.text(max_size=3),
            "label": st.text(max_size=3),
            "style": st.integers(0, 7),
            "content": st.text(max_size=3),
            "media": st.fixed_dictionaries({"url": PLAIN}),
            "items": st.lists(
                st.fixed_dictionaries({"media": st.fixed_dictionaries({"url": PLAIN})}), max_size=3
            ),
            "options": st.lists(st.fixed_dictionaries({"label": PLAIN, "value": PLAIN}), max_size=3),
            "max_values": PLAIN,
            "components": ANYTHING,
            "id": PLAIN,
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from([1, 9, 17, 18])},
        optional={
            "components": st.lists(inner, max_size=3),
            "accessory": inner,
            "component": inner,
            "label": PLAIN,
        },
    ),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        "content": PLAIN,
        "components": st.one_of(ANYTHING, st.lists(COMPONENT, max_size=3)),
        "embeds": st.one_of(ANYTHING, st.lists(st.dictionaries(NAMES, ANYTHING, max_size=4), max_size=2)),
        "flags": st.sampled_from([0, None, VERSION_TWO, VERSION_TWO, 64, 1 << 40]),
        "attachments": st.one_of(ANYTHING, st.lists(st.dictionaries(NAMES, PLAIN, max_size=4), max_size=2)),
        "allowed_mentions": ANYTHING,
        "message_reference": ANYTHING,
        "nonce": PLAIN,
    },
)


def world() -> World:
    return World(config=LoopbackConfig(), clock=Clock(still=True))


def refusal_of(act: Callable[[], object]) -> RefusalError | None:
    try:
        act()
    except RefusalError as refused:
        return refused
    return None


@settings(max_examples=80)
@given(body=MESSAGE)
def test_any_message_is_taken_or_refused(body: Json) -> None:
    there = world()
    scenery = Scenery(there)
    channel = scenery.add_channel(scenery.add_guild("g"), "c")
    upload = Upload(key=0, filename="a.png", data=PNG, content_type="image/png")
    draft = Draft(author_id=there.bot_id, body=body, uploads=(upload,))
    refused = refusal_of(lambda: create_message(there, channel, draft))
    if refused is None:
        (message,) = there.messages[channel.id].values()
        assert message_payload(there, message)["id"] == str(message.id)
    else:
        assert refused.status in {400, 501}
        assert there.messages == {}
        assert there.attachments == {}


@settings(max_examples=60)
@given(
    body=st.one_of(
        ANYTHING,
        st.fixed_dictionaries(
            {"custom_id": PLAIN, "title": PLAIN, "components": st.lists(COMPONENT, max_size=4)}
        ),
    )
)
def test_any_modal_is_taken_or_refused(body: Json) -> None:
    refused = refusal_of(lambda: check_modal(body))
    assert refused is None or refused.errors


@settings(max_examples=60)
@given(bodies=st.one_of(ANYTHING, st.lists(st.dictionaries(NAMES, ANYTHING, max_size=6), max_size=3)))
def test_any_commands_are_taken_or_refused(bodies: list[Json]) -> None:
    refused = refusal_of(lambda: check_commands(bodies))
    assert refused is None or refused.errors
