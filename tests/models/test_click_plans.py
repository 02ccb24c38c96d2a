"""Plans: whatever a question asks of clicks and slots, the indexes can answer it, and months outside are not opened."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics import timeseries, totals
from models.click_dimensions import ClickDimension
from models.click_filters import ClickFilter
from models.click_lists import ClickKey, page
from models.click_reads import OwnerRange
from models.clicks import Device, SlotScope
from models.database import Database
from models.ids import WorkspaceId
from models.ranges import ClickRange, Span
from models.top import TopAsked, top
from models.zones import zone
from tests.clicks_data import load, spread, statements_with_values
from tests.clicks_worlds import utc

pytestmark = pytest.mark.database
ONE = WorkspaceId(1)
MAY = ClickRange(utc(2026, 5, 1), utc(2026, 5, 20), zone("UTC"), Span())
DESKTOPS = ClickFilter(device=(Device.DESKTOP,))
Question = Callable[[AsyncConnection, SlotScope], Awaitable[object]]


async def ask_totals(conn: AsyncConnection, scope: SlotScope) -> object:
    return await totals(conn, workspace_id=ONE, scope=scope, asked=[OwnerRange(1, MAY)], click_filter=DESKTOPS)


async def ask_series(conn: AsyncConnection, scope: SlotScope) -> object:
    asked = [OwnerRange(1, MAY)]
    return await timeseries(conn, workspace_id=ONE, scope=scope, asked=asked, interval=None, now=utc(2026, 6, 1))


async def ask_top(conn: AsyncConnection, scope: SlotScope) -> object:
    wanted = [TopAsked(ClickDimension.COUNTRY), TopAsked(ClickDimension.OS)]
    return await top(conn, workspace_id=ONE, scope=scope, asked=[OwnerRange(1, MAY)], wanted=wanted)


async def ask_page(conn: AsyncConnection, scope: SlotScope) -> object:
    after = ClickKey(utc(2026, 5, 9), 1, 1)
    return await page(conn, workspace_id=ONE, scope=scope, asked=[OwnerRange(1, MAY)], first=5, after=after)


@pytest.mark.parametrize("scope", SlotScope)
@pytest.mark.parametrize("ask", [ask_totals, ask_series, ask_top, ask_page])
async def test_clicks_and_slots_are_read_by_index_and_only_in_their_months(
    database: Database, raw: asyncpg.Connection, ask: Question, scope: SlotScope
) -> None:
    # given three months of clicks
    for number, month in enumerate((4, 5, 6)):
        await load(raw, spread(utc(2026, month, 1), 200, every=timedelta(hours=3)), segment=number)

    # when, with the planner told to avoid what it would rather do with so few rows
    async with database.read() as conn:
        async with statements_with_values(conn) as seen:
            await ask(conn, scope)
        await conn.exec_driver_sql("set enable_seqscan = off")
        ((statement, values),) = seen
        rows = await conn.exec_driver_sql(f"explain (analyze, costs off) {statement}", values)
        plan = [row[0] for row in rows]

    # then
    opened = [line for line in plan if " on click_" in line and "never executed" not in line]
    assert [line for line in opened if "Seq Scan on click_2" in line or "Seq Scan on click_slot" in line] == []
    assert [line for line in opened if "2026_04" in line or "2026_06" in line] == []
    assert [line for line in opened if "2026_05" in line] != []
