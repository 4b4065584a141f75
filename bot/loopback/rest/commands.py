"""Application commands: the global ones and those of one guild."""

from typing import cast

from bot.loopback.command_rules import MOST_OF_A_KIND, check_command, check_commands
from bot.loopback.form import Json
from bot.loopback.models import Command
from bot.loopback.payloads import command_payload
from bot.loopback.refusals import refusal
from bot.loopback.rest.access import joined_guild
from bot.loopback.rest.call import Call, Route
from bot.loopback.world import World

_DAY_S = 24 * 3600


def _scope(call: Call) -> int | None:
    if call.id("application_id") != call.world.bot_id:
        raise refusal("unknown application")
    return joined_guild(call).id if "guild_id" in call.ids else None


def _registered(call: Call) -> dict[int, Command]:
    return call.world.commands.setdefault(_scope(call), {})


def _key(body: Json) -> tuple[int, str]:
    return body.get("type") or 1, body["name"]


def _count_creates(world: World, scope: int | None, bodies: list[Json]) -> None:
    for kind, most in MOST_OF_A_KIND.items():
        if sum(_key(body)[0] == kind for body in bodies) > most:
            raise refusal("too many commands")
    known = {_key(command.body) for command in world.commands.get(scope, {}).values()}
    created = sum(_key(body) not in known for body in bodies)
    today = (int(world.clock.now() // _DAY_S), scope)
    if world.command_creates[today] + created > world.config.daily_command_creates:
        raise refusal("too many command creates")
    world.command_creates[today] += created


def _register(world: World, scope: int | None, body: Json) -> Command:
    registered = world.commands.setdefault(scope, {})
    before = next((one for one in registered.values() if _key(one.body) == _key(body)), None)
    number = world.ids.next()
    command = Command(id=before.id if before else number, version=number, guild_id=scope, body=body)
    registered[command.id] = command
    return command


def _put(call: Call) -> list[Json]:
    scope, world = _scope(call), call.world
    check_commands(call.body)
    bodies = cast("list[Json]", call.body)
    _count_creates(world, scope, bodies)
    commands = [_register(world, scope, body) for body in bodies]
    world.commands[scope] = {command.id: command for command in commands}
    return [command_payload(world, command) for command in commands]


def _list(call: Call) -> list[Json]:
    return [command_payload(call.world, command) for command in _registered(call).values()]


def _post(call: Call) -> Json:
    scope, world, body = _scope(call), call.world, call.fields()
    check_command(body)
    others = [one.body for one in world.commands.get(scope, {}).values() if _key(one.body) != _key(body)]
    _count_creates(world, scope, [*others, body])
    return command_payload(world, _register(world, scope, body))


def _command(call: Call) -> Command:
    command = _registered(call).get(call.id("command_id"))
    if command is None:
        raise refusal("unknown command")
    return command


def _get(call: Call) -> Json:
    return command_payload(call.world, _command(call))


def _patch(call: Call) -> Json:
    command = _command(call)
    body = command.body | call.fields() | {"type": command.kind}
    check_command(body)
    command.body = body
    command.version = call.world.ids.next()
    return command_payload(call.world, command)


def _delete(call: Call) -> None:
    del _registered(call)[_command(call).id]


def _routes(path: str) -> tuple[Route, ...]:
    one = f"{path}/{{command_id}}"
    return (
        Route(method="GET", path=path, handle=_list),
        Route(method="PUT", path=path, handle=_put, bucket="commands"),
        Route(method="POST", path=path, handle=_post, bucket="commands"),
        Route(method="GET", path=one, handle=_get),
        Route(method="PATCH", path=one, handle=_patch, bucket="commands"),
        Route(method="DELETE", path=one, handle=_delete, bucket="commands"),
    )


ROUTES = (
    *_routes("/applications/{application_id}/commands"),
    *_routes("/applications/{application_id}/guilds/{guild_id}/commands"),
)
