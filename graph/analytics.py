"""Analytics: what links and workspaces were clicked, in a range."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from graph.click_filters import ClickFilter, filter_read
from graph.click_totals import ClickTotals, shown_totals
from graph.clicks_asked import Asked, ClickOwner, RankingAsked
from graph.comparisons import AnalyticsComparison, ComparisonPeriod, compared
from graph.context import Context, Info
from graph.defaults import given
from graph.ids import Node
from graph.intervals import Interval, TimeSeries, series_of
from graph.ranges import LAST_7_DAYS, TimeRange, TimeRangeInput, range_read, shown_range
from graph.scalars import TimeZone
from graph.top import ClickDimension, ClickMetric, TopValues, shown_top, top_read
from models.click_reads import OwnerRange
from models.moments import Moment


@strawberry.type(description="Clicks in a range. Each field is computed only when it is selected.")
class Analytics:
    range: TimeRange = strawberry.field(description="The range as it was read.")
    as_of: datetime = strawberry.field(
        description="Every click stored before this instant is counted; a visit is usually stored within two seconds."
    )
    asked: strawberry.Private[Asked]
    now: strawberry.Private[datetime]

    @strawberry.field(description="What the range adds up to.")
    async def totals(self, info: Info) -> ClickTotals:
        return shown_totals(await info.context.loaders.clicks.totals(self.asked))

    @strawberry.field(
        description=(
            "Null for ALL_TIME, which nothing precedes. "
            "A range still running is compared with the same part of the earlier one."
        )
    )
    def comparison(
        self,
        to: Annotated[
            ComparisonPeriod | None, strawberry.argument(description="With which earlier range.")
        ] = ComparisonPeriod.PREVIOUS_PERIOD,
    ) -> AnalyticsComparison | None:
        assert to is not None
        return compared(self.asked, to=to, now=self.now)

    @strawberry.field(description="Clicks over time; null when refused, and `errors` says why.")
    async def timeseries(self, info: Info, interval: Interval = UNSET) -> TimeSeries | None:
        return await series_of(self.asked, info, interval=given(interval), now=self.now)

    @strawberry.field(
        description=(
            "The values of a dimension that were clicked most. "
            "Null, with TOO_MANY_CLICKS, when it would have to read more than the server allows; never a sample."
        )
    )
    async def top(
        self,
        info: Info,
        dimension: Annotated[ClickDimension, strawberry.argument(description="What to count by.")],
        first: Annotated[int | None, strawberry.argument(description="So many rows, 0 to 250.")] = 10,
        order_by: Annotated[
            ClickMetric | None, strawberry.argument(description="What puts a value first.")
        ] = ClickMetric.CLICKS,
    ) -> TopValues | None:
        assert first is not None and order_by is not None
        asked = RankingAsked(self.asked, top_read(dimension, first, order_by))
        return await shown_top(await info.context.loaders.clicks.top(asked), dimension, info.context)


@strawberry.interface(description="Anything whose clicks are counted.")
class HasAnalytics(Node):
    click_owner: strawberry.Private[ClickOwner]

    @strawberry.field(
        description=(
            "Its clicks in a range. Needs ANALYTICS_READ. Null when it could not be computed, and `errors` says why; "
            "the rest of the answer is unharmed."
        )
    )
    async def analytics(
        self,
        info: Info,
        range: Annotated[  # noqa: A002
            TimeRangeInput | None, strawberry.argument(description="When.")
        ] = LAST_7_DAYS,
        timezone: Annotated[
            TimeZone | None, strawberry.argument(description="Where days begin; left out: the workspace's.")
        ] = UNSET,
        filter: Annotated[ClickFilter | None, strawberry.argument(description="Only some of them.")] = UNSET,  # noqa: A002
    ) -> Analytics | None:
        assert range is not None
        moment, asked = await clicks_asked(
            self.click_owner, info.context, range=range, timezone=given(timezone), filter=given(filter)
        )
        read = asked.owner.range
        return Analytics(range=shown_range(read), as_of=moment.now.astimezone(read.zone), asked=asked, now=moment.now)


async def clicks_asked(
    owner: ClickOwner,
    context: Context,
    *,
    range: TimeRangeInput,  # noqa: A002
    timezone: TimeZone | None,
    filter: ClickFilter | None,  # noqa: A002
) -> tuple[Moment, Asked]:
    """The owner's clicks that the arguments mean, and the request's present."""
    moment = await context.loaders.clicks.moment()
    read = range_read(range, timezone=timezone, moment=moment, created_at=owner.created_at)
    return moment, Asked(owner.scope, OwnerRange(owner.id, read), filter_read(filter))
