"""A Discord-shaped server on one machine, strict like the real one, for the unmodified discord.py client.

`driver.LoopbackDiscord` starts it, `scenery` fills it, `person` acts in it, `faults` and `gateway` break
it. It knows nothing about the bot that runs against it.

What Discord has and this does not model is refused, never faked: routes with status 501, fields of a
message with the same, gateway operations for voice and member lists with close code 4001. That is voice,
stickers, polls, forwarding, reactions, pins, invites, webhooks of channels, bans, forums, stages, scheduled
events, emojis, audit logs, auto-moderation, monetisation, activities, command permissions per role, several
shards and several applications. Likewise absent: the limits on logins (1,000 a day, one in five seconds),
slow mode, avatars that somebody chose, `file_types` of uploads, compression with zstd (frames then go out
plain), and what Discord writes into messages by itself: previews of links and notices of joins.
"""
