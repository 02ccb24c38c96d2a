"""Clicks in the order of storing: stretches miss nothing and repeat nothing, and are found by index."""

from datetime import timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import click_feed
from models.click_feed import WHOLE_BATCH, Place, StoredClick, stretch, takes
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import ClickKey
from models.database import Database
from models.ids import WorkspaceId
from tests.clicks_data import Visit, load, spread, statements_with_values
from tests.clicks_worlds import World, filters, settle, utc, worlds

pytestmark = pytest.mark.database
ONE, TWO = WorkspaceId(1), WorkspaceId(2)
DATABASE = settings(deadline=None, suppress_health_check=list(HealthCheck))


async def read_all(
    database: Database, *, after: Place, until: int, size: int, click_filter: ClickFilter = EVERY_CLICK
) -> list[StoredClick]:
    """Everything after a place, stretch by stretch."""
    clicks: list[StoredClick] = []
    async with database.read() as conn:
        while after < Place(until):
            found = await stretch(
                conn, workspace_id=ONE, after=after, until=until, size=size, click_filter=click_filter
            )
            assert len(found.clicks) <= size
            assert found.until > after
            assert all(after < click.place <= found.until for click in found.clicks)
            clicks += found.clicks
            after = found.until
    return clicks


@settings(DATABASE, max_examples=40, derandomize=True)
@given(world=worlds(), click_filter=filters(), size=st.integers(1, 20))
async def test_stretches_together_are_all_clicks_in_the_order_of_storing(
    database: Database, raw: asyncpg.Connection, world: World, click_filter: ClickFilter, size: int
) -> None:
    async with database.read() as conn:
        start = await click_feed.position(conn)
    await settle(raw, world.segments)
    async with database.read() as conn:
        end = await click_feed.position(conn)
    assert end == start + len(world.segments)

    everything = await read_all(database, after=Place(start), until=end, size=size)

    expected = [
        (start + number + 1, row, visit.occurred_at, visit.link_id)
        for number, segment in enumerate(world.segments)
        for row, visit in enumerate(segment)
        if visit.workspace_id == ONE
    ]
    told = [(c.place.position, c.place.row, c.record.key.occurred_at, c.record.link_id) for c in everything]
    assert told == expected
    # and a filter takes the same in SQL and in memory, from any place on
    for place in (Place(start), *(click.place for click in everything[size::size])):
        later = await read_all(database, after=place, until=end, size=size, click_filter=click_filter)
        assert later == [click for click in everything if click.place > place and takes(click_filter)(click.record)]


async def test_a_place_is_found_by_its_click_and_only_in_its_workspace(
    database: Database, raw: asyncpg.Connection
) -> None:
    await load(raw, [Visit(occurred_at=utc(2026, 11, 4))], segment=1)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 3)), Visit(occurred_at=utc(2026, 11, 3))], segment=2)
    _, _, last = await read_all(database, after=Place(0), until=2, size=10)
    unknown = ClickKey(last.record.key.occurred_at, last.record.key.batch_id, 9)
    async with database.read() as conn:
        assert await click_feed.place_of(conn, workspace_id=ONE, key=last.record.key) == last.place == Place(2, 1)
        assert await click_feed.place_of(conn, workspace_id=TWO, key=last.record.key) is None
        assert await click_feed.place_of(conn, workspace_id=ONE, key=unknown) is None
        await raw.execute("delete from click_batch where position = 2")
        assert await click_feed.place_of(conn, workspace_id=ONE, key=last.record.key) is None


async def test_what_is_read_at_once_is_bounded_by_the_ledger(database: Database, raw: asyncpg.Connection) -> None:
    """Batches of other workspaces count too: how much is read is known before it is read."""
    for number in range(5):
        await load(raw, [Visit(occurred_at=utc(2026, 11, 4), workspace_id=2)] * 10, segment=number)
    async with database.read() as conn:
        found = await stretch(conn, workspace_id=ONE, after=Place(0), until=5, size=25)
    assert found == click_feed.Stretch((), Place(3))


async def test_clicks_are_read_by_index_and_only_in_their_months(database: Database, raw: asyncpg.Connection) -> None:
    for number, month in enumerate((4, 5, 6)):
        await load(raw, spread(utc(2026, month, 1), 200, every=timedelta(hours=3)), segment=number)

    async with database.read() as conn:
        async with statements_with_values(conn) as seen:
            found = await stretch(conn, workspace_id=ONE, after=Place(1), until=2, size=500)
        await conn.exec_driver_sql("set enable_seqscan = off")
        (ledger, _), (statement, values) = seen
        rows = await conn.exec_driver_sql(f"explain (analyze, costs off) {statement}", values)
        plan = [row[0] for row in rows]

    assert (len(found.clicks), found.until) == (200, Place(2, WHOLE_BATCH))
    assert "click_batch" in ledger
    opened = [line for line in plan if " on click_2" in line and "never executed" not in line]
    assert opened and all("workspace_id_occurred_at" in line and "2026_05" in line for line in opened), plan
