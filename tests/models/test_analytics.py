"""Totals, series and change: any question equals the oracle's answer, whoever else is asked about at once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics import (
    ClickChange,
    TimeSeries,
    change,
    timeseries,
    totals,
)
from models.analytics_refusals import InvalidRange, TimedOut, TooManyClicks, TooManyPoints, timed
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_reads import OwnerRange
from models.click_totals import ClickTotals, LinkClicks, of_links
from models.clicks import SlotScope, VisitorKind
from models.database import Database, make_engine
from models.ids import LinkId, WorkspaceId
from models.intervals import TimeInterval
from models.ranges import ClickRange, Days, Period, Span, resolve
from models.retention import forget
from tests import oracle
from tests.clicks_data import Visit, give_links, load, spread, statements_with_values
from tests.clicks_worlds import COUNTRIES, FOREIGN_LINK, FOREIGN_WORKSPACE, LINKS, World, filters, settle, utc, worlds

pytestmark = pytest.mark.database
ONE = WorkspaceId(1)
EVERYTHING = [*LINKS, FOREIGN_LINK, 99]  # a link of another workspace, and one that is not there
NOW = datetime(2026, 11, 21, 12, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DATABASE = settings(deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(DATABASE, max_examples=60, derandomize=True)
THOROUGH = settings(DATABASE, max_examples=2_000)
QUESTIONS = given(world=worlds(), click_filter=st.just(EVERY_CLICK) | filters(), interval=st.sampled_from(TimeInterval))


def owners(asked: ClickRange, *ids: int) -> list[OwnerRange]:
    return [OwnerRange(one, asked) for one in ids]


def expected(world: World, scope: SlotScope, owner: int, click_filter: ClickFilter) -> list[oracle.Told]:
    """The oracle's clicks: of an owner that is not the workspace's, none."""
    link = owner if scope is SlotScope.LINK else None
    if scope is SlotScope.WORKSPACE and owner != ONE:
        return []
    return oracle.among(
        world.clicks,
        start=world.range.start,
        end=world.range.end,
        link_id=link,
        workspace_id=ONE,
        click_filter=click_filter,
    )


async def check(conn: AsyncConnection, world: World, click_filter: ClickFilter, interval: TimeInterval) -> None:
    for scope, ids in ((SlotScope.LINK, EVERYTHING), (SlotScope.WORKSPACE, [ONE, FOREIGN_WORKSPACE])):
        asked = owners(world.range, *ids)
        clicks = [expected(world, scope, owner, click_filter) for owner in ids]

        counted = await totals(conn, workspace_id=ONE, scope=scope, asked=asked, click_filter=click_filter)
        assert counted == [oracle.totals(told) for told in clicks]

        drawn = await timeseries(
            conn, workspace_id=ONE, scope=scope, asked=asked, interval=interval, now=NOW, click_filter=click_filter
        )
        assert [plain(one) for one in drawn] == [walked(told, world.range, interval) for told in clicks]
        assert [one.totals for one in drawn if isinstance(one, TimeSeries)] == counted


def plain(found: object) -> list[tuple[datetime, ClickTotals]]:
    assert isinstance(found, TimeSeries)
    return [(point.start, point.totals) for point in found.points]


def walked(
    clicks: Sequence[oracle.Told], asked: ClickRange, interval: TimeInterval
) -> list[tuple[datetime, ClickTotals]]:
    return oracle.series(clicks, start=asked.start, end=asked.end, zone=asked.zone, interval=interval)


@QUICK
@QUESTIONS
async def test_totals_and_series_equal_the_oracle(
    database: Database, raw: asyncpg.Connection, world: World, click_filter: ClickFilter, interval: TimeInterval
) -> None:
    await settle(raw, world.segments)
    async with database.read() as conn:
        await check(conn, world, click_filter, interval)


@pytest.mark.nightly
@THOROUGH
@QUESTIONS
async def test_totals_and_series_equal_the_oracle_in_full_counts(
    database: Database, raw: asyncpg.Connection, world: World, click_filter: ClickFilter, interval: TimeInterval
) -> None:
    await settle(raw, world.segments)
    async with database.read() as conn:
        await check(conn, world, click_filter, interval)


@settings(DATABASE, max_examples=30, derandomize=True)
@given(world=worlds(), cuts=st.lists(st.integers(1, 400), max_size=4))
async def test_unique_clicks_add_up_over_any_partition(
    database: Database, raw: asyncpg.Connection, world: World, cuts: list[int]
) -> None:
    # given a range cut into pieces anywhere
    await settle(raw, world.segments)
    whole = world.range
    inner = sorted({whole.start + cut * timedelta(minutes=15) for cut in cuts})
    edges = [whole.start, *(edge for edge in inner if edge < whole.end), whole.end]
    pieces = [ClickRange(*pair, whole.zone, Span()) for pair in pairwise(edges)]

    # when
    async with database.read() as conn:
        (everything,) = await totals(conn, workspace_id=ONE, scope=SlotScope.WORKSPACE, asked=owners(whole, ONE))
        by_time = await totals(
            conn,
            workspace_id=ONE,
            scope=SlotScope.WORKSPACE,
            asked=[OwnerRange(ONE, piece) for piece in pieces],
        )
        by_link = await totals(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=owners(whole, *LINKS))
        by_country = [await of_country(conn, whole, country) for country in COUNTRIES]

    # then
    for parts in (by_time, by_link, by_country):
        assert summed(parts) == everything


async def of_country(conn: AsyncConnection, asked: ClickRange, country: str | None) -> object:
    only = ClickFilter(country=(country,))
    scope = SlotScope.WORKSPACE
    (counted,) = await totals(conn, workspace_id=ONE, scope=scope, asked=owners(asked, ONE), click_filter=only)
    return counted


def summed(parts: Sequence[object]) -> ClickTotals:
    total = ClickTotals()
    for part in parts:
        assert isinstance(part, ClickTotals)
        total += part
    return total


async def ask_totals(database: Database, asked: Sequence[OwnerRange], **more: object) -> list[object]:
    async with database.read() as conn:
        return list(await totals(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=asked, **more))  # type: ignore[arg-type]


def ranged(asked: Period | Days, *, created_at: datetime = NOW) -> ClickRange:
    return resolve(asked, zone=BERLIN, now=NOW, created_at=created_at)


async def test_all_time_is_every_click_of_the_link_and_none_of_another_workspace(
    database: Database, raw: asyncpg.Connection
) -> None:
    # given clicks of two workspaces
    await give_links(raw, 1, 2)
    await load(raw, [*spread(utc(2026, 11, 1), 3, every=timedelta(days=1))], segment=1)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 1), link_id=FOREIGN_LINK, workspace_id=2)], segment=2)

    # when
    counted = await ask_totals(database, owners(ranged(Period.ALL_TIME), 1, 2, FOREIGN_LINK))

    # then
    assert counted == [ClickTotals(3, 3, 0), ClickTotals(), ClickTotals()]


async def test_a_link_was_last_clicked_by_a_person(database: Database, raw: asyncpg.Connection) -> None:
    # given a person, then an earlier one in a later segment, then a bot
    await give_links(raw, 2)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 4))], segment=1)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 3))], segment=2)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 5), kind=VisitorKind.HEAD)], segment=3)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 5), link_id=FOREIGN_LINK, workspace_id=2)], segment=4)

    # when
    async with database.read() as conn:
        found = await of_links(conn, workspace_id=ONE, ids=[LinkId(1), LinkId(2), LinkId(3), LinkId(FOREIGN_LINK)])

    # then
    assert found == {1: LinkClicks(ClickTotals(2, 0, 1), utc(2026, 11, 4)), 2: LinkClicks(ClickTotals(), None)}


async def test_each_link_has_its_own_all_time(database: Database, raw: asyncpg.Connection) -> None:
    # given an old link and a new one
    await load(raw, spread(utc(2026, 11, 21, 12), 1, every=timedelta(0), link_id=2), segment=1)
    await give_links(raw, 1)
    asked = [
        OwnerRange(1, ranged(Period.ALL_TIME, created_at=utc(2026, 1, 1))),
        OwnerRange(2, ranged(Period.ALL_TIME, created_at=utc(2026, 11, 21, 11, 50))),
    ]

    # when
    async with database.read() as conn:
        old, new = await timeseries(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=asked, interval=None, now=NOW)

    # then
    assert isinstance(old, TimeSeries)
    assert isinstance(new, TimeSeries)
    assert (old.interval, len(old.points)) == (TimeInterval.MONTH, 11)
    assert (new.interval, len(new.points)) == (TimeInterval.QUARTER_HOUR, 2)
    assert new.points[1].totals.clicks == 1
    assert [point.partial for point in new.points] == [False, True]


async def test_too_many_points_are_refused_of_the_owner_that_has_them(database: Database) -> None:
    # given
    asked = [
        OwnerRange(1, ranged(Days(date(2026, 1, 1), date(2026, 1, 9)))),
        OwnerRange(2, ranged(Days(date(2026, 1, 1), date(2026, 1, 2)))),
    ]

    # when
    async with database.read() as conn:
        many, few = await timeseries(
            conn,
            workspace_id=ONE,
            scope=SlotScope.LINK,
            asked=asked,
            interval=TimeInterval.DAY,
            now=NOW,
            max_points=5,
        )

    # then
    assert isinstance(many, TooManyPoints)
    assert isinstance(few, TimeSeries)


PEOPLE = ClickFilter(kind=(VisitorKind.PERSON,))


@pytest.mark.parametrize("click_filter", [EVERY_CLICK, PEOPLE])
async def test_a_range_has_its_start_and_not_its_end(
    database: Database, raw: asyncpg.Connection, click_filter: ClickFilter
) -> None:
    # given a click at the very start, one a moment before the end, one at it, and one before the start
    start, end, moment = utc(2026, 11, 4), utc(2026, 11, 5), timedelta(microseconds=1)
    await load(raw, [Visit(occurred_at=at) for at in (start - moment, start, end - moment, end)], segment=1)
    asked = ClickRange(start, end, ZoneInfo("UTC"), Span())

    # then
    assert await ask_totals(database, owners(asked, 1), click_filter=click_filter) == [ClickTotals(2, 0, 0)]


async def test_over_the_budget_the_busiest_are_refused(database: Database, raw: asyncpg.Connection) -> None:
    # given links with 5, 3 and 1 clicks
    for link, count in ((1, 5), (2, 3), (3, 1)):
        await load(raw, spread(utc(2026, 11, 20), count, every=timedelta(hours=1), link_id=link), segment=link)
    asked = owners(ranged(Period.LAST_7_DAYS), 1, 2, 3)

    # when
    counted = await ask_totals(database, asked, click_filter=PEOPLE, budget=8)

    # then
    assert isinstance(counted[0], TooManyClicks)
    assert (counted[0].clicks, counted[0].limit) == (5, 8)
    assert counted[1:] == [ClickTotals(3, 3, 0), ClickTotals(1, 1, 0)]


async def test_sums_need_no_budget(database: Database, raw: asyncpg.Connection) -> None:
    await load(raw, spread(utc(2026, 11, 20), 5, every=timedelta(hours=1)), segment=1)

    assert await ask_totals(database, owners(ranged(Period.LAST_7_DAYS), 1), budget=0) == [ClickTotals(5, 5, 0)]


async def test_clicks_no_longer_kept_are_in_sums_and_refused_to_filters(
    database: Database, raw: asyncpg.Connection
) -> None:
    # given a link with old clicks that were dropped, and one with new clicks only
    await load(raw, spread(utc(2026, 5, 4), 4, every=timedelta(hours=1), link_id=1), segment=1)
    await load(raw, spread(utc(2026, 11, 4), 2, every=timedelta(hours=1), link_id=2), segment=2)
    await forget(raw, now=NOW, click_days=100)
    asked = owners(ranged(Days(date(2026, 5, 1), date(2026, 11, 20))), 1, 2)

    # then
    assert await ask_totals(database, asked) == [ClickTotals(4, 4, 0), ClickTotals(2, 2, 0)]
    old, new = await ask_totals(database, asked, click_filter=PEOPLE)
    assert isinstance(old, InvalidRange)
    assert new == ClickTotals(2, 2, 0)


@pytest.mark.parametrize("number", [1, 30])
async def test_a_list_of_owners_is_one_statement(database: Database, raw: asyncpg.Connection, number: int) -> None:
    # given
    await give_links(raw, *range(1, number + 1))
    asked = owners(ranged(Period.LAST_30_DAYS), *range(1, number + 1))

    # when, then
    async with database.read() as conn:
        for click_filter in (EVERY_CLICK, PEOPLE):
            async with statements_with_values(conn) as seen:
                await totals(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=asked, click_filter=click_filter)
                await timeseries(
                    conn,
                    workspace_id=ONE,
                    scope=SlotScope.LINK,
                    asked=asked,
                    interval=None,
                    now=NOW,
                    click_filter=click_filter,
                )
            assert len(seen) == 2


async def test_values_that_cannot_be_stored_match_nothing(database: Database, raw: asyncpg.Connection) -> None:
    await load(raw, spread(utc(2026, 11, 20), 5, every=timedelta(hours=1)), segment=1)
    nonsense = ClickFilter(country=("\0", "\ud800"), referrer=())

    counted = await ask_totals(database, owners(ranged(Period.LAST_7_DAYS), 1), click_filter=nonsense)

    assert counted == [ClickTotals()]


async def test_a_statement_that_takes_too_long_is_told_apart(database_url: str) -> None:
    store = Database(make_engine(database_url, server_settings={"statement_timeout": "50"}))
    try:
        async with store.read() as conn:
            with pytest.raises(TimedOut), timed():
                await conn.execute(text("select pg_sleep(60)"))
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("now", "earlier", "expected"),
    [
        (ClickTotals(5, 4, 1), ClickTotals(4, 8, 9), ClickChange(0.25, -0.5)),
        (ClickTotals(5, 4, 1), ClickTotals(), ClickChange(None, None)),
        (ClickTotals(), ClickTotals(4, 0, 0), ClickChange(-1.0, None)),
    ],
)
def test_change_is_relative_to_the_earlier_value(now: ClickTotals, earlier: ClickTotals, expected: ClickChange) -> None:
    assert change(now=now, earlier=earlier) == expected
