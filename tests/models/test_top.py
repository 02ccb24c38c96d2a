"""Top values: equal to the oracle's with and without the day cache, several of them in one scan."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from models import click_days
from models.analytics_refusals import AnalyticsRefused, InvalidRange, TooManyClicks
from models.click_dimensions import ClickDimension
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_reads import OwnerRange
from models.click_totals import ClickTotals
from models.clicks import SlotScope, VisitorKind
from models.database import Database
from models.ids import WorkspaceId
from models.ranges import ClickRange, Days, resolve
from models.retention import forget
from models.top import ClickMetric, DimensionRow, TopAsked, TopValues, top
from tests import oracle
from tests.clicks_data import Visit, give_links, load, spread, statements_with_values
from tests.clicks_worlds import FOREIGN_LINK, FOREIGN_WORKSPACE, LINKS, World, filters, settle, utc, worlds

pytestmark = pytest.mark.database
ONE = WorkspaceId(1)
UTC_ZONE = ZoneInfo("UTC")
NOW = utc(2026, 11, 21, 12, 7)
LONG_AFTER = utc(2027, 6, 1)
DATABASE = settings(deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(DATABASE, max_examples=60, derandomize=True)
THOROUGH = settings(DATABASE, max_examples=2_000)
WISHES = st.lists(
    st.builds(
        TopAsked, st.sampled_from(ClickDimension), first=st.integers(0, 4), order_by=st.sampled_from(ClickMetric)
    ),
    min_size=1,
    max_size=3,
)
QUESTIONS = given(world=worlds(), click_filter=st.just(EVERY_CLICK) | filters(), wanted=WISHES)
SCOPES = (
    (SlotScope.LINK, [*LINKS, FOREIGN_LINK, 99]),
    (SlotScope.WORKSPACE, [ONE, FOREIGN_WORKSPACE]),
)


def expected(
    world: World, scope: SlotScope, owner: int, click_filter: ClickFilter, wanted: list[TopAsked]
) -> tuple[TopValues, ...]:
    clicks = oracle.among(
        world.clicks,
        start=world.range.start,
        end=world.range.end,
        link_id=owner if scope is SlotScope.LINK else None,
        workspace_id=ONE,
        click_filter=click_filter,
    )
    mine = scope is SlotScope.LINK or owner == ONE
    return tuple(oracle.top(clicks if mine else [], one) for one in wanted)


async def check(conn: AsyncConnection, world: World, click_filter: ClickFilter, wanted: list[TopAsked]) -> None:
    for scope, ids in SCOPES:
        answers = [expected(world, scope, owner, click_filter, wanted) for owner in ids]
        for cached in (True, False):
            found = await top(
                conn,
                workspace_id=ONE,
                scope=scope,
                asked=[OwnerRange(owner, world.range) for owner in ids],
                wanted=wanted,
                click_filter=click_filter,
                cached=cached,
            )
            assert found == answers, (scope, cached)


async def cache_all(raw: asyncpg.Connection) -> None:
    chosen = await click_days.candidates(raw, first=date(2026, 1, 1), now=LONG_AFTER, at_least=1)
    assert await click_days.build(raw, chosen) == len(chosen)


@QUICK
@QUESTIONS
async def test_top_equals_the_oracle_with_the_cache_on_and_off(
    database: Database,
    raw: asyncpg.Connection,
    world: World,
    click_filter: ClickFilter,
    wanted: list[TopAsked],
) -> None:
    # given a world whose days were cached before its last segment came
    *early, late = world.segments
    await settle(raw, early)
    await cache_all(raw)
    await load(raw, late, segment=len(early))

    # then
    async with database.read() as conn:
        await check(conn, world, click_filter, wanted)

    # and also once all of it is cached, on some days without a dimension
    await cache_all(raw)
    await raw.execute(
        "update click_day set dimensions = dimensions - 'COUNTRY' where extract(day from day)::int % 2 = 0"
    )
    async with database.read() as conn:
        await check(conn, world, click_filter, wanted)


@pytest.mark.nightly
@THOROUGH
@QUESTIONS
async def test_top_equals_the_oracle_in_full_counts(
    database: Database,
    raw: asyncpg.Connection,
    world: World,
    click_filter: ClickFilter,
    wanted: list[TopAsked],
) -> None:
    *early, late = world.segments
    await settle(raw, early)
    await cache_all(raw)
    await load(raw, late, segment=len(early))
    async with database.read() as conn:
        await check(conn, world, click_filter, wanted)


def days(first: date, last: date) -> ClickRange:
    return resolve(Days(first, last), zone=UTC_ZONE, now=NOW, created_at=NOW)


async def ask(
    database: Database, asked: list[OwnerRange], *wanted: TopAsked, **more: object
) -> list[tuple[TopValues | AnalyticsRefused, ...]]:
    async with database.read() as conn:
        return await top(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=asked, wanted=wanted, **more)  # type: ignore[arg-type]


NOVEMBER = days(date(2026, 11, 1), date(2026, 11, 20))
COUNTRY = TopAsked(ClickDimension.COUNTRY, first=1)


async def test_the_rest_is_other_and_shares_are_of_the_ordering_metric(
    database: Database, raw: asyncpg.Connection
) -> None:
    # given three clicks from one country, one from another, and a bot
    await load(
        raw,
        [
            *[Visit(occurred_at=utc(2026, 11, 4, hour), country="DE") for hour in range(3)],
            Visit(occurred_at=utc(2026, 11, 4), visitor=1),
            Visit(occurred_at=utc(2026, 11, 4), country="US", kind=VisitorKind.CRAWLER, bot="Googlebot"),
        ],
        segment=1,
    )

    # when
    (answer,) = await ask(
        database,
        [OwnerRange(1, NOVEMBER)],
        COUNTRY,
        TopAsked(ClickDimension.COUNTRY, first=5),
        TopAsked(ClickDimension.BOT, order_by=ClickMetric.BOT_CLICKS),
    )

    # then a value without any of the metric is no row
    german = DimensionRow("DE", ClickTotals(3, 0, 0), 0.75)
    assert answer == (
        TopValues((german,), ClickTotals(1, 1, 1)),
        TopValues((german, DimensionRow(None, ClickTotals(1, 1, 0), 0.25)), ClickTotals(0, 0, 1)),
        TopValues((DimensionRow("Googlebot", ClickTotals(0, 0, 1), 1.0),), ClickTotals(4, 1, 0)),
    )


async def test_several_dimensions_of_several_owners_are_one_statement(
    database: Database, raw: asyncpg.Connection
) -> None:
    await give_links(raw, *range(1, 31))

    async with database.read() as conn:
        for click_filter in (EVERY_CLICK, ClickFilter(country=(None,))):
            async with statements_with_values(conn) as seen:
                await top(
                    conn,
                    workspace_id=ONE,
                    scope=SlotScope.LINK,
                    asked=[OwnerRange(link, NOVEMBER) for link in range(1, 31)],
                    wanted=[TopAsked(dimension) for dimension in ClickDimension],
                    click_filter=click_filter,
                )
            assert len(seen) == 1


async def test_cached_days_cost_no_budget(database: Database, raw: asyncpg.Connection) -> None:
    # given a busy day that is cached, and a click on the day after
    await load(raw, spread(utc(2026, 11, 4), 20, every=timedelta(minutes=1)), segment=1)
    await cache_all(raw)
    await load(raw, spread(utc(2026, 11, 5), 1, every=timedelta(0)), segment=2)
    asked = [OwnerRange(1, NOVEMBER)]

    # when
    ((kept,),) = await ask(database, asked, COUNTRY, budget=1)
    ((read,),) = await ask(database, asked, COUNTRY, budget=1, cached=False)

    # then
    assert kept == TopValues((DimensionRow(None, ClickTotals(21, 21, 0), 1.0),), ClickTotals())
    assert isinstance(read, TooManyClicks)


async def test_clicks_no_longer_kept_are_answered_from_the_cache_or_refused(
    database: Database, raw: asyncpg.Connection
) -> None:
    # given two old links, one of them cached, whose clicks were dropped
    await load(raw, spread(utc(2026, 5, 4), 20, every=timedelta(minutes=1), link_id=1), segment=1)
    await load(raw, spread(utc(2026, 5, 4), 2, every=timedelta(minutes=1), link_id=2), segment=2)
    busy = await click_days.candidates(raw, first=date(2026, 1, 1), now=LONG_AFTER, at_least=20)
    await click_days.build(raw, busy)
    await forget(raw, now=NOW, click_days=100)

    # when
    may = days(date(2026, 5, 1), date(2026, 5, 31))
    (cached,), (gone,) = await ask(database, [OwnerRange(1, may), OwnerRange(2, may)], COUNTRY)

    # then
    assert cached == TopValues((DimensionRow(None, ClickTotals(20, 20, 0), 1.0),), ClickTotals())
    assert isinstance(gone, InvalidRange)


async def test_a_dimension_with_too_many_values_to_cache_is_refused_alone(
    database: Database, raw: asyncpg.Connection
) -> None:
    # given a cached day, from whose row the referrers were left out
    await load(raw, spread(utc(2026, 11, 4), 20, every=timedelta(minutes=1)), segment=1)
    await cache_all(raw)
    await raw.execute("update click_day set dimensions = dimensions - 'REFERRER'")
    asked = [OwnerRange(1, NOVEMBER), OwnerRange(99, NOVEMBER)]

    # when
    busy, idle = await ask(database, asked, COUNTRY, TopAsked(ClickDimension.REFERRER), COUNTRY, budget=1)

    # then
    country = TopValues((DimensionRow(None, ClickTotals(20, 20, 0), 1.0),), ClickTotals())
    assert isinstance(busy[1], TooManyClicks)
    assert (busy[0], busy[2]) == (country, country)
    assert idle == (TopValues((), ClickTotals()),) * 3
