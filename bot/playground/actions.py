"""The page's JSON API: what a user looks at, and what they do. Every path names the user who does it."""

from collections.abc import Callable
from typing import Any, cast

from aiohttp import web

from bot.loopback.changes import Change
from bot.loopback.form import Json
from bot.loopback.invocation import Invocation
from bot.loopback.messages import delete_message
from bot.loopback.models import Message, User
from bot.loopback.payloads import user_payload
from bot.loopback.people import NotOfferedError
from bot.loopback.permissions import MANAGE_MESSAGES, sending_needs
from bot.loopback.refusals import RefusalError
from bot.loopback.rest.call import read_call
from bot.loopback.world import World
from bot.playground import places
from bot.playground.given import StrangeRequestError, Visit
from bot.playground.sight import Sight, UnseenError

API = "/playground/api"
WORLD = web.AppKey("WORLD_OF_THE_PAGE", World)
_PAGE_OF_MESSAGES = 50
Handler = Callable[[Visit], Any]


def sight_of(request: web.Request) -> Sight:
    """Return the eyes of the user whom a path names."""
    world = request.app[WORLD]
    user = world.users.get(int(request.match_info["user_id"]))
    if user is None or user.bot:
        raise UnseenError
    return Sight(world, user)


def refused(status: int, sentence: str) -> web.Response:
    """Answer with a sentence that the page shows."""
    return web.json_response({"message": sentence}, status=status)


def _handler(handle: Handler) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        try:
            sight = sight_of(request)
            told = handle(Visit(sight, await read_call(sight.world, request)))
        except NotOfferedError as error:
            return refused(409, error.reason)
        except UnseenError:
            return refused(404, "there is no such thing here")
        except StrangeRequestError as error:
            return refused(400, str(error))
        except RefusalError as error:
            return web.json_response(error.body(), status=error.status)
        return web.json_response(told)

    return answer


async def _people(request: web.Request) -> web.Response:
    return web.json_response({"people": places.people(request.app[WORLD])})


def _home(visit: Visit) -> Json:
    return places.home(visit.sight)


def _commands(visit: Visit) -> Json:
    return {"commands": places.commands(visit.sight, visit.channel())}


def _history(visit: Visit) -> Json:
    before = visit.call.number("before", (1 << 63) - 1, least=0, most=(1 << 63) - 1)
    older = [told for told in visit.sight.history(visit.channel()) if int(told["id"]) < before]
    page = older[-_PAGE_OF_MESSAGES:]
    return {"messages": page, "has_more": len(page) < len(older)}


def _send(visit: Visit) -> Json:
    content = visit.call.fields().get("content") or ""
    message = visit.sight.person.send(visit.channel(), content, files=visit.files())
    return {"id": str(message.id)}


def _remove(visit: Visit) -> Json:
    channel, message = visit.channel(), _message(visit)
    held = visit.sight.world.permissions(channel, visit.sight.user.id)
    if message.ephemeral_to is not None or not (
        message.author_id == visit.sight.user.id or held & MANAGE_MESSAGES
    ):
        raise NotOfferedError("this message is not yours to delete")
    delete_message(visit.sight.world, message)
    return {}


def _type(visit: Visit) -> Json:
    channel, world, user = visit.channel(), visit.sight.world, visit.sight.user
    if not world.permissions(channel, user.id) & sending_needs(channel):
        raise NotOfferedError("the user may not write here")
    data: Json = {"channel_id": str(channel.id), "user_id": str(user.id), "user": user_payload(user)}
    data |= {"timestamp": int(world.clock.now())}
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)
    world.changes.publish(
        Change(event="TYPING_START", data=data, channel_id=channel.id, guild_id=channel.guild_id)
    )
    return {}


def _direct(visit: Visit) -> Json:
    other = visit.sight.known_user(visit.number("user"))
    if other.id == visit.sight.user.id:
        raise NotOfferedError("nobody writes to themselves")
    return {"id": str(visit.sight.world.direct_channel(visit.sight.user.id, other.id).id)}


def _message(visit: Visit) -> Message:
    return visit.sight.message(visit.channel(), visit.call.id("message_id"))


def _opened(invocation: Invocation) -> Json:
    return {"interaction": str(invocation.interaction.id)}


def _slash(visit: Visit) -> Json:
    return _opened(visit.sight.person.slash(visit.channel(), visit.text("name"), visit.things("options")))


def _autocomplete(visit: Visit) -> Json:
    person, channel, others = visit.sight.person, visit.channel(), visit.things("options")
    return _opened(
        person.autocomplete(channel, visit.text("name"), visit.text("option"), visit.text("text"), others)
    )


def _menu(visit: Visit) -> Json:
    channel, target_id = visit.channel(), visit.number("target")
    target: Message | User
    if visit.text("kind") == "message":
        target = visit.sight.message(channel, target_id)
    else:
        target = visit.sight.known_user(target_id)
    return _opened(visit.sight.person.menu(channel, visit.text("name"), target))


def _click(visit: Visit) -> Json:
    return _opened(visit.sight.person.click(_message(visit), visit.text("custom_id")))


def _choose(visit: Visit) -> Json:
    given: Any = visit.call.fields().get("values")
    if not isinstance(given, list):
        raise StrangeRequestError("values is no list")
    values = [visit.thing(value) for value in cast("list[Any]", given)]
    return _opened(visit.sight.person.choose(_message(visit), visit.text("custom_id"), values))


def _submit(visit: Visit) -> Json:
    sight = visit.sight
    interaction = sight.world.interactions.get(visit.call.id("interaction_id"))
    if interaction is None or interaction.user_id != sight.user.id:
        raise UnseenError
    sight.channel(interaction.channel_id)
    return _opened(sight.person.submit(Invocation(sight.world, interaction), visit.things("values")))


_AS = f"{API}/as/{{user_id:\\d{{1,20}}}}"
_CHANNEL = f"{_AS}/channels/{{channel_id}}"
_MESSAGE = f"{_CHANNEL}/messages/{{message_id}}"
ROUTES = (
    web.get(f"{API}/people", _people),
    web.get(f"{_AS}/home", _handler(_home)),
    web.get(f"{_CHANNEL}/messages", _handler(_history)),
    web.get(f"{_CHANNEL}/commands", _handler(_commands)),
    web.post(f"{_CHANNEL}/messages", _handler(_send)),
    web.post(f"{_CHANNEL}/typing", _handler(_type)),
    web.post(f"{_CHANNEL}/slash", _handler(_slash)),
    web.post(f"{_CHANNEL}/autocomplete", _handler(_autocomplete)),
    web.post(f"{_CHANNEL}/menu", _handler(_menu)),
    web.delete(_MESSAGE, _handler(_remove)),
    web.post(f"{_MESSAGE}/click", _handler(_click)),
    web.post(f"{_MESSAGE}/choose", _handler(_choose)),
    web.post(f"{_AS}/interactions/{{interaction_id}}/submit", _handler(_submit)),
    web.post(f"{_AS}/direct", _handler(_direct)),
)
