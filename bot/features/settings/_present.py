"""A server's rules as text."""

from collections.abc import Sequence

from bot import prose
from bot.service.rules import Rules
from bot.tongue import mark, say
from storage.moderation import EntryRecord, Kind

MOST_LOGGED = 10
_REASONS = {
    "minors": mark("sexual, of minors"),
    "sexual": mark("sexual"),
    "listed": mark("a word that is not allowed"),
    "unjudged": mark("nobody has looked at it"),
}


def rules_text(rules: Rules) -> str:
    """Return what is set."""
    channels = ", ".join(f"<#{one}>" for one in rules.channels) or say("all")
    role = say("none") if rules.role_id is None else f"<@&{rules.role_id}>"
    limit = say("the bot's own") if rules.limit is None else str(rules.limit)
    covers = say("always, outside of age-restricted channels") if rules.covers else say("as the members wish")
    return "\n".join(
        [
            say("### Rules of this server"),
            say("Open channels: {channels}", channels=channels),
            say("Role that is asked for: {role}", role=role),
            say("Unfinished requests of a member: {limit}", limit=limit),
            say("Spoilers: {covers}", covers=covers),
        ]
    )


def log_text(entries: Sequence[EntryRecord]) -> str:
    """Return what was refused or withheld, newest first."""
    if not entries:
        return say("Nothing has been refused or withheld in this server.")
    return "\n".join([say("### Refused or withheld"), *(_entry(one) for one in entries)])


def _entry(entry: EntryRecord) -> str:
    who, when = f"<@{entry.owner_id}>", prose.soon(entry.noted_at)
    reason = say(_REASONS.get(entry.reason, entry.reason))
    if entry.kind is Kind.TEXT:
        return f"- {when} {who}: {reason}: {prose.shown(entry.detail, longest=80)}"
    score = "" if entry.score is None else f" ({entry.score:.2f})"
    picture = say("a picture")
    return f"- {when} {who}: {picture}, {reason}{score}"
