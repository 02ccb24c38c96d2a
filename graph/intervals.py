"""Time series: clicks by the quarter hours, hours, days, weeks or months of a range."""

from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

import strawberry

from graph.clicks_asked import Asked, SeriesAsked
from graph.context import Info
from graph.scalars import Count
from models import analytics, intervals
from models.click_totals import NEVER_CLICKED


@strawberry.enum(description="How long a point of a series is. More may be added.")
class TimeInterval(Enum):
    QUARTER_HOUR = strawberry.enum_value("QUARTER_HOUR", description="15 minutes.")
    HOUR = strawberry.enum_value("HOUR", description="An hour of the local clock.")
    DAY = strawberry.enum_value("DAY", description="A local calendar day, also one of 23 or 25 hours.")
    WEEK = strawberry.enum_value("WEEK", description="An ISO week: from Monday on.")
    MONTH = strawberry.enum_value("MONTH", description="A calendar month.")


Interval = Annotated[TimeInterval | None, strawberry.argument(description="Left out: chosen to fit the range.")]


@strawberry.type(description="What was clicked in one interval of a series.")
class TimePoint:
    start: datetime = strawberry.field(
        description="Where it begins, with the offset of the range's time zone: the first ten characters are the day."
    )
    clicks: Count = strawberry.field(description="Visits by people.")
    unique_clicks: Count = strawberry.field(description="Clicks that were the first of their visitor.")
    bot_clicks: Count = strawberry.field(description="Visits by bots; never part of clicks.")
    partial: bool = strawberry.field(description="Whether the range or the present cuts it short.")


@strawberry.type(description="Clicks over time.")
class TimeSeries:
    interval: TimeInterval = strawberry.field(description="How long a point is.")
    points: list[TimePoint] = strawberry.field(description="Contiguous and zero-filled, earliest first; at most 2,000.")


async def series_of(asked: Asked, info: Info, *, interval: TimeInterval | None, now: datetime) -> TimeSeries:
    """The asked clicks over time, on the clock of their range; raises what refuses them."""
    chosen = None if interval is None else intervals.TimeInterval[interval.name]
    series = await info.context.loaders.clicks.timeseries(SeriesAsked(asked, chosen, now))
    return _shown(series, asked.owner.range.zone)


def _shown(series: analytics.TimeSeries, zone: ZoneInfo) -> TimeSeries:
    never = NEVER_CLICKED.totals
    points = [
        _empty(point.start, zone, partial=point.partial) if point.totals is never else _point(point, zone)
        for point in series.points
    ]
    return TimeSeries(interval=TimeInterval[series.interval.name], points=points)


@lru_cache(maxsize=10_000)  # most points of most links, and the same for all of them
def _empty(start: datetime, zone: ZoneInfo, *, partial: bool) -> TimePoint:
    return _point(analytics.TimePoint(start, NEVER_CLICKED.totals, partial), zone)


@lru_cache(maxsize=10_000)  # the series of a page of links begin at the same instants
def _local(start: datetime, zone: ZoneInfo) -> datetime:
    return start.astimezone(zone)


def _point(point: analytics.TimePoint, zone: ZoneInfo) -> TimePoint:
    totals = point.totals
    return TimePoint(
        start=_local(point.start, zone),
        clicks=Count(totals.clicks),
        unique_clicks=Count(totals.unique_clicks),
        bot_clicks=Count(totals.bot_clicks),
        partial=point.partial,
    )
