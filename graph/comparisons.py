"""Comparisons: a range held against an earlier one."""

import asyncio
from dataclasses import replace
from datetime import datetime
from enum import Enum

import strawberry
from strawberry import UNSET

from graph.click_totals import ClickTotals, shown_totals
from graph.clicks_asked import Asked
from graph.context import Info
from graph.defaults import given
from graph.intervals import Interval, TimeSeries, series_of
from graph.ranges import TimeRange, shown_range
from models import analytics, comparisons


@strawberry.enum(description="What a range is compared with.")
class ComparisonPeriod(Enum):
    PREVIOUS_PERIOD = strawberry.enum_value(
        "PREVIOUS_PERIOD", description="As many days, weeks, months or hours right before it."
    )
    PREVIOUS_YEAR = strawberry.enum_value("PREVIOUS_YEAR", description="The same days a year earlier.")


@strawberry.type(description="Relative change (0.25 = +25 %); null when the earlier value was zero.")
class ClickChange:
    clicks: float | None = strawberry.field(description="Of visits by people.")
    unique_clicks: float | None = strawberry.field(description="Of unique clicks.")


@strawberry.type(description="The earlier range, and how far the asked one is above or below it.")
class AnalyticsComparison:
    range: TimeRange = strawberry.field(
        description="The earlier range; of one that is still running, only the same part."
    )
    earlier: strawberry.Private[Asked]
    later: strawberry.Private[Asked]
    now: strawberry.Private[datetime]

    @strawberry.field(description="What the earlier range adds up to.")
    async def totals(self, info: Info) -> ClickTotals:
        return shown_totals(await info.context.loaders.clicks.totals(self.earlier))

    @strawberry.field(description="From the earlier range to the asked one.")
    async def change(self, info: Info) -> ClickChange:
        totals = info.context.loaders.clicks.totals
        both = await asyncio.gather(totals(self.later), totals(self.earlier))
        change = analytics.change(now=both[0], earlier=both[1])
        return ClickChange(clicks=change.clicks, unique_clicks=change.unique_clicks)

    @strawberry.field(description="The earlier clicks over time; null when refused, and `errors` says why.")
    async def timeseries(self, info: Info, interval: Interval = UNSET) -> TimeSeries | None:
        return await series_of(self.earlier, info, interval=given(interval), now=self.now)


def compared(asked: Asked, *, to: ComparisonPeriod, now: datetime) -> AnalyticsComparison | None:
    """The clicks held against earlier ones; None for all time."""
    earlier = comparisons.earlier(asked.owner.range, to=comparisons.ComparisonPeriod[to.name], now=now)
    if earlier is None:
        return None
    before = replace(asked, owner=replace(asked.owner, range=earlier))
    return AnalyticsComparison(range=shown_range(earlier), earlier=before, later=asked, now=now)
