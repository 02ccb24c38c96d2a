"""PostgreSQL away, slow or deaf: known links go on, nothing unknown is called missing, nothing outdated outlives it."""

import asyncio
from dataclasses import replace

import pytest

from redirect.config import RedirectConfig
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.redirect.house import NEW, OLD, PATIENT, Clock, Owner, Visitor

pytestmark = pytest.mark.database


async def test_known_links_go_on_while_the_database_is_away_and_are_current_afterwards(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    for code in ("edited", "off", "same", "cold"):
        await owner.make(code)
    async with Visitor(far) as visitor:
        assert [await visitor.visit(code) for code in ("edited", "off", "same")] == [OLD] * 3
        # when: the database goes away, and others change links meanwhile
        proxy.refuse()
        direct_proxy.refuse()
        await visitor.listens(expected=False)
        await owner.retarget("edited")
        await owner.deactivate("off")
        # then: what is cached redirects at any age, and what is not cannot be known
        for seconds in (1.0, 10.0, 3_600.0):
            clock.now += seconds
            answers = [await visitor.visit(code) for code in ("edited", "off", "same", "cold", "nosuchcode")]
            assert answers == [OLD, OLD, OLD, 503, 503]
        # and afterwards nothing is older than the outage, although not a second has passed for the breaker
        proxy.restore()
        direct_proxy.restore()
        await visitor.listens()
        answers = [await visitor.visit(code) for code in ("edited", "off", "same", "cold", "nosuchcode")]
        assert answers == [NEW, 410, OLD, OLD, 404]


async def test_nothing_is_served_beyond_the_longest_staleness(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    await owner.make("abc")
    async with Visitor(replace(far, max_stale=600.0)) as visitor:
        # given: a link that was read long ago and is current, as heartbeats say
        await visitor.visit("abc")
        for seconds in (10_000.0, 3.0):  # twice, as the first heartbeat heard may have been sent before the leap
            clock.now += seconds
            await visitor.listens()
        # when: the database goes away
        proxy.refuse()
        direct_proxy.refuse()
        await visitor.listens(expected=False)
        # then: staleness counts from the last heartbeat, not from the read
        clock.now += 590.0
        assert await visitor.visit("abc") == OLD
        clock.now += 11.0
        assert await visitor.visit("abc") == 503


async def test_a_change_that_was_heard_is_never_undone_by_an_outage(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy
) -> None:
    await owner.make("abc")
    async with Visitor(far) as visitor:
        assert await visitor.visit("abc") == OLD
        proxy.refuse()
        await owner.deactivate("abc")
        await visitor.sees("abc", 503)
        proxy.restore()
        await visitor.sees("abc", 410)


async def test_a_link_changed_right_after_an_outage_is_answered(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy
) -> None:
    await owner.make("abc")
    async with Visitor(far) as visitor:
        assert await visitor.visit("abc") == OLD
        proxy.refuse()
        direct_proxy.refuse()
        await visitor.listens(expected=False)
        assert await visitor.visit("cold") == 503
        proxy.restore()
        direct_proxy.restore()
        await visitor.listens()
        # The clock stands still: nothing but what was heard can have closed the breaker.
        await owner.retarget("abc")
        outcomes = {await visitor.visit("abc")}
        await visitor.sees("abc", NEW)
        assert outcomes <= {OLD, NEW}


async def test_a_slow_database_still_answers_who_has_no_other_answer(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, clock: Clock
) -> None:
    for code in ("cached", "cold", "colder"):
        await owner.make(code)
    async with Visitor(replace(far, revalidate_within=0.001, reconnect_every=PATIENT)) as visitor:
        assert await visitor.visit("cached") == OLD
        proxy.reply_delay = 0.2
        assert await visitor.visit("cold") == OLD
        assert await visitor.visit("colder") == OLD
        assert await visitor.visit("nosuchcode") == 404


async def test_a_slow_database_keeps_no_one_waiting_who_has_an_older_answer(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    await owner.make("abc")
    async with Visitor(replace(far, revalidate_within=0.01)) as visitor:
        assert await visitor.visit("abc") == OLD
        direct_proxy.refuse()
        await visitor.listens(expected=False)
        await owner.retarget("abc")
        proxy.hold_replies()
        clock.now += 10.0
        assert await visitor.visit("abc") == OLD
        proxy.release_replies()
        await visitor.sees("abc", NEW)


async def test_a_deaf_database_is_given_up_on(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy
) -> None:
    await owner.make("cold")
    async with Visitor(replace(far, miss_within=0.2)) as visitor:
        proxy.go_deaf()
        assert await visitor.visit("cold") == 503
        proxy.restore()
        await visitor.sees("cold", OLD)


async def test_a_connection_that_broke_while_idle_costs_nobody_an_answer(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy
) -> None:
    for code in ("one", "two"):
        await owner.make(code)
    async with Visitor(far) as visitor:
        assert await visitor.visit("one") == OLD
        proxy.refuse()
        proxy.restore()
        assert await visitor.visit("two") == OLD


async def test_a_door_opens_without_a_database_and_finds_it_later(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy
) -> None:
    await owner.make("abc")
    proxy.refuse()
    direct_proxy.refuse()
    async with Visitor(replace(far, start_within=0.0, probe_every=0.05)) as visitor:
        assert await visitor.visit("abc") == 503
        assert visitor.door.readiness() is not None
        proxy.restore()

        async def is_ready() -> bool:
            return visitor.door.readiness() is None

        await eventually(is_ready)
        await visitor.sees("abc", OLD)
        proxy.refuse()
        assert await visitor.visit("abc") == OLD
        assert visitor.door.readiness() is None  # cached links go on


async def test_a_database_that_was_not_set_up_is_no_reason_to_call_links_unknown(config: RedirectConfig) -> None:
    async with Visitor(replace(config, start_within=0.0)) as visitor:
        assert await visitor.visit("abc") == 503
        assert visitor.door.readiness() is not None


async def test_a_door_closes_while_visitors_wait(owner: Owner, far: RedirectConfig, proxy: PostgresProxy) -> None:
    async with Visitor(far) as visitor:
        await visitor.visit("prepares")
        proxy.hold_replies()
        visits = [asyncio.create_task(visitor.visit(f"cold{number}")) for number in range(5)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*visits) == [503] * 5
