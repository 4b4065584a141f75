"""The contracts of settings and usage, for the stores in SQLite and those in memory."""

import pytest

from storage.ledger import QueueLimits
from storage.preferences import Preference, Scope
from synid_engine.serving.fair_queue import FairCounters
from synid_engine.serving.messages import Beat, Job, JobKind

from .stores import StillClock, Stores, submission


@pytest.mark.parametrize("value", ["flat", "", "🦊", 3, 2.5, True, False])
async def test_setting_comes_back_as_it_was(stores: Stores, value: Preference) -> None:
    await stores.preferences.put(Scope.USER, 1, "style", value)
    found = await stores.preferences.of(Scope.USER, 1)
    assert found == {"style": value}
    assert type(found["style"]) is type(value)


async def test_settings_of_users_and_servers_are_apart(stores: Stores) -> None:
    await stores.preferences.put(Scope.USER, 1, "style", "flat")
    await stores.preferences.put(Scope.SERVER, 1, "style", "ink")
    await stores.preferences.put(Scope.USER, 2, "style", "oil")
    assert await stores.preferences.of(Scope.USER, 1) == {"style": "flat"}
    assert await stores.preferences.of(Scope.SERVER, 1) == {"style": "ink"}
    assert await stores.preferences.of(Scope.SERVER, 2) == {}


async def test_setting_can_be_changed_reset_and_forgotten(stores: Stores) -> None:
    for name, value in (("style", "flat"), ("style", "ink"), ("public", True), ("limit", 3)):
        await stores.preferences.put(Scope.USER, 1, name, value)
    assert list(await stores.preferences.of(Scope.USER, 1)) == ["limit", "public", "style"]
    await stores.preferences.reset(Scope.USER, 1, "public")
    await stores.preferences.reset(Scope.USER, 1, "unknown")
    assert await stores.preferences.of(Scope.USER, 1) == {"limit": 3, "style": "ink"}
    await stores.preferences.forget(Scope.USER, 1)
    assert await stores.preferences.of(Scope.USER, 1) == {}


async def leased(stores: Stores, key: str, engine_ms: float) -> Job:
    job = await stores.jobs.submit(submission(key), QueueLimits())
    held = await stores.jobs.lease(job.id, engine="e1")
    assert held is not None
    await stores.jobs.heartbeat([Beat(lease=held.lease, engine_ms=engine_ms)])
    return await stores.jobs.get(job.id)


async def test_usage_of_a_lease_counts_once(stores: Stores) -> None:
    job = await leased(stores, "a", 300.0)
    for spent_ms in (300.0, 300.0, 100.0, 400.0):
        await stores.usage.record(job.model_copy(update={"lease_ms": spent_ms}))
    [usage] = await stores.usage.of_owner(1, since=0.0)
    assert (usage.kind, usage.jobs, usage.engine_ms) == (JobKind.RENDER, 1, 400.0)


async def test_usage_adds_up_over_leases_and_jobs(stores: Stores, clock: StillClock) -> None:
    job = await leased(stores, "a", 300.0)
    await stores.usage.record(job)
    await stores.usage.record(job.model_copy(update={"fence": 2, "lease_ms": 50.0}))
    clock.advance(60)
    await stores.usage.record(await leased(stores, "b", 7.0))
    [usage] = await stores.usage.of_owner(1, since=0.0)
    assert (usage.jobs, usage.engine_ms) == (2, 357.0)
    [recent] = await stores.usage.of_owner(1, since=clock.now)
    assert (recent.jobs, recent.engine_ms) == (1, 7.0)
    assert await stores.usage.of_owner(2, since=0.0) == []


async def test_fair_counters_never_fall(stores: Stores) -> None:
    assert await stores.usage.counters() == FairCounters()
    await stores.usage.save_counter(1, virtual_ms=50.0, floor_ms=10.0)
    await stores.usage.save_counter(1, virtual_ms=40.0, floor_ms=5.0)
    await stores.usage.save_counter(2, virtual_ms=15.0, floor_ms=20.0)
    assert await stores.usage.counters() == FairCounters(floor_ms=20.0, by_owner={1: 50.0, 2: 15.0})


async def test_counters_below_the_level_are_forgotten_and_the_level_is_not(stores: Stores) -> None:
    await stores.usage.save_counter(1, virtual_ms=50.0, floor_ms=10.0)
    await stores.usage.save_counter(2, virtual_ms=12.0, floor_ms=12.0)
    await stores.usage.save_counter(3, virtual_ms=15.0, floor_ms=20.0)
    await stores.usage.forget_level_counters()
    assert await stores.usage.counters() == FairCounters(floor_ms=20.0, by_owner={1: 50.0, 3: 15.0})
