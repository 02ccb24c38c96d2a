"""Erasing links whose time is over: step by step, with sums that agree at each, and nothing that comes after them."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest

from models import erasure, link_deletion, retired_codes, tombstones
from models.actors import OPERATOR
from models.clicks_audit import audit
from models.database import Database
from models.instance import InstanceRecord
from models.links import ById, LinkRecord
from models.refusals import CodeTaken, Problem, Refused
from tests.clicks_data import load
from tests.erased import Furnished, every_row, furnish, traces, visits
from tests.models.making import NOW, deactivate, kinds, make_link

pytestmark = pytest.mark.database
Connection = asyncpg.Connection
OVERDUE = NOW + timedelta(days=31)


async def delete(database: Database, here: InstanceRecord, link: LinkRecord, *, now: datetime = NOW) -> LinkRecord:
    await deactivate(database, here, ById(link.id), now=now)
    async with database.write() as session:
        return await link_deletion.delete(
            session, workspace_id=here.workspace_id, lookup=ById(link.id), by=OPERATOR, now=now
        )


async def restore(database: Database, here: InstanceRecord, link: LinkRecord, *, now: datetime) -> LinkRecord:
    async with database.write() as session:
        return await link_deletion.restore(
            session, workspace_id=here.workspace_id, link_id=link.id, by=OPERATOR, now=now
        )


async def erase_all(raw: Connection, *, now: datetime = OVERDUE) -> list[int]:
    """The steps that were taken; after each of them everything agrees."""
    steps: list[int] = []
    while (gone := await erasure.erase_overdue(raw, now=now)) is not None:
        assert await audit(raw) == []
        steps.append(gone)
    return steps


@pytest.fixture
async def stock(database: Database, here: InstanceRecord, raw: Connection) -> Furnished:
    return await furnish(database, raw, here, mark="zebra", segment=1)


@pytest.fixture
async def deleted(database: Database, here: InstanceRecord, stock: Furnished) -> None:
    """All links are deleted, one after the other."""
    for number, link in enumerate(stock.links):
        await delete(database, here, link, now=NOW + timedelta(minutes=number))


async def test_after_a_month_nothing_tells_of_a_deleted_link_and_its_clicks(
    database: Database, here: InstanceRecord, raw: Connection, stock: Furnished
) -> None:
    gone = await delete(database, here, stock.links[0])
    assert await erase_all(raw, now=NOW + timedelta(days=30)) == []
    assert await erase_all(raw) == [1]
    rows = await every_row(raw)
    # The audit log tells of it until it is forgotten itself.
    assert set(traces(rows, ids={gone.id}, mark=gone.destination_url)) == {"audit_entry"}
    assert await raw.fetchval("select sum(erased) from click_batch") == 16
    with pytest.raises(Refused) as refused:
        await make_link(database, here, code=gone.code)
    assert {type(problem) for problem in refused.value.problems} == {CodeTaken}


@pytest.mark.parametrize(("at_once", "steps"), [(1000, [3]), (10, [0, 1, 1, 1]), (1, [0, 0, 1] * 3)])
@pytest.mark.usefixtures("deleted")
async def test_what_is_large_goes_in_pieces_that_leave_everything_in_agreement(
    raw: Connection, monkeypatch: pytest.MonkeyPatch, at_once: int, steps: list[int]
) -> None:
    monkeypatch.setattr(erasure, "VISITS_AT_ONCE", at_once)
    assert await erase_all(raw) == steps
    assert await raw.fetchval("select count(*) from click") == 0


async def test_visits_that_come_later_are_dropped_and_counted(
    database: Database, here: InstanceRecord, raw: Connection, stock: Furnished
) -> None:
    gone = await delete(database, here, stock.links[0])
    await erase_all(raw)
    late = [*visits(gone, mark="late", first=90, count=3), *visits(stock.links[2], mark="late", first=90, count=2)]
    await load(raw, late, segment=9)
    assert (
        await raw.fetchval("select array_agg(link_id) from click where utm_source = 'late'") == [stock.links[2].id] * 2
    )
    assert await raw.fetchval("select erased from click_batch where segment = 9") == 3
    assert await raw.fetchval("select count(*) from link_total where link_id = $1", gone.id) == 0
    assert await audit(raw) == []


async def test_visits_that_are_just_being_loaded_go_too(
    database: Database, here: InstanceRecord, raw: Connection, other: Connection, stock: Furnished
) -> None:
    gone = await delete(database, here, stock.links[0])

    async def loads() -> None:
        for number in range(8):
            await load(other, visits(gone, mark="late", first=100 * number), segment=20 + number)

    await asyncio.gather(loads(), erase_all(raw))
    assert await audit(raw) == []
    assert await raw.fetchval("select count(*) from click where link_id = $1", gone.id) == 0


async def test_a_link_can_be_restored_for_a_month_and_not_while_it_is_being_erased(
    database: Database, here: InstanceRecord, raw: Connection, stock: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "VISITS_AT_ONCE", 1)
    first, second, _ = stock.links
    await delete(database, here, first)
    await delete(database, here, second, now=NOW + timedelta(days=5))
    assert await erasure.erase_overdue(raw, now=OVERDUE) == 0
    # By a clock that is late it is not a month yet.
    for link, now in ((first, NOW), (first, OVERDUE), (second, OVERDUE + timedelta(days=5))):
        with pytest.raises(Refused) as refused:
            await restore(database, here, link, now=now)
        assert kinds(refused.value) == {(Problem, "NOT_FOUND", ("link",))}
    async with database.read() as conn:
        found = await link_deletion.deleted_links(conn, workspace_id=here.workspace_id, now=OVERDUE)
    assert [link.id for link in found] == [second.id]
    await restore(database, here, second, now=OVERDUE)
    assert await erase_all(raw) == [0, 1]  # its second day, and it


async def test_codes_and_tombstones_are_forgotten_after_a_year(
    database: Database, here: InstanceRecord, raw: Connection, stock: Furnished
) -> None:
    gone = await delete(database, here, stock.links[0])
    await erase_all(raw)
    for days, is_kept in ((364, True), (397, False)):
        await retired_codes.forget_old(raw, now=NOW + timedelta(days=days))
        await tombstones.forget_old(raw, now=NOW + timedelta(days=days))
        assert await raw.fetchval("select exists (select from retired_code)") is is_kept
        assert await raw.fetchval("select exists (select from erased_link)") is is_kept
    assert (await make_link(database, here, code=gone.code)).id != gone.id


async def test_a_sum_that_was_wrong_before_stops_nothing(
    database: Database, here: InstanceRecord, raw: Connection, stock: Furnished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "VISITS_AT_ONCE", 4)
    await delete(database, here, stock.links[0])
    await raw.execute("update link_total set clicks = clicks / 2, unique_clicks = 0")
    while await erasure.erase_overdue(raw, now=OVERDUE) is not None:
        pass
    assert await raw.fetchval("select count(*) from link") == 2
