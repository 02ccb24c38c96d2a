"""Questions about clicks that are answered with sums: totals, time series, change.

Each takes a list of owners and costs one statement for all of them. A result stands where its owner stood in the list,
and is an AnalyticsRefused where that owner's question alone was refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics_refusals import AnalyticsRefused, TooManyPoints
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_reads import MAX_CLICKS_READ, OwnerRange, reading
from models.click_sums import Sums, read_sums
from models.click_totals import NEVER_CLICKED, ClickTotals, of_links
from models.clicks import SlotScope
from models.ids import LinkId, WorkspaceId
from models.intervals import MAX_POINTS, Grid, TimeInterval, grid
from models.ranges import ClickRange


@dataclass(frozen=True, slots=True)
class TimePoint:
    """A bucket: where it begins (UTC), what was counted, and whether the range or the present cuts it."""

    start: datetime
    totals: ClickTotals
    partial: bool


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Contiguous points, zero-filled."""

    interval: TimeInterval
    points: tuple[TimePoint, ...]

    @property
    def totals(self) -> ClickTotals:
        """What its range adds up to: the points leave nothing of it out."""
        clicked = [one.totals for one in self.points if one.totals is not NEVER_CLICKED.totals]
        return ClickTotals(
            sum(one.clicks for one in clicked),
            sum(one.unique_clicks for one in clicked),
            sum(one.bot_clicks for one in clicked),
        )


@dataclass(frozen=True, slots=True)
class ClickChange:
    """Relative change (0.25 = a quarter more); None where the earlier value was zero."""

    clicks: float | None
    unique_clicks: float | None


async def totals(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    scope: SlotScope,
    asked: Sequence[OwnerRange],
    click_filter: ClickFilter = EVERY_CLICK,
    budget: int = MAX_CLICKS_READ,
) -> list[ClickTotals | AnalyticsRefused]:
    """The totals of each owner's range."""
    if scope is SlotScope.LINK and click_filter == EVERY_CLICK and all(one.range.is_all_time for one in asked):
        links = [LinkId(one.owner_id) for one in asked]
        found = await of_links(conn, workspace_id=workspace_id, ids=links)
        return [found.get(link, NEVER_CLICKED).totals for link in links]
    rows = reading(asked, workspace_id=workspace_id, scope=scope, click_filter=click_filter, budget=budget)
    sums = await read_sums(conn, rows, [(one.range.start,) for one in asked])
    return [each if isinstance(each, AnalyticsRefused) else _point(each, 1) for each in sums]


async def timeseries(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    scope: SlotScope,
    asked: Sequence[OwnerRange],
    interval: TimeInterval | None,
    now: datetime,
    click_filter: ClickFilter = EVERY_CLICK,
    max_points: int = MAX_POINTS,
    budget: int = MAX_CLICKS_READ,
) -> list[TimeSeries | AnalyticsRefused]:
    """The series of each owner's range; `interval` left out: one that fits each range."""
    cut = _grids(asked, interval, max_points)
    grids = [cut[one.range] for one in asked]
    answerable = [(one, found) for one, found in zip(asked, grids, strict=True) if isinstance(found, Grid)]
    rows = reading(
        [one for one, _ in answerable],
        workspace_id=workspace_id,
        scope=scope,
        click_filter=click_filter,
        budget=budget,
    )
    sums = iter(await read_sums(conn, rows, [found.starts for _, found in answerable]))
    empty = {id(found): _empty_points(found, now) for found in cut.values() if isinstance(found, Grid)}
    return [
        _series(found.interval, empty[id(found)], next(sums)) if isinstance(found, Grid) else found for found in grids
    ]


def change(*, now: ClickTotals, earlier: ClickTotals) -> ClickChange:
    """How much `now` is above or below `earlier`."""
    return ClickChange(
        clicks=_relative(now.clicks, earlier.clicks),
        unique_clicks=_relative(now.unique_clicks, earlier.unique_clicks),
    )


def _relative(now: int, earlier: int) -> float | None:
    return (now - earlier) / earlier if earlier else None


def _grids(
    asked: Sequence[OwnerRange], interval: TimeInterval | None, max_points: int
) -> dict[ClickRange, Grid | TooManyPoints]:
    """One grid for each different range: the links of a page mostly share theirs."""
    return {one: _grid(one, interval, max_points) for one in {each.range for each in asked}}


def _grid(asked: ClickRange, interval: TimeInterval | None, max_points: int) -> Grid | TooManyPoints:
    try:
        return grid(asked, interval, max_points=max_points)
    except TooManyPoints as refused:
        return refused


def _empty_points(cut: Grid, now: datetime) -> list[TimePoint]:
    return [
        TimePoint(start, NEVER_CLICKED.totals, cut.is_partial(index, now=now)) for index, start in enumerate(cut.starts)
    ]


def _series(
    interval: TimeInterval, empty: list[TimePoint], found: Sums | AnalyticsRefused
) -> TimeSeries | AnalyticsRefused:
    """The empty points, which a page of links shares, but for those in which something was clicked."""
    if isinstance(found, AnalyticsRefused):
        return found
    points = list(empty)
    for number, sums in found.items():
        if number > 0:  # slots before the first bucket have number 0
            at = points[number - 1]
            points[number - 1] = TimePoint(at.start, ClickTotals(*sums), at.partial)
    return TimeSeries(interval, tuple(points))


def _point(found: Sums, number: int) -> ClickTotals:
    return ClickTotals(*found.get(number, (0, 0, 0)))
