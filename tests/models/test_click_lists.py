"""Lists of clicks: pages equal the oracle's slices, and none of another workspace."""

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import PEOPLE, ClickKey, ClickPage, ClickRecord, by_keys, page
from models.click_reads import OwnerRange
from models.clicks import Device, SlotScope, VisitorKind
from models.database import Database
from models.ids import LinkId, WorkspaceId
from models.ranges import ClickRange, Span
from models.zones import zone
from tests import oracle
from tests.clicks_data import Visit, load, statements_with_values
from tests.clicks_worlds import FOREIGN_LINK, LINKS, World, filters, settle, utc, worlds

pytestmark = pytest.mark.database
ONE, TWO = WorkspaceId(1), WorkspaceId(2)
DATABASE = settings(deadline=None, suppress_health_check=list(HealthCheck))
NOVEMBER = ClickRange(utc(2026, 11, 1), utc(2026, 12, 1), zone("UTC"), Span())
Connection = asyncpg.Connection


async def read_all(
    database: Database, scope: SlotScope, owner: int, asked: ClickRange, *, click_filter: ClickFilter, size: int
) -> list[ClickRecord]:
    """Every click of the owner, page by page."""
    records: list[ClickRecord] = []
    async with database.read() as conn:
        while True:
            (found,) = await page(
                conn,
                workspace_id=ONE,
                scope=scope,
                asked=[OwnerRange(owner, asked)],
                first=size,
                after=records[-1].key if records else None,
                click_filter=click_filter,
            )
            assert len(found.records) <= size
            assert all(one.key < records[-1].key for one in found.records if records)
            records += found.records
            if not found.has_next:
                return records


def told(record: ClickRecord) -> tuple[object, ...]:
    return (record.key.occurred_at, record.link_id, record.kind, record.unique, record.country, record.device)


def newest_first(world: World, owner: int | None, click_filter: ClickFilter) -> list[tuple[object, ...]]:
    """The oracle's clicks: later ones first, of one instant those loaded later first."""
    start, end = world.range.start, world.range.end
    clicks = oracle.among(
        world.clicks, start=start, end=end, link_id=owner, workspace_id=ONE, click_filter=click_filter
    )
    listed = sorted(enumerate(clicks), key=lambda each: (each[1].visit.occurred_at, each[0]), reverse=True)
    return [
        (one.visit.occurred_at, one.visit.link_id, one.visit.kind, one.first, one.visit.country, one.visit.device)
        for _, one in listed
    ]


@settings(DATABASE, max_examples=40, derandomize=True)
@given(world=worlds(), click_filter=st.sampled_from([EVERY_CLICK, PEOPLE]) | filters(), size=st.integers(1, 7))
async def test_pages_together_are_every_click_newest_first(
    database: Database, raw: Connection, world: World, click_filter: ClickFilter, size: int
) -> None:
    await settle(raw, world.segments)

    for link in (LINKS[0], FOREIGN_LINK):
        found = await read_all(database, SlotScope.LINK, link, world.range, click_filter=click_filter, size=size)
        assert [told(one) for one in found] == newest_first(world, link, click_filter)
    found = await read_all(database, SlotScope.WORKSPACE, ONE, world.range, click_filter=click_filter, size=size)
    assert [told(one) for one in found] == newest_first(world, None, click_filter)


async def pages(database: Database, *owners: int, first: int = 25, after: ClickKey | None = None) -> list[ClickPage]:
    async with database.read() as conn:
        return await page(
            conn,
            workspace_id=ONE,
            scope=SlotScope.LINK,
            asked=[OwnerRange(owner, NOVEMBER) for owner in owners],
            first=first,
            after=after,
        )


async def test_each_link_of_a_page_has_its_own_clicks_in_one_statement(database: Database, raw: Connection) -> None:
    # given
    await load(raw, [Visit(occurred_at=utc(2026, 11, day), link_id=1 + day % 2) for day in range(1, 8)], segment=1)

    # when
    async with database.read() as conn, statements_with_values(conn) as seen:
        asked = [OwnerRange(link, NOVEMBER) for link in (1, 2, 3)]
        found = await page(conn, workspace_id=ONE, scope=SlotScope.LINK, asked=asked, first=3)

    # then
    assert [(len(one.records), one.has_next) for one in found] == [(3, False), (3, True), (0, False)]
    assert {record.link_id for record in found[1].records} == {2}
    assert len(seen) == 1


async def test_a_page_of_none_tells_whether_there_is_any(database: Database, raw: Connection) -> None:
    await load(raw, [Visit(occurred_at=utc(2026, 11, 4))], segment=1)

    assert await pages(database, 1, 2, first=0) == [ClickPage((), has_next=True), ClickPage((), has_next=False)]


async def test_lists_show_people_unless_asked(database: Database, raw: Connection) -> None:
    await load(raw, [Visit(occurred_at=utc(2026, 11, 4), kind=kind) for kind in VisitorKind], segment=1)

    (found,) = await pages(database, 1)

    assert [record.kind for record in found.records] == [VisitorKind.PERSON]


async def test_a_click_is_found_by_its_key_and_only_in_its_workspace(database: Database, raw: Connection) -> None:
    # given two clicks of one instant
    visit = Visit(
        occurred_at=utc(2026, 11, 4, 5, 6),
        visitor=7,
        device="TABLET",
        country="NP",
        referrer="news.example",
        browser="Firefox",
        os="Linux",
        language="ne",
        utm_source="s",
        utm_medium="m",
        utm_campaign="c",
    )
    await load(raw, [visit, visit], segment=1)
    (found,) = await pages(database, 1)
    second, first = found.records
    unknown = ClickKey(first.key.occurred_at, first.key.batch_id, 99)

    # when
    async with database.read() as conn:
        ours = await by_keys(conn, workspace_id=ONE, keys=[first.key, second.key, unknown])
        theirs = await by_keys(conn, workspace_id=TWO, keys=[first.key])

    # then
    assert ours == {first.key: first, second.key: second}
    assert theirs == {}
    assert (first.unique, second.unique) == (True, False)
    assert first == ClickRecord(
        key=ClickKey(visit.occurred_at, first.key.batch_id, 0),
        link_id=LinkId(1),
        kind=VisitorKind.PERSON,
        unique=True,
        country="NP",
        referrer="news.example",
        browser="Firefox",
        os="Linux",
        device=Device.TABLET,
        language="ne",
        utm_source="s",
        utm_medium="m",
        utm_campaign="c",
        bot=None,
    )
