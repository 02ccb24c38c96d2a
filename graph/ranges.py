"""Ranges of time, as they are asked for and as they were read."""

from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import strawberry
from strawberry import UNSET

from graph.connections import bad_argument
from graph.scalars import NOT_AN_INSTANT, TimeZone, WrittenInstant, read_instant
from models import ranges, zones
from models.moments import Moment
from models.ranges import Between, ClickRange, Days, RangeAsked
from models.zones import UnknownZone


@strawberry.enum(
    description=(
        "Ranges with a name. Calendar periods begin at midnight in the range's time zone, weeks on Monday. "
        "More may be added."
    )
)
class Period(Enum):
    LAST_HOUR = strawberry.enum_value("LAST_HOUR", description="The 60 minutes that end now.")
    LAST_24_HOURS = strawberry.enum_value("LAST_24_HOURS", description="The 24 hours that end now.")
    TODAY = strawberry.enum_value("TODAY", description="Today, until now.")
    YESTERDAY = strawberry.enum_value("YESTERDAY", description="The day before today.")
    THIS_WEEK = strawberry.enum_value("THIS_WEEK", description="This week, until now.")
    LAST_WEEK = strawberry.enum_value("LAST_WEEK", description="The whole week before this one.")
    THIS_MONTH = strawberry.enum_value("THIS_MONTH", description="This month, until now.")
    LAST_MONTH = strawberry.enum_value("LAST_MONTH", description="The whole month before this one.")
    THIS_YEAR = strawberry.enum_value("THIS_YEAR", description="This year, until now.")
    LAST_7_DAYS = strawberry.enum_value("LAST_7_DAYS", description="Today, until now, and the 6 days before.")
    LAST_30_DAYS = strawberry.enum_value("LAST_30_DAYS", description="Today, until now, and the 29 days before.")
    LAST_90_DAYS = strawberry.enum_value("LAST_90_DAYS", description="Today, until now, and the 89 days before.")
    LAST_12_MONTHS = strawberry.enum_value(
        "LAST_12_MONTHS", description="This month, until now, and the 11 months before."
    )
    ALL_TIME = strawberry.enum_value("ALL_TIME", description="Since the link or workspace was made.")


@strawberry.input(description="Days in the range's time zone.")
class DayRangeInput:
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The last day; it is included.")


@strawberry.input(description="Half-open. Rounded outward to quarter hours; the answer echoes the range used.")
class InstantRangeInput:
    start: WrittenInstant = strawberry.field(description="Included.")
    end: WrittenInstant = strawberry.field(description="Not included.")


@strawberry.input(one_of=True, description="A range of time, in one of three ways.")
class TimeRangeInput:
    period: Period | None = strawberry.field(default=UNSET, description="By name.")
    days: DayRangeInput | None = strawberry.field(default=UNSET, description="By calendar days.")
    between: InstantRangeInput | None = strawberry.field(default=UNSET, description="By instants.")


LAST_7_DAYS: Final = TimeRangeInput(period=Period.LAST_7_DAYS)
LAST_HOUR: Final = TimeRangeInput(period=Period.LAST_HOUR)
ALL_TIME: Final = TimeRangeInput(period=Period.ALL_TIME)


@strawberry.type(description="The range as it was read; half-open.")
class TimeRange:
    start: datetime = strawberry.field(description="Included; with the offset of the time zone.")
    end: datetime = strawberry.field(description="Not included; with the offset of the time zone.")
    timezone: TimeZone = strawberry.field(description="Where its days begin.")


def range_read(asked: TimeRangeInput, *, timezone: TimeZone | None, moment: Moment, created_at: datetime) -> ClickRange:
    """The range meant, for an owner made at `created_at`; BAD_REQUEST for no time zone, InvalidRange for no range."""
    try:
        zone = zones.zone(moment.timezone if timezone is None else timezone)
    except UnknownZone as error:
        raise bad_argument("timezone", "not a time zone of the tz database, such as Europe/Berlin") from error
    return ranges.resolve(_plain(asked), zone=zone, now=moment.now, created_at=created_at)


def shown_range(read: ClickRange) -> TimeRange:
    """The range as the API shows it."""
    return _shown(read.start, read.end, read.zone)


@lru_cache(maxsize=1_000)  # the same for all links of a page
def _shown(start: datetime, end: datetime, zone: ZoneInfo) -> TimeRange:
    return TimeRange(start=start.astimezone(zone), end=end.astimezone(zone), timezone=TimeZone(zone.key))


def _plain(asked: TimeRangeInput) -> RangeAsked:
    if asked.days:
        return Days(asked.days.from_, asked.days.to)
    if asked.between:
        return Between(_instant(asked.between.start), _instant(asked.between.end))
    assert asked.period, "one of the three is given"
    return ranges.Period[asked.period.name]


def _instant(text: WrittenInstant) -> datetime:
    moment = read_instant(text)
    if moment is None:
        raise bad_argument("range", NOT_AN_INSTANT)
    return moment
