"""Answers to interactions: the first one, and what its token allows afterwards."""

from bot.loopback.answers import answer_interaction
from bot.loopback.follow_ups import (
    ORIGINAL,
    find_message,
    follow_up,
    interaction_by_token,
)
from bot.loopback.form import Json
from bot.loopback.message_payloads import message_payload
from bot.loopback.messages import delete_message, edit_message
from bot.loopback.models import Interaction, Message
from bot.loopback.refusals import refusal
from bot.loopback.rest.call import Call, Route

_TRUE = frozenset({"1", "true", "True"})


def _answer(call: Call) -> Json | None:
    interaction = call.world.interactions.get(call.id("interaction_id"))
    if interaction is None or interaction.token != call.ids["interaction_token"]:
        raise refusal("unknown interaction")
    told = answer_interaction(call.world, interaction, call.fields(), call.uploads)
    return told if call.query.get("with_response") in _TRUE else None


def _interaction(call: Call) -> Interaction:
    return interaction_by_token(call.world, call.id("webhook_id"), call.ids["webhook_token"])


def _message(call: Call, interaction: Interaction) -> Message:
    name = call.ids.get("message_id", ORIGINAL)
    if name != ORIGINAL:
        call.id("message_id")
    return find_message(call.world, interaction, name)


def _follow_up(call: Call) -> Json:
    message = follow_up(call.world, _interaction(call), call.fields(), call.uploads)
    return message_payload(call.world, message)


def _get(call: Call) -> Json:
    return message_payload(call.world, _message(call, _interaction(call)))


def _edit(call: Call) -> Json:
    message = _message(call, _interaction(call))
    return message_payload(call.world, edit_message(call.world, message, call.fields(), call.uploads))


def _delete(call: Call) -> None:
    delete_message(call.world, _message(call, _interaction(call)))


_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_ONE = f"{_WEBHOOK}/messages/{{message_id}}"
ROUTES = (
    Route(
        method="POST",
        path="/interactions/{interaction_id}/{interaction_token}/callback",
        handle=_answer,
        needs_token=False,
        counts_globally=False,
        limited=False,
    ),
    *(
        Route(
            method=method,
            path=path,
            handle=handle,
            bucket="webhook",
            needs_token=False,
            counts_globally=False,
        )
        for method, path, handle in (
            ("POST", _WEBHOOK, _follow_up),
            ("GET", _ONE, _get),
            ("PATCH", _ONE, _edit),
            ("DELETE", _ONE, _delete),
        )
    ),
)
