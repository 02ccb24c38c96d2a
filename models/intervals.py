"""Intervals: the buckets of a time series, cut along the local calendar of a range."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.analytics_refusals import TooManyPoints
from models.ranges import ClickRange, first_of_month
from models.zones import QUARTER, midnight, wall

MAX_POINTS = 2_000


class TimeInterval(StrEnum):
    """How long a bucket is; days, ISO weeks and months are those of the local calendar."""

    QUARTER_HOUR = "QUARTER_HOUR"
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


# No bucket is longer than this, so a range has at least so many: known before any of them is made.
_LONGEST = {
    TimeInterval.QUARTER_HOUR: QUARTER,
    TimeInterval.HOUR: timedelta(hours=1),
    TimeInterval.DAY: timedelta(hours=25),
    TimeInterval.WEEK: timedelta(days=7, hours=1),
    TimeInterval.MONTH: timedelta(days=31, hours=1),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Contiguous buckets that cover a range: each begins at its start (UTC) and ends where the next one begins.

    `whole_start` and `whole_end` are where the first and last would begin and end if the range did not cut them.
    """

    interval: TimeInterval
    starts: tuple[datetime, ...]
    end: datetime
    whole_start: datetime
    whole_end: datetime

    def is_partial(self, index: int, *, now: datetime) -> bool:
        """Whether the range or the present cuts the bucket."""
        last = index == len(self.starts) - 1
        cut = (index == 0 and self.starts[0] > self.whole_start) or (last and self.end < self.whole_end)
        return cut or (self.whole_end if last else self.starts[index + 1]) > now


def fitting(asked: ClickRange) -> TimeInterval:
    """The interval that makes a readable chart of the range."""
    length = asked.end - asked.start
    for longest, interval in (
        (timedelta(hours=6), TimeInterval.QUARTER_HOUR),
        (timedelta(days=3), TimeInterval.HOUR),
        (timedelta(days=100), TimeInterval.DAY),
        (timedelta(days=200), TimeInterval.WEEK),
    ):
        if length <= longest:
            return interval
    return TimeInterval.MONTH


@lru_cache(maxsize=64)  # a page of links asks for the same range of each, and so does the next request
def grid(asked: ClickRange, interval: TimeInterval | None = None, *, max_points: int = MAX_POINTS) -> Grid:
    """The buckets of the range; `interval` left out: one that fits. TooManyPoints for more than `max_points`."""
    chosen = fitting(asked) if interval is None else interval
    if (asked.end - asked.start) / _LONGEST[chosen] > max_points + 1:
        raise TooManyPoints(limit=max_points)
    edges = _edges(asked, chosen)
    starts = (asked.start, *(edge for edge in edges[1:] if edge < asked.end))
    if len(starts) > max_points:
        raise TooManyPoints(limit=max_points)
    return Grid(chosen, starts, asked.end, edges[0], edges[-1])


def _edges(asked: ClickRange, interval: TimeInterval) -> list[datetime]:
    """Where buckets begin, from the one that holds the range's start to the first edge not before its end."""
    edges: list[datetime] = []
    for edge in _walk(asked.start, asked.zone, interval):
        if not edges or edge > edges[-1]:  # a day that the calendar left out has no bucket
            edges.append(edge)
        if edge >= asked.end:
            break
    return edges


def _walk(start: datetime, zone: ZoneInfo, interval: TimeInterval) -> Iterator[datetime]:
    match interval:
        case TimeInterval.QUARTER_HOUR:
            return _quarters(start)
        case TimeInterval.HOUR:
            return _hours(start, zone)
        case _:
            return _days(wall(start, zone).date(), zone, interval)


def _quarters(start: datetime) -> Iterator[datetime]:
    while True:
        yield start
        start += QUARTER


def _hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """An hour that the clock repeats is two; one whose offset changes inside is as long as each offset lasts."""
    while _same_hour(start, start - QUARTER, zone):
        start -= QUARTER
    while True:
        yield start
        start = _next_hour(start, zone)


def _next_hour(start: datetime, zone: ZoneInfo) -> datetime:
    edge = start + timedelta(hours=1, minutes=-start.astimezone(zone).minute)
    if _same_hour(start, edge - QUARTER, zone):
        return edge
    edge = start + QUARTER
    while _same_hour(start, edge, zone):
        edge += QUARTER
    return edge


def _same_hour(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    here, there = one.astimezone(zone), other.astimezone(zone)
    return (here.hour, here.date(), here.utcoffset()) == (there.hour, there.date(), there.utcoffset())


def _days(day: date, zone: ZoneInfo, interval: TimeInterval) -> Iterator[datetime]:
    if interval is TimeInterval.WEEK:
        day -= timedelta(days=day.weekday())
    if interval is TimeInterval.MONTH:
        day = first_of_month(day)
    while True:
        yield midnight(day, zone)
        day = _after(day, interval)


def _after(day: date, interval: TimeInterval) -> date:
    if interval is TimeInterval.MONTH:
        return first_of_month(day, months=1)
    return day + timedelta(days=7 if interval is TimeInterval.WEEK else 1)
