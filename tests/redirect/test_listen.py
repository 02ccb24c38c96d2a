"""LISTEN lost, cut or not understood: nothing outdated is served for long."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from redirect.config import RedirectConfig
from tests.proxy import PostgresProxy
from tests.redirect.house import NEW, OLD, PATIENT, Clock, Owner, Visitor

pytestmark = pytest.mark.database


async def test_without_listen_a_link_is_asked_for_again_after_five_seconds(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    await owner.make("abc")
    direct_proxy.refuse()
    async with Visitor(replace(far, start_within=0.0)) as visitor:
        assert await visitor.visit("abc") == OLD
        await owner.deactivate("abc")
        clock.now += 5.0
        assert await visitor.visit("abc") == OLD
        clock.now += 0.1
        assert await visitor.visit("abc") == 410


async def test_listen_cut_silently_is_noticed(
    owner: Owner, far: RedirectConfig, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    await owner.make("abc")
    async with Visitor(replace(far, reconnect_every=PATIENT)) as visitor:
        assert await visitor.visit("abc") == OLD
        direct_proxy.cut_silently()
        await owner.deactivate("abc")
        clock.now += 2.1
        assert not visitor.door.is_listening()
        clock.now += 5.0
        assert await visitor.visit("abc") == 410


async def test_listen_comes_back_by_itself(owner: Owner, config: RedirectConfig, direct_proxy: PostgresProxy) -> None:
    await owner.make("abc")
    config = replace(config, direct_database_url=direct_proxy.url, lost_after=0.5)
    async with Visitor(config) as visitor:
        assert await visitor.visit("abc") == OLD
        direct_proxy.cut_silently()
        await visitor.listens(expected=False)
        await visitor.listens()
        await owner.retarget("abc")
        await visitor.sees("abc", NEW)


async def test_a_change_heard_while_the_link_is_asked_for_again_is_not_answered_with_the_old(
    owner: Owner, far: RedirectConfig, proxy: PostgresProxy, direct_proxy: PostgresProxy, clock: Clock
) -> None:
    async with Visitor(replace(far, pool_size=1)) as visitor:
        for code, ending, outcome in (("abc", proxy.release_replies, 410), ("def", proxy.refuse, 503)):
            # given: a link that has to be asked for again, and an answer from before the change that is late
            await owner.make(code)
            assert await visitor.visit(code) == OLD
            direct_proxy.refuse()
            await visitor.listens(expected=False)
            clock.now += 10.0
            proxy.hold_replies()
            visit = asyncio.create_task(visitor.visit(code))
            await proxy.until_held()
            # when: the change is heard
            direct_proxy.restore()
            await visitor.listens()
            await owner.deactivate(code)
            await visitor.drops(code)
            ending()
            # then
            assert await visit == outcome


async def test_a_notification_nobody_understands_outdates_everything(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    assert await visitor.visit("abc") == OLD
    async with owner.database.write() as session:
        await session.execute(text("update link set destination_url = :new"), {"new": NEW})
        await session.execute(text("select pg_notify('kurz_link', '')"))
    await visitor.sees("abc", NEW)
