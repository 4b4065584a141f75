from bot.loopback.driver import LoopbackDiscord
from bot.playground.scene import furnish


async def test_people_and_places_are_the_same_each_time_and_nothing_else_has_their_ids() -> None:
    first, second = LoopbackDiscord(), LoopbackDiscord()
    one, other = furnish(first), furnish(second)
    assert [one.mia.id, one.guild.id, one.night.id] == [other.mia.id, other.guild.id, other.night.id]
    known = {*first.world.users, *first.world.channels, *first.world.guilds}
    assert len(known) == len(first.world.users) + len(first.world.channels) + len(first.world.guilds)
    assert first.world.ids.next() > max(known)
