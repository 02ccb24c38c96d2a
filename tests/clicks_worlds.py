"""Worlds for property tests: a few segments of visits around the changes of clocks, and ranges, zones and filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from hypothesis import strategies as st

from models.click_filters import ClickFilter
from models.clicks import Device, VisitorKind
from models.ids import LinkId
from models.ranges import ClickRange, Span
from models.zones import zone, zone_names
from tests.clicks_data import Visit, give_links, load
from tests.oracle import Told, told

# Days around which clocks change: Americas, Europe, Lord Howe and Sydney, Cairo, and back.
ANCHORS = tuple(
    datetime.fromisoformat(f"{day}T00:00:00+00:00")
    for day in ("2026-03-07", "2026-03-28", "2026-04-04", "2026-04-23", "2026-10-03", "2026-10-24", "2026-10-31")
)
QUARTERS = 4 * 96
LINKS = (1, 2, 3)
COUNTRIES = (None, "DE", "US", "NP")
FOREIGN_LINK, FOREIGN_WORKSPACE = 4, 2


@dataclass(frozen=True, slots=True)
class World:
    """Segments in the order of their load, and a range of time around them."""

    segments: tuple[tuple[Visit, ...], ...]
    range: ClickRange

    @property
    def clicks(self) -> list[Told]:
        return told(self.segments)


def _times(anchor: datetime) -> st.SearchStrategy[datetime]:
    """Some at the edges of quarters, some anywhere."""
    quarters = st.integers(0, QUARTERS - 1).map(lambda number: anchor + number * timedelta(minutes=15))
    inside = st.sampled_from([0, 1, 7 * 60 * 10**6, 15 * 60 * 10**6 - 1]).map(
        lambda number: timedelta(microseconds=number)
    )
    return st.builds(lambda quarter, more: quarter + more, quarters, inside)


def _visits(anchor: datetime) -> st.SearchStrategy[Visit]:
    words = st.sampled_from([None, "a", "b"])
    return st.builds(
        lambda link, **rest: Visit(link_id=link, workspace_id=FOREIGN_WORKSPACE if link == FOREIGN_LINK else 1, **rest),
        st.sampled_from([*LINKS, FOREIGN_LINK]),
        occurred_at=_times(anchor),
        kind=st.sampled_from([VisitorKind.PERSON] * 3 + [VisitorKind.CRAWLER, VisitorKind.HEAD]),
        visitor=st.sampled_from([None, 1, 2]),
        device=st.sampled_from(["DESKTOP", "MOBILE"]),
        country=st.sampled_from(COUNTRIES),
        referrer=words,
        utm_source=words,
        bot=words,
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Up to three segments and a range, in any zone."""
    anchor = draw(st.sampled_from(ANCHORS))
    segments = draw(st.lists(st.lists(_visits(anchor), max_size=15).map(tuple), min_size=1, max_size=3))
    edges = st.integers(-8, QUARTERS + 8)
    visits = [visit for segment in segments for visit in segment]
    if visits:  # a range often begins or ends with a click
        edges |= st.sampled_from([(visit.occurred_at - anchor) // timedelta(minutes=15) for visit in visits])
    start, end = sorted(draw(st.tuples(edges, edges)))
    begin, after = (anchor + edge * timedelta(minutes=15) for edge in (start, max(end, start + 1)))
    name = draw(st.sampled_from(sorted(zone_names())))
    return World(tuple(segments), ClickRange(begin, after, zone(name), Span()))


def _some(*values: object) -> st.SearchStrategy[tuple[object, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), max_size=2).map(tuple)


def filters() -> st.SearchStrategy[ClickFilter]:
    """Filters that often take something."""
    return st.builds(
        ClickFilter,
        link=st.none() | st.lists(st.sampled_from([*map(LinkId, LINKS), LinkId(FOREIGN_LINK)]), max_size=3).map(tuple),
        country=_some(None, "DE", "US"),
        referrer=_some(None, "a"),
        device=_some(*Device),
        kind=_some(*VisitorKind),
    )


async def settle(conn: asyncpg.Connection, segments: Sequence[Sequence[Visit]]) -> None:
    """Empties the store and loads the segments, each of them twice."""
    for table in ("click", "click_slot", "visitor", "click_day", "click_batch", "link_total"):
        await conn.execute(f"delete from {table}")
    await give_links(conn, *LINKS)
    await give_links(conn, FOREIGN_LINK, workspace_id=FOREIGN_WORKSPACE)
    for number, segment in enumerate(segments):
        assert await load(conn, segment, segment=number)
        assert not await load(conn, segment, segment=number)


def utc(*numbers: int) -> datetime:
    """An instant in UTC."""
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
