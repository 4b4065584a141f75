"""A conversation as one HTML file that needs nothing else: words, cards, and pictures inside of it.

It looks like the playground's page, whose style sheets it carries, but nothing in it can be pressed.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from bot.loopback.form import Json
from bot.loopback.models import Attachment, Message, User
from bot.loopback.snowflakes import created_at
from bot.loopback.world import World
from bot.playground.markup import to_html

_SHEETS = ("theme.css", "message.css", "parts.css")
_OWN = """
html, body { height: auto; overflow: visible; }
main { max-width: 760px; margin: 0 auto; padding: 24px 0 48px; }
.intro { padding: 0 18px 8px; color: var(--muted); }
.intro h1 { font-size: 26px; color: var(--strong); }
.prose p { white-space: pre-wrap; }
.button { cursor: default; }
"""
_ROW, _BUTTON, _SECTION, _TEXT, _THUMBNAIL, _GALLERY, _SEPARATOR, _CONTAINER = 1, 2, 9, 10, 11, 12, 14, 17
_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link"}
_SHOWN = ("image/png", "image/jpeg", "image/webp", "image/gif")
_MOST_COLUMNS = 5
_HUES = (252, 205, 162, 28, 344, 292, 120, 48)


def transcript(world: World, messages: Sequence[Message], *, title: str, subtitle: str) -> str:
    """Return a page with these messages, oldest first, as they are now."""
    sheets = "\n".join((Path(__file__).with_name("page") / name).read_text("utf-8") for name in _SHEETS)
    drawn = "\n".join(_Row(world, message).html() for message in messages)
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{sheets}{_OWN}</style>
</head>
<body>
<main>
<header class="intro"><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header>
{drawn}
</main>
</body>
</html>
"""


class _Row:
    """One message on its way to HTML."""

    def __init__(self, world: World, message: Message) -> None:
        self._world, self._message = world, message
        people = {user.id: _name(user) for user in world.users.values()}
        self._names = people | {channel.id: channel.name or "" for channel in world.channels.values()}

    def html(self) -> str:
        author = self._world.users[self._message.author_id]
        when = datetime.fromtimestamp(created_at(self._message.id), UTC)
        badge = '<span class="badge">App</span>' if author.bot else ""
        shown = "".join(map(self._part, self._message.components))
        loose = [] if self._message.components else self._message.attachments
        return (
            f'<article class="message">{self._above()}<div class="message-main">'
            f'<div class="gutter">{_avatar(author)}</div><div class="message-body">'
            f'<div class="message-head"><span class="author">{escape(_name(author))}</span>{badge}'
            f'<time datetime="{when.isoformat()}">{when:%H:%M} UTC</time></div>'
            f'{self._prose(self._message.content)}<div class="parts">{shown}</div>'
            f"{''.join(map(_picture, loose))}</div></div></article>"
        )

    def _above(self) -> str:
        asked = self._message.interaction
        if asked is None or "name" not in asked:
            return ""
        user = self._world.users[int(asked["user"]["id"])]
        return (
            f'<div class="above"><span class="above-hook"></span>{_avatar(user, "is-tiny")}'
            f'<span class="above-name">{escape(_name(user))}</span> used '
            f'<span class="above-command">/{escape(asked["name"])}</span></div>'
        )

    def _prose(self, text: str) -> str:
        return f'<div class="prose">{to_html(text, self._names)}</div>' if text else ""

    def _part(self, part: Json) -> str:
        inner = "".join(map(self._part, part.get("components") or []))
        draw = self._kinds.get(part["type"])
        return inner if draw is None else draw(part, inner)

    @property
    def _kinds(self) -> dict[int, Callable[[Json, str], str]]:
        """How a component is drawn around what is inside it, by its type; others are what is inside."""
        return {
            _TEXT: lambda part, _: self._prose(part["content"]),
            _CONTAINER: _container,
            _ROW: lambda _, inner: f'<div class="part-row">{inner}</div>',
            _BUTTON: _button,
            _GALLERY: self._gallery,
            _SECTION: self._section,
            _THUMBNAIL: lambda part, _: f'<div class="part-thumbnail">{self._media(part)}</div>',
            _SEPARATOR: lambda _, inner: f'<hr class="part-separator">{inner}',
        }

    def _gallery(self, part: Json, _: str) -> str:
        cells = "".join(f'<div class="cell">{self._media(item)}</div>' for item in part["items"])
        return f'<div class="gallery of-{min(len(part["items"]), _MOST_COLUMNS)}">{cells}</div>'

    def _section(self, part: Json, inner: str) -> str:
        side = f'<div class="part-accessory">{self._part(part["accessory"])}</div>'
        return f'<div class="part-section"><div class="part-section-words">{inner}</div>{side}</div>'

    def _media(self, item: Json) -> str:
        found = self._world.attachments.get(int(item["media"].get("attachment_id") or 0))
        return "" if found is None else _picture(found, item.get("description"))


def _container(part: Json, inner: str) -> str:
    colour = part.get("accent_color")
    edge = "" if colour is None else f' style="--edge: #{colour:06x}"'
    return f'<section class="part-container"{edge}>{inner}</section>'


def _button(part: Json, _: str) -> str:
    style = _STYLES.get(part["style"], "secondary")
    return f'<span class="button is-{style}">{escape(part.get("label") or "")}</span>'


def _name(user: User) -> str:
    return user.display_name or user.name


def _avatar(user: User, size: str = "") -> str:
    kind = f"avatar {size}{' is-bot' if user.bot else ''}"
    hue, letter = _HUES[user.id % len(_HUES)], escape(_name(user)[:1].upper())
    return f'<span class="{kind}" style="--hue: {hue}" aria-hidden="true">{letter}</span>'


def _picture(attachment: Attachment, alt: str | None = None) -> str:
    if attachment.content_type not in _SHOWN:
        return f'<div class="file-card"><span class="file-name">{escape(attachment.filename)}</span></div>'
    data = base64.b64encode(attachment.data).decode()
    said = escape(alt or attachment.description or "")
    size = f' width="{attachment.width}" height="{attachment.height}"' if attachment.width else ""
    return f'<img class="frame" alt="{said}"{size} src="data:{attachment.content_type};base64,{data}">'
