"""A server's rules as text."""

from bot.service.rules import Rules


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
