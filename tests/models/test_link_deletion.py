"""Deleting a link: it and its clicks are gone from every answer at once, and come back as they were."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from models import link_deletion, links
from models.actors import OPERATOR
from models.analytics import totals
from models.click_days import build, candidates
from models.click_dimensions import ClickDimension
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import PEOPLE, by_keys, page
from models.click_reads import OwnerRange
from models.click_totals import ClickTotals, of_links
from models.clicks import SlotScope, VisitorKind
from models.clicks_audit import audit
from models.clicks_repair import repair
from models.database import Database
from models.instance import InstanceRecord
from models.links import ByCode, LinkRecord
from models.ranges import ClickRange, Span
from models.refusals import CodeTaken, Problem, Refused
from models.top import TopAsked, top
from models.zones import zone
from tests.clicks_data import Visit, load
from tests.clicks_worlds import utc
from tests.models.making import LATER, deactivate, kinds, make_link, reactivate, reread

pytestmark = pytest.mark.database
Connection = asyncpg.Connection
BEGIN, NOW = utc(2026, 11, 20), utc(2026, 11, 21, 12)
WHOLE = ClickRange(BEGIN, NOW, zone("UTC"), Span())


def visits(link: LinkRecord, count: int, *, kind: VisitorKind = VisitorKind.PERSON) -> list[Visit]:
    """One a minute, each of another visitor."""
    return [
        Visit(
            occurred_at=BEGIN + number * timedelta(minutes=1),
            link_id=link.id,
            workspace_id=link.workspace_id,
            kind=kind,
            visitor=number,
            country="DE",
        )
        for number in range(count)
    ]


async def delete(database: Database, link: LinkRecord) -> LinkRecord:
    async with database.write() as session:
        return await link_deletion.delete(
            session, workspace_id=link.workspace_id, lookup=links.ById(link.id), by=OPERATOR, now=LATER
        )


async def restore(database: Database, link: LinkRecord) -> LinkRecord:
    async with database.write() as session:
        return await link_deletion.restore(
            session, workspace_id=link.workspace_id, link_id=link.id, by=OPERATOR, now=LATER
        )


async def everything(database: Database, here: InstanceRecord, *ids: LinkRecord) -> list[object]:
    """What each question answers about the workspace and about these links."""
    async with database.read() as conn:
        return [
            *[await _of_workspace(conn, here, click_filter) for click_filter in filters_of(ids)],
            await _totals(conn, here, SlotScope.LINK, [link.id for link in ids], EVERY_CLICK),
            await of_links(conn, workspace_id=here.workspace_id, ids=[link.id for link in ids]),
        ]


def filters_of(ids: tuple[LinkRecord, ...]) -> list[ClickFilter]:
    named = ClickFilter(link=tuple(link.id for link in ids))
    return [EVERY_CLICK, PEOPLE, ClickFilter(country=("DE",)), named]


async def _totals(
    conn: AsyncConnection, here: InstanceRecord, scope: SlotScope, ids: list[int], click_filter: ClickFilter
) -> object:
    asked = [OwnerRange(one, WHOLE) for one in ids]
    return await totals(conn, workspace_id=here.workspace_id, scope=scope, asked=asked, click_filter=click_filter)


async def _of_workspace(conn: AsyncConnection, here: InstanceRecord, click_filter: ClickFilter) -> list[object]:
    mine = [OwnerRange(here.workspace_id, WHOLE)]
    whose = {"workspace_id": here.workspace_id, "scope": SlotScope.WORKSPACE, "asked": mine}
    wanted = [TopAsked(ClickDimension.LINK, 10), TopAsked(ClickDimension.COUNTRY, 10)]
    return [
        await _totals(conn, here, SlotScope.WORKSPACE, [here.workspace_id], click_filter),
        await top(conn, **whose, wanted=wanted, click_filter=click_filter),  # type: ignore[arg-type]
        await page(conn, **whose, first=100, click_filter=click_filter),  # type: ignore[arg-type]
    ]


@pytest.fixture
async def kept(database: Database, here: InstanceRecord, raw: Connection) -> LinkRecord:
    """A link with clicks that stays."""
    link = await make_link(database, here)
    await load(raw, visits(link, 3), segment=1)
    return link


@pytest.fixture
async def gone(database: Database, here: InstanceRecord, raw: Connection) -> LinkRecord:
    """A deactivated link with clicks."""
    link = await make_link(database, here, code="gone", external_id="x")
    await load(raw, visits(link, 5), segment=2)
    await load(raw, visits(link, 2, kind=VisitorKind.CRAWLER), segment=3)
    return await deactivate(database, here, links.ById(link.id))


async def test_a_deleted_link_is_in_no_answer_and_comes_back_as_it_was(
    database: Database, here: InstanceRecord, raw: Connection, kept: LinkRecord, gone: LinkRecord
) -> None:
    before = await everything(database, here, kept, gone)
    await delete(database, gone)
    hidden = await everything(database, here, kept, gone)
    assert await reread(database, here, gone) is None
    assert list(hidden[0][0]) == [ClickTotals(3, 3, 0)]  # type: ignore[index]
    assert str(gone.id) not in repr(hidden)
    assert await audit(raw) == []

    back = await restore(database, gone)
    assert (back.code, back.deactivated_at, back.deleted_at) == ("gone", gone.deactivated_at, None)
    assert await everything(database, here, kept, gone) == before
    assert await audit(raw) == []


async def test_single_clicks_of_a_deleted_link_are_not_found_by_their_ids(
    database: Database, here: InstanceRecord, gone: LinkRecord
) -> None:
    mine = [OwnerRange(here.workspace_id, WHOLE)]
    async with database.read() as conn:
        [found] = await page(conn, workspace_id=here.workspace_id, scope=SlotScope.WORKSPACE, asked=mine, first=5)
    await delete(database, gone)
    async with database.read() as conn:
        assert await by_keys(conn, workspace_id=here.workspace_id, keys=[one.key for one in found.records]) == {}


async def test_visits_that_are_loaded_meanwhile_count_when_the_link_is_back(
    database: Database, here: InstanceRecord, raw: Connection, kept: LinkRecord, gone: LinkRecord
) -> None:
    await delete(database, gone)
    late = [Visit(occurred_at=BEGIN + timedelta(hours=5), link_id=gone.id, workspace_id=gone.workspace_id, visitor=77)]
    await load(raw, late, segment=4)
    assert await audit(raw) == []
    async with database.read() as conn:
        assert await _totals(conn, here, SlotScope.WORKSPACE, [here.workspace_id], EVERY_CLICK) == [
            ClickTotals(3, 3, 0)
        ]
    await restore(database, gone)
    async with database.read() as conn:
        assert await _totals(conn, here, SlotScope.WORKSPACE, [here.workspace_id], EVERY_CLICK) == [
            ClickTotals(9, 9, 2)
        ]
    assert await audit(raw) == []


async def test_days_that_were_summed_up_forget_what_is_hidden(
    database: Database, here: InstanceRecord, raw: Connection, kept: LinkRecord, gone: LinkRecord
) -> None:
    async def sum_up() -> None:
        await build(raw, await candidates(raw, first=BEGIN.date(), now=NOW + timedelta(days=1), at_least=1))

    await sum_up()
    before = await everything(database, here, kept, gone)
    await delete(database, gone)
    without_days = await everything(database, here, kept, gone)
    await sum_up()
    assert await everything(database, here, kept, gone) == without_days
    await restore(database, gone)
    assert await everything(database, here, kept, gone) == before


async def test_a_repair_keeps_hidden_what_is_hidden(
    database: Database, here: InstanceRecord, raw: Connection, kept: LinkRecord, gone: LinkRecord
) -> None:
    await delete(database, gone)
    before = await everything(database, here, kept, gone)
    await raw.execute("update click_slot set clicks = clicks + 1")
    await repair(raw, await audit(raw), now=NOW)
    assert await audit(raw) == []
    assert await everything(database, here, kept, gone) == before


async def test_links_come_and_go_while_visits_are_loaded(
    database: Database, here: InstanceRecord, raw: Connection, kept: LinkRecord, gone: LinkRecord
) -> None:
    async def loads() -> None:
        for number in range(12):
            await load(raw, visits(gone if number % 2 else kept, 4), segment=10 + number)
            await asyncio.sleep(0)

    async def changes() -> None:
        for _ in range(6):
            await delete(database, gone)
            await restore(database, gone)

    await asyncio.gather(loads(), changes())
    assert await audit(raw) == []


async def test_what_is_active_or_not_there_is_not_deleted(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord, gone: LinkRecord
) -> None:
    active = await reactivate(database, here, links.ById(gone.id))
    with pytest.raises(Refused) as refused:
        await delete(database, active)
    assert kinds(refused.value) == {(Problem, "CONFLICT", ("link",))}
    async with database.write() as session:
        with pytest.raises(Refused) as foreign:
            await link_deletion.delete(
                session, workspace_id=elsewhere.workspace_id, lookup=links.ById(gone.id), by=OPERATOR, now=LATER
            )
    assert kinds(foreign.value) == {(Problem, "NOT_FOUND", ("link",))}
    with pytest.raises(Refused):
        await restore(database, active)  # was never deleted


async def test_the_code_is_given_to_nobody_else(database: Database, here: InstanceRecord, gone: LinkRecord) -> None:
    await delete(database, gone)
    with pytest.raises(Refused) as taken:
        await make_link(database, here, code="gone")
    assert {type(problem) for problem in taken.value.problems} == {CodeTaken}
    again = await make_link(database, here, external_id="free")
    assert again.external_id == "free"
    async with database.read() as conn:
        lookup = ByCode(here.domain_id, "gone")
        assert await links.find(conn, workspace_id=here.workspace_id, lookup=lookup) is None
        deleted = await link_deletion.deleted_links(conn, workspace_id=here.workspace_id, now=LATER)
    assert [link.id for link in deleted] == [gone.id]
