"""`synid bot --check`: what is there and what is missing before the bot can serve, and the invite link."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import discord

from synid_engine.errors import SynIDError
from synid_engine.serving.judging import Judging

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
)
"""What the bot needs where it writes by itself; replies to commands need none."""

_LEAST_FREE = 2 << 30  # bytes; some thousand pictures and characters
_NAMES = {
    "view_channel": "View Channels",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        is_good: Whether the bot can serve with it as it is.
        words: What was found, and what to do about it.
    """

    name: str
    is_good: bool
    words: str

    def line(self) -> str:
        """Return it as printed."""
        return f"{'ok     ' if self.is_good else 'MISSING'} {self.name}: {self.words}"


def invite_link(application_id: int) -> str:
    """Return the address where a server's owner adds the bot with exactly what it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )


def report(findings: Sequence[Finding]) -> str:
    """Return what is printed."""
    return "\n".join(one.line() for one in findings)


async def look_at_discord(token: str | None, connector: aiohttp.BaseConnector | None = None) -> list[Finding]:
    """Look at the token, the application's settings, the servers and the permissions there."""
    if token is None:
        return [
            Finding(
                name="token",
                is_good=False,
                words="set SYNID_DISCORD_TOKEN (Discord's developer portal, your application, Bot, Token)",
            )
        ]
    client = discord.Client(intents=discord.Intents(guilds=True), connector=connector)
    async with client:
        try:
            await client.login(token)
            application = await client.application_info()
            guilds = [one async for one in client.fetch_guilds(limit=200)]
            missing = [(guild.name, await _missing(client, guild)) for guild in guilds]
        except discord.LoginFailure:
            return [Finding(name="token", is_good=False, words="Discord does not know it; make a new one")]
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            words = f"Discord cannot be reached: {type(error).__name__}"
            return [Finding(name="token", is_good=False, words=words)]
        name = client.user.name if client.user else "?"
        return [
            Finding(name="token", is_good=True, words=f"logged in as {name}"),
            Finding(name="intents", is_good=True, words="no privileged intent is needed"),
            _installs(application),
            *_servers(missing),
            Finding(name="invite", is_good=True, words=invite_link(application.id)),
        ]


def look_at_machine(folder: Path, models: Path | None, judging: Judging | None = None) -> list[Finding]:
    """Look at the disk, at the models, and at what judges pictures."""
    return [_disk(folder), _models(models, judging or Judging())]


async def _missing(client: discord.Client, guild: discord.Guild) -> list[str]:
    """Return what the bot may not do in a server, by the roles that it has there."""
    assert client.user is not None  # noqa: S101 - logged in
    whole = await client.fetch_guild(guild.id)
    member = await whole.fetch_member(client.user.id)
    held = member.guild_permissions
    return [words for name, words in _NAMES.items() if not getattr(held, name)]


def _installs(application: discord.AppInfo) -> Finding:
    if application.bot_public:
        return Finding(name="application", is_good=True, words="everybody may add it")
    return Finding(name="application", is_good=True, words="only its owner may add it (Public Bot is off)")


def _servers(missing: Sequence[tuple[str, list[str]]]) -> list[Finding]:
    if not missing:
        words = "the bot is in none yet: open the invite link below"
        return [Finding(name="servers", is_good=False, words=words)]
    return [
        Finding(
            name=f"server {name}",
            is_good=not lacks,
            words=f"lacks {', '.join(lacks)}" if lacks else "has every permission",
        )
        for name, lacks in missing
    ]


def _disk(folder: Path) -> Finding:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding(name="disk", is_good=False, words=f"{there} cannot be looked at: {error.strerror}")
    words = f"{free / (1 << 30):.1f} GiB free for {folder}"
    if free < _LEAST_FREE:
        return Finding(name="disk", is_good=False, words=f"{words}; at least {_LEAST_FREE >> 30} are wanted")
    return Finding(name="disk", is_good=True, words=words)


def _models(models: Path | None, judging: Judging) -> Finding:
    from bot.errors import sentence
    from synid_engine.engine import EMBEDDED_MODEL, model_hash_of  # torch loads here
    from synid_engine.runtime.device import choose_device
    from synid_engine.serving.judges import load_judges

    try:
        found = model_hash_of(models)
        load_judges(judging, model=models or EMBEDDED_MODEL, device=choose_device("cpu"))
    except SynIDError as error:
        return Finding(name="models", is_good=False, words=sentence(error))
    which = "the embedded model" if models is None else str(models)
    return Finding(name="models", is_good=True, words=f"{which} ({found[:12]}), and {_judges_of(judging)}")


def _judges_of(judging: Judging) -> str:
    names = [one.name for one in judging.judges]
    return f"the picture judges {', '.join(names)}" if names else "the picture classifier"
