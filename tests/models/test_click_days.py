"""The day cache: which days get a row, when a row is stored, and that a load takes it away."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from models.click_days import MAX_VALUES, Candidate, build, candidates
from models.clicks import VisitorKind
from tests.clicks_data import Visit, load, spread
from tests.clicks_worlds import utc

pytestmark = pytest.mark.database
Connection = asyncpg.Connection
DAY = date(2026, 11, 4)
CLOSED = utc(2026, 11, 5, 2, 0)


async def busy_day(raw: Connection, *, clicks: int = 200, link_id: int = 1, segment: int = 1) -> None:
    await load(raw, spread(utc(2026, 11, 4), clicks, every=timedelta(minutes=5), link_id=link_id), segment=segment)


async def chosen(raw: Connection, *, now: datetime = CLOSED, first: date = date(2026, 1, 1)) -> list[Candidate]:
    return await candidates(raw, first=first, now=now)


async def rows(raw: Connection) -> list[tuple[int, int, date, int]]:
    found = await raw.fetch("select scope, scope_id, day, rows from click_day order by 1, 2, 3")
    return [tuple(row) for row in found]


LINK_DAY = (1, 1, DAY, 200)
WORKSPACE_DAY = (2, 1, DAY, 200)


async def test_a_busy_closed_day_gets_a_row_of_its_link_and_one_of_its_workspace(raw: Connection) -> None:
    # given
    await busy_day(raw)

    # when
    assert await build(raw, await chosen(raw)) == 2

    # then
    assert await rows(raw) == [LINK_DAY, WORKSPACE_DAY]
    assert await chosen(raw) == []


@pytest.mark.parametrize(
    ("clicks", "now", "first"),
    [
        (199, CLOSED, date(2026, 1, 1)),  # too few
        (200, utc(2026, 11, 5, 1, 59), date(2026, 1, 1)),  # closed too recently
        (200, CLOSED, date(2026, 11, 5)),  # before the days looked at
    ],
)
async def test_other_days_get_none(raw: Connection, clicks: int, now: datetime, first: date) -> None:
    await busy_day(raw, clicks=clicks)

    assert await chosen(raw, now=now, first=first) == []


async def test_bots_count_towards_a_busy_day(raw: Connection) -> None:
    # given a hundred people and a hundred bots
    bots = [Visit(occurred_at=utc(2026, 11, 4), kind=VisitorKind.TOOL) for _ in range(100)]
    await load(raw, [*spread(utc(2026, 11, 4), 100, every=timedelta(minutes=1)), *bots], segment=1)

    # then
    assert {one.visits for one in await chosen(raw)} == {200}


async def test_a_load_takes_away_the_rows_of_its_days_only(raw: Connection) -> None:
    # given two links with a row each, and one for their workspace
    await busy_day(raw)
    await busy_day(raw, link_id=2, segment=2)
    await build(raw, await chosen(raw))

    # when a late click of one of them comes
    await load(raw, [Visit(occurred_at=utc(2026, 11, 4, 23, 59))], segment=3)

    # then
    assert await rows(raw) == [(1, 2, DAY, 200)]


async def test_what_changed_while_it_was_built_is_not_stored(raw: Connection) -> None:
    # given a candidate, and clicks that differ from its slots, as they do when a load comes between two reads
    await busy_day(raw)
    found = await chosen(raw)
    await raw.execute("update click_slot set clicks = clicks + 1 where scope = 1 and slot = $1", utc(2026, 11, 4))

    # when
    assert await build(raw, found) == 1

    # then
    assert await rows(raw) == [WORKSPACE_DAY]


async def test_a_load_under_way_makes_the_builder_wait_for_the_next_time(raw: Connection, other: Connection) -> None:
    # given
    await busy_day(raw)
    found = await chosen(raw)
    loading = other.transaction()
    await loading.start()
    await other.execute("lock table click_batch in row exclusive mode")

    # when, then
    assert await build(raw, found) == 0
    await loading.rollback()
    assert await build(raw, found) == 2


def by_referrer(count: int) -> Sequence[Visit]:
    return [Visit(occurred_at=utc(2026, 11, 4), referrer=f"{number}.example") for number in range(count)]


@pytest.mark.parametrize(("values", "kept"), [(MAX_VALUES, True), (MAX_VALUES + 1, False)])
async def test_a_dimension_with_too_many_values_is_left_out(raw: Connection, values: int, kept: bool) -> None:
    # given
    await load(raw, by_referrer(values), segment=1)

    # when
    await build(raw, await chosen(raw))

    # then
    assert await raw.fetchval("select bool_and(dimensions ? 'REFERRER') from click_day") is kept
    assert await raw.fetchval("select bool_and(dimensions ? 'COUNTRY') from click_day")


async def test_days_whose_clicks_are_gone_are_not_looked_at(raw: Connection) -> None:
    await busy_day(raw)
    await raw.execute("update feed_position set clicks_kept_since = $1", utc(2026, 12, 1))

    assert await chosen(raw) == []
