"""Lists of links: pages against a list sorted in Python, filters, search, and bounded counting."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest
from sqlalchemy import update as update_rows
from sqlmodel import col

from models.database import Database, make_engine
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_lists import LinkQuestion, ListedLink, OrderField, count, page
from models.links import ById, LinkRecord, LinkStatus, LinkTotal
from models.pages import Direction, Page, Position, Window
from models.refusals import LimitReached, Problem, Refused
from tests.models.making import NOW, deactivate, kinds, make_link, update

NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # as last click: longer ago than any other
pytestmark = pytest.mark.database


def clicks_of(link: LinkRecord) -> int:
    return sum(link.code.encode()) % 4


def last_click_of(link: LinkRecord) -> datetime | None:
    clicks = clicks_of(link)
    return NOW + timedelta(seconds=clicks % 3) if clicks else None


# Each link's clicks and last click come from its code, so that they often agree; some were never clicked.
VALUES: dict[OrderField, Callable[[LinkRecord], Any]] = {
    OrderField.CREATED_AT: lambda link: link.created_at,
    OrderField.UPDATED_AT: lambda link: link.updated_at,
    OrderField.CODE: lambda link: link.code,
    OrderField.CLICK_COUNT: clicks_of,
    OrderField.LAST_CLICKED_AT: lambda link: last_click_of(link) or NEVER,
}


def position_of(link: LinkRecord, order: OrderField) -> Position:
    return Position(VALUES[order](link), link.id)


async def click(database: Database, link: LinkRecord) -> None:
    async with database.write() as session:
        row = {"clicks": clicks_of(link), "last_clicked_at": last_click_of(link)}
        await session.execute(update_rows(LinkTotal).where(col(LinkTotal.link_id) == link.id).values(**row))


async def ask(database: Database, home: InstanceRecord, question: LinkQuestion, window: Window) -> Page[ListedLink]:
    async with database.read() as conn:
        return await page(conn, workspace_id=home.workspace_id, question=question, window=window)


def links_of(found: Page[ListedLink]) -> list[LinkRecord]:
    return [listed.link for listed in found.records]


async def tally(database: Database, home: InstanceRecord, question: LinkQuestion, **limit: int) -> int | None:
    async with database.read() as conn:
        return await count(conn, workspace_id=home.workspace_id, question=question, **limit)


async def make_links(database: Database, here: InstanceRecord, *, number: int, chance: Random) -> list[LinkRecord]:
    """Links whose times often agree and whose codes differ in case only."""
    made = []
    for index in range(number):
        code = "".join(chance.choice((letter.upper(), letter)) for letter in f"code-{index // 3}_{'xyz'[index % 3]}")
        link = await make_link(database, here, code=code, now=NOW + timedelta(seconds=chance.randrange(4)))
        if chance.random() < 0.3:
            link = await update(database, here, ById(link.id), LinkChanges(title="changed"))
        await click(database, link)
        made.append(link)
    return made


def expected(links: list[LinkRecord], question: LinkQuestion, window: Window) -> tuple[list[LinkRecord], bool, bool]:
    """The page by hand: sort, cut at the positions, take from the right end."""
    key = VALUES[question.order]
    ordered = sorted(links, key=lambda link: (key(link), link.id), reverse=question.direction is Direction.DESC)
    positions = [position_of(link, question.order) for link in ordered]
    start = 0 if window.after is None else positions.index(window.after) + 1
    end = len(ordered) if window.before is None else positions.index(window.before)
    between = ordered[start:end] if start < end else []
    taken = between[max(len(between) - window.size, 0) :] if window.is_backward else between[: window.size]
    is_cut = len(between) > len(taken)
    if window.is_backward:
        return taken, window.before is not None, is_cut
    return taken, is_cut, window.after is not None


@pytest.fixture(params=["on", "off"])
async def reader(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Database]:
    """With the indexes, and without: order must come from the statement, not from the plan that serves it."""
    plans = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
    store = Database(make_engine(database_url, server_settings=dict.fromkeys(plans, request.param)))
    yield store
    await store.close()


async def test_every_window_is_what_a_sorted_list_says(
    database: Database, reader: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    chance = Random(1)  # the same windows in every run
    links = await make_links(database, here, number=24, chance=chance)
    await make_link(database, elsewhere)
    for order, direction, _ in product(OrderField, Direction, range(50)):
        question = LinkQuestion(order=order, direction=direction)
        ends = [chance.choice([None, position_of(chance.choice(links), order)]) for _ in range(2)]
        size = chance.choice([0, 1, 2, 5, 23, 24, 25, 100])
        first, last = (size, None) if chance.random() < 0.5 else (None, size)
        window = Window(first=first, after=ends[0], last=last, before=ends[1])
        found = await ask(reader, here, question, window)
        assert (links_of(found), found.has_next, found.has_previous) == expected(links, question, window)


async def test_paging_through_meets_every_link_once(database: Database, here: InstanceRecord) -> None:
    links = await make_links(database, here, number=17, chance=Random(2))
    for order, direction, backward in product(OrderField, Direction, (False, True)):
        question = LinkQuestion(order=order, direction=direction)
        met = await page_through(database, here, question, backward=backward)
        assert met == expected(links, question, Window(first=100))[0]


async def page_through(
    database: Database, here: InstanceRecord, question: LinkQuestion, *, backward: bool
) -> list[LinkRecord]:
    met: list[LinkRecord] = []
    window = Window(last=4) if backward else Window(first=4)
    while True:
        found = await ask(database, here, question, window)
        assert found.records, "a page that was promised has rows"
        if backward:
            met = [*links_of(found), *met]
            window = Window(last=4, before=found.records[0].position)
        else:
            met = [*met, *links_of(found)]
            window = Window(first=4, after=found.records[-1].position)
        if not (found.has_previous if backward else found.has_next):
            return met


async def test_a_page_goes_on_after_a_link_that_is_gone(database: Database, here: InstanceRecord) -> None:
    links = await make_links(database, here, number=6, chance=Random(2))
    question = LinkQuestion(order=OrderField.CODE, direction=Direction.ASC)
    ordered = expected(links, question, Window(first=100))[0]
    async with database.write() as session:
        await (await session.connection()).exec_driver_sql(f"delete from link where id = {ordered[2].id}")
    found = await ask(database, here, question, Window(first=2, after=position_of(ordered[2], OrderField.CODE)))
    assert links_of(found) == ordered[3:5]


@pytest.mark.parametrize(("first", "last"), [(None, None), (1, 1), (-1, None), (None, -5)])
def test_windows_that_make_no_sense(first: int | None, last: int | None) -> None:
    with pytest.raises(ValueError, match="window"):
        Window(first=first, last=last)


async def test_a_position_of_another_order_is_a_mistake(database: Database, here: InstanceRecord) -> None:
    with pytest.raises(ValueError, match="order"):
        await ask(database, here, LinkQuestion(), Window(first=1, after=Position("code", 1)))


STATUSES: list[tuple[frozenset[LinkStatus] | None, set[str]]] = [
    (None, {"on", "off"}),
    (frozenset(LinkStatus), {"on", "off"}),
    (frozenset({LinkStatus.ACTIVE}), {"on"}),
    (frozenset({LinkStatus.DEACTIVATED}), {"off"}),
    (frozenset(), set()),
]


async def codes_and_count(
    database: Database, here: InstanceRecord, question: LinkQuestion
) -> tuple[set[str], int | None]:
    found = await ask(database, here, question, Window(first=10))
    return {link.code for link in links_of(found)}, await tally(database, here, question)


async def test_links_by_status(database: Database, here: InstanceRecord) -> None:
    await make_link(database, here, code="on")
    off = await make_link(database, here, code="off")
    await deactivate(database, here, ById(off.id))
    for statuses, codes in STATUSES:
        answer = await codes_and_count(database, here, LinkQuestion(statuses=statuses))
        assert (statuses, answer) == (statuses, (codes, len(codes)))


ALL = {"Spring-1", "b_c", "bXc", "plain"}
SEARCHES: list[tuple[str | None, set[str]]] = [
    ("spring", {"Spring-1", "b_c"}),  # code, title
    ("SPRING", {"Spring-1", "b_c"}),
    ("ÜBER", {"b_c"}),  # notes
    ("shop.example/P", {"plain"}),  # destination
    ("100%", {"plain"}),
    ("%", {"plain"}),
    ("b_c", {"b_c"}),
    ("bXc", {"bXc"}),
    ("_", {"b_c"}),
    ("\\", {"bXc"}),
    ("/", ALL),
    ("'; --", set()),
    ("nothing", set()),
    ("  spring ", {"Spring-1", "b_c"}),
    ("", ALL),
    (None, ALL),
]


async def test_search_takes_every_character_as_itself(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    await make_link(database, here, code="Spring-1")
    await make_link(database, here, code="b_c", title="In spring", notes="Grüße\nüber alles")
    await make_link(database, here, code="bXc", title="back\\slash", url="https://example.com/")
    await make_link(database, here, code="plain", title="100% wool", url="https://shop.example/p")
    await make_link(database, elsewhere, code="Spring-1", title="100% _ \\ über")
    for search, codes in SEARCHES:
        answer = await codes_and_count(database, here, LinkQuestion(search=search))
        assert (search, answer) == (search, (codes, len(codes)))


REFUSED_SEARCHES = [("s" * 201, LimitReached), ("a\x00", Problem), ("\ud800", Problem), ("a\nb", Problem)]


async def test_search_texts_that_are_refused(database: Database, here: InstanceRecord) -> None:
    for search, kind in REFUSED_SEARCHES:
        question = LinkQuestion(search=search)
        for call in (ask(database, here, question, Window(first=1)), tally(database, here, question)):
            with pytest.raises(Refused) as refusal:
                await call
            assert {(found, path) for found, _, path in kinds(refusal.value)} == {(kind, ("search",))}


async def test_counting_stops_at_its_limit(database: Database, here: InstanceRecord) -> None:
    for number in range(4):
        await make_link(database, here, title="wool" if number == 0 else None)
    question = LinkQuestion()
    assert [await tally(database, here, question, limit=limit) for limit in (3, 4, 5)] == [None, 4, 4]
    rare = replace(question, search="wool")
    assert await tally(database, here, rare, limit=4) == 1
    assert await tally(database, here, rare, limit=3) is None, "what would have to be looked at counts"
