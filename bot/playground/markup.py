"""Discord's Markdown as HTML or as plain words, as far as cards need it. Whatever is written stays text."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape

_HEADING = re.compile(r"(#{1,3})\s+(.*)")
_SMALL = "-# "
_TOKEN = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<t:(?P<seconds>\d{1,11})(?::[tTdDfFR])?>"
    r"|<@!?(?P<user>\d{1,20})>"
    r"|<#(?P<channel>\d{1,20})>"
    r"|`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<strong>(?:[^*\n\\]|\\.|\*(?!\*))+)\*\*"
    r"|\*(?P<em>(?:[^*\n\\\s]|\\.)(?:[^*\n\\]|\\.)*)\*"
)


def to_html(text: str, names: Mapping[int, str]) -> str:
    """Return Markdown as HTML.

    Args:
        text: What was written.
        names: What the people and channels are called that it may mention.
    """
    return "".join(_line(line, names) for line in text.split("\n"))


def to_plain(text: str, names: Mapping[int, str], *, now: float) -> str:
    """Return Markdown as words on one line, moments counted from `now`."""

    def token(found: re.Match[str]) -> str:
        if found["seconds"]:
            return _counted(int(found["seconds"]) - now)
        words = found["escaped"] or found["code"] or found["strong"] or found["em"]
        if words is not None:
            return words if found["escaped"] or found["code"] else _TOKEN.sub(token, words)
        return _mention(found, names)

    lines = (_bare(line) for line in text.split("\n"))
    return ". ".join(_TOKEN.sub(token, line) for line in lines if line.strip())


def _bare(line: str) -> str:
    heading = _HEADING.fullmatch(line)
    return heading[2] if heading else line.removeprefix(_SMALL)


def _counted(seconds: float) -> str:
    return "now" if abs(seconds) < 1 else f"in {seconds:.0f} s" if seconds > 0 else f"{-seconds:.0f} s ago"


def _line(line: str, names: Mapping[int, str]) -> str:
    heading = _HEADING.fullmatch(line)
    inner = _inline(_bare(line), names)
    if heading:
        return f'<p class="size-{len(heading[1])}">{inner}</p>'
    return f'<p class="subtext">{inner}</p>' if line.startswith(_SMALL) else f"<p>{inner}</p>"


def _inline(text: str, names: Mapping[int, str]) -> str:
    """Return a line with everything in it that Markdown means."""
    pieces: list[str] = []
    end = 0
    for found in _TOKEN.finditer(text):
        pieces += [escape(text[end : found.start()]), _token(found, names)]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])


def _token(found: re.Match[str], names: Mapping[int, str]) -> str:
    kinds: dict[str, Callable[[str], str]] = {
        "escaped": escape,
        "seconds": lambda seconds: _moment(int(seconds)),
        "code": lambda code: f"<code>{escape(code)}</code>",
        "strong": lambda inner: f"<strong>{_inline(inner, names)}</strong>",
        "em": lambda inner: f"<em>{_inline(inner, names)}</em>",
    }
    kind = found.lastgroup or ""
    if kind in kinds:
        return kinds[kind](found[kind])
    return f'<span class="mention">{escape(_mention(found, names))}</span>'


def _mention(found: re.Match[str], names: Mapping[int, str]) -> str:
    mark, number = ("@", found["user"]) if found["user"] else ("#", found["channel"])
    return mark + names.get(int(number), "unknown")


def _moment(seconds: int) -> str:
    when = datetime.fromtimestamp(seconds, UTC)
    return f'<time class="moment" datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M} UTC</time>'
