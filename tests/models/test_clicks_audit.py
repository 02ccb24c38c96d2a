"""The audit and the repair: what was tampered with is found, what is derived is made right, nothing else is touched."""

from datetime import timedelta

import asyncpg
import pytest

from models.clicks import VisitorKind
from models.clicks_audit import Check, audit
from models.clicks_repair import repair
from models.retention import forget
from tests.clicks_data import Visit, give_links, load, spread
from tests.clicks_worlds import utc

pytestmark = pytest.mark.database
Connection = asyncpg.Connection
NOW = utc(2026, 11, 21, 12)


async def two_months(raw: Connection) -> None:
    """Two links with clicks in two months, the visitors of the first one forgotten."""
    await give_links(raw, 1, 2, 3)
    await load(raw, spread(utc(2026, 10, 4), 5, every=timedelta(hours=7)), segment=1)
    await load(raw, spread(utc(2026, 11, 20), 4, every=timedelta(minutes=1), link_id=2), segment=2)
    await load(raw, [Visit(occurred_at=utc(2026, 11, 20, 1), kind=VisitorKind.MONITOR)], segment=3)
    await load(raw, [], segment=4)
    await forget(raw, now=NOW)


async def found(raw: Connection) -> dict[Check, int]:
    return {difference.check: difference.count for difference in await audit(raw)}


async def derived(raw: Connection) -> list[list[asyncpg.Record]]:
    return [
        await raw.fetch("select * from click_slot order by 1, 2, 3"),
        await raw.fetch("select * from link_total order by 1"),
    ]


async def test_what_was_loaded_agrees(raw: Connection) -> None:
    await two_months(raw)

    assert await found(raw) == {}


async def test_an_empty_store_agrees(raw: Connection) -> None:
    assert await found(raw) == {}


TAMPERED = [
    ("update click_slot set clicks = clicks + 1 where scope = 2 and slot >= '2026-11-01Z'", {Check.WORKSPACE_SLOTS}),
    ("update click_slot set unique_clicks = 0 where scope = 1 and scope_id = 2", {Check.LINK_SLOTS, Check.TOTALS}),
    ("delete from click_slot where slot >= '2026-11-01Z'", {Check.LINK_SLOTS, Check.WORKSPACE_SLOTS, Check.TOTALS}),
    ("insert into click_slot values (1, 3, '2026-11-04Z', 1, 1, 1)", {Check.LINK_SLOTS, Check.TOTALS}),
    ("update link_total set bot_clicks = 7 where link_id = 1", {Check.TOTALS}),
    ("delete from link_total where link_id = 2", {Check.TOTALS}),
    ("update click_slot set slot = slot + interval '15 min' where scope = 2", {Check.WORKSPACE_SLOTS}),
]


@pytest.mark.parametrize(("tampering", "checks"), TAMPERED)
async def test_what_is_derived_is_found_wrong_and_made_right(
    raw: Connection, tampering: str, checks: set[Check]
) -> None:
    # given
    await two_months(raw)
    before = await derived(raw)
    await raw.execute(tampering)

    # when
    differences = await audit(raw)
    await repair(raw, differences, now=NOW)

    # then
    assert {difference.check for difference in differences} == checks
    assert await found(raw) == {}
    assert await derived(raw) == before


@pytest.mark.parametrize(
    ("tampering", "checks"),
    [
        ("delete from click where link_id = 2 and first", {Check.LEDGER, Check.VISITORS}),
        ("update click_batch set rows = rows + 1 where segment = 4", {Check.LEDGER}),
        ("update click_batch set rejected = 1 where segment = 1", {Check.LEDGER}),
        ("delete from visitor where visitor = 0", {Check.VISITORS}),
        ("insert into visitor values ('2026-11-20', 9, 9)", {Check.VISITORS}),
    ],
)
async def test_what_is_not_derived_stays_wrong(raw: Connection, tampering: str, checks: set[Check]) -> None:
    # given
    await two_months(raw)
    await raw.execute(tampering)

    # when
    differences = await audit(raw)
    await repair(raw, differences, now=NOW)

    # then
    assert checks <= {difference.check for difference in differences}
    assert set(await found(raw)) == checks


async def test_rejected_and_erased_lines_are_accounted_for(raw: Connection) -> None:
    await two_months(raw)
    await raw.execute("update click_batch set rows = rows + 5, rejected = 2, erased = 3 where segment = 2")

    assert await found(raw) == {}


async def test_months_whose_clicks_are_gone_are_neither_judged_nor_touched(raw: Connection) -> None:
    # given a month without its clicks, and a wrong sum in the month after
    await two_months(raw)
    await forget(raw, now=NOW, click_days=20)
    assert await found(raw) == {}
    before = await derived(raw)
    await raw.execute("update click_slot set clicks = 9 where slot >= '2026-11-01Z'")

    # when
    await repair(raw, await audit(raw), now=NOW)

    # then
    assert await derived(raw) == before


async def test_repair_drops_the_cached_days_of_what_it_makes_anew(raw: Connection) -> None:
    # given a cached day in either month
    await two_months(raw)
    for day in ("2026-10-04", "2026-11-20"):
        await raw.execute(f"insert into click_day values (2, 1, '{day}', 1, '{{}}')")
    await raw.execute("update click_slot set clicks = 9 where slot >= '2026-11-01Z'")

    # when
    await repair(raw, await audit(raw), now=NOW)

    # then
    assert await raw.fetchval("select array_agg(day::text) from click_day") == ["2026-10-04"]
