"""Changes reach the visitors, also those that happen while the link is being read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from redirect.config import RedirectConfig
from tests.eventually import eventually
from tests.proxy import PostgresProxy
from tests.redirect.house import NEW, OLD, Owner, Visitor

pytestmark = pytest.mark.database


@pytest.fixture
async def far_visitor(owner: Owner, config: RedirectConfig, proxy: PostgresProxy) -> AsyncIterator[Visitor]:
    """Visits a door whose only connection for look-ups goes through `proxy`; LISTEN is direct."""
    async with Visitor(replace(config, database_url=proxy.url, pool_size=1)) as visitor:
        yield visitor


async def test_changes_to_a_cached_link_are_followed(owner: Owner, visitor: Visitor) -> None:
    await owner.make("abc")
    await visitor.sees("abc", OLD)
    await owner.retarget("abc")
    await visitor.sees("abc", NEW)
    await owner.deactivate("abc")
    await visitor.sees("abc", 410)
    await owner.reactivate("abc")
    await visitor.sees("abc", NEW)


async def test_a_link_made_elsewhere_is_soon_known(owner: Owner, visitor: Visitor) -> None:
    assert await visitor.visit("abc") == 404
    await owner.make("abc")
    await visitor.sees("abc", OLD)


async def test_a_link_made_here_is_known_at_once(owner: Owner, config: RedirectConfig) -> None:
    async with Visitor(replace(config, unknown_for=3_600.0)) as visitor:
        assert await visitor.visit("abc") == 404
        await owner.make("abc")
        assert await visitor.visit("abc") == 404
        visitor.door.forget("abc")
        assert await visitor.visit("abc") == OLD


async def test_a_link_made_while_its_code_is_being_read_is_known(
    owner: Owner, config: RedirectConfig, proxy: PostgresProxy
) -> None:
    async with Visitor(replace(config, database_url=proxy.url, unknown_for=3_600.0)) as visitor:
        reading = await read_and_hold(visitor, proxy, "abc")
        await owner.make("abc")
        visitor.door.forget("abc")
        proxy.release_replies()
        assert await reading == OLD
        assert await visitor.visit("abc") == OLD


async def read_and_hold(visitor: Visitor, proxy: PostgresProxy, code: str) -> "asyncio.Task[str | int]":
    """A visit whose answer from the database is under way and does not arrive."""
    await visitor.visit("prepares")  # else the held answer would be that to preparing the statement
    proxy.hold_replies()
    visit = asyncio.create_task(visitor.visit(code))
    await proxy.until_held()
    return visit


@pytest.mark.parametrize(("change", "outcome"), [("retarget", NEW), ("deactivate", 410)])
async def test_an_answer_older_than_a_change_is_neither_given_nor_kept(
    owner: Owner, far_visitor: Visitor, proxy: PostgresProxy, change: str, outcome: str | int
) -> None:
    # given: a link that was read before the change, and the answer is late
    await owner.make("abc")
    await owner.make("heard")
    await far_visitor.visit("heard")
    reading = await read_and_hold(far_visitor, proxy, "abc")
    # when: it changes, and that is heard
    await getattr(owner, change)("abc")
    await owner.deactivate("heard")
    await far_visitor.drops("heard")
    proxy.release_replies()
    # then
    assert await reading == outcome
    assert await far_visitor.visit("abc") == outcome


async def test_who_asks_together_is_answered_by_one_statement(
    owner: Owner, far_visitor: Visitor, proxy: PostgresProxy
) -> None:
    codes = [f"abc{number}" for number in range(30)]
    for code in codes:
        await owner.make(code)
    await far_visitor.visit("prepares")
    before = proxy.statements
    visits = [far_visitor.visit(code) for code in codes * 10]
    assert await asyncio.gather(*visits) == [OLD] * 300
    assert proxy.statements - before == 1


async def test_who_asks_while_the_database_is_busy_waits_for_one_statement(
    owner: Owner, far_visitor: Visitor, proxy: PostgresProxy
) -> None:
    codes = [f"abc{number}" for number in range(30)]
    for code in codes:
        await owner.make(code)
    first = await read_and_hold(far_visitor, proxy, "abc0")
    before = proxy.statements
    visits = []
    for code in codes:
        visits.append(asyncio.create_task(far_visitor.visit(code)))
        await asyncio.sleep(0)
    proxy.release_replies()
    assert await asyncio.gather(first, *visits) == [OLD] * 31
    assert proxy.statements - before == 1


async def test_a_changed_link_is_fetched_before_it_is_asked_for(
    owner: Owner, far_visitor: Visitor, proxy: PostgresProxy
) -> None:
    await owner.make("abc")
    await far_visitor.sees("abc", OLD)
    before = proxy.statements
    await owner.retarget("abc")

    async def is_fetched() -> bool:
        return proxy.statements > before and far_visitor.door.is_cached("abc")

    await eventually(is_fetched)
    proxy.refuse()
    assert await far_visitor.visit("abc") == NEW
