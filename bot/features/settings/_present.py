"""A server's rules as text."""

from collections.abc import Sequence

from bot import prose
from bot.service.rules import Rules
from storage.moderation import EntryRecord, Kind

MOST_LOGGED = 10
_REASONS = {
    "minors": "sexual, of minors",
    "sexual": "sexual",
    "listed": "a word that is not allowed",
    "unjudged": "nobody has looked at it",
}


def rules_text(rules: Rules) -> str:
    """Return what is set."""
    channels = ", ".join(f"<#{one}>" for one in rules.channels) or "all"
    role = "none" if rules.role_id is None else f"<@&{rules.role_id}>"
    limit = "the bot's own" if rules.limit is None else str(rules.limit)
    covers = "always, outside of age-restricted channels" if rules.covers else "as the members wish"
    return "\n".join(
        [
            "### Rules of this server",
            f"Open channels: {channels}",
            f"Role that is asked for: {role}",
            f"Unfinished requests of a member: {limit}",
            f"Spoilers: {covers}",
        ]
    )


def log_text(entries: Sequence[EntryRecord]) -> str:
    """Return what was refused or withheld, newest first."""
    if not entries:
        return "Nothing has been refused or withheld in this server."
    return "\n".join(["### Refused or withheld", *(_entry(one) for one in entries)])


def _entry(entry: EntryRecord) -> str:
    who, when = f"<@{entry.owner_id}>", prose.soon(entry.noted_at)
    reason = _REASONS.get(entry.reason, entry.reason)
    if entry.kind is Kind.TEXT:
        return f"- {when} {who}: {reason}: {prose.shown(entry.detail, longest=80)}"
    score = "" if entry.score is None else f" ({entry.score:.2f})"
    return f"- {when} {who}: a picture, {reason}{score}"
