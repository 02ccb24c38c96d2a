"""Ranges of time as they are asked for, and the half-open range of quarter hours that each one means."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.analytics_refusals import InvalidRange
from models.zones import QUARTER, ceil_quarter, floor_quarter, midnight, wall

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # before it, zones are no whole quarter hours apart
LATEST = datetime(2100, 1, 1, tzinfo=UTC)


class Period(StrEnum):
    """Ranges with a name. Those still running end with the quarter of an hour that is now."""

    LAST_HOUR = "LAST_HOUR"
    LAST_24_HOURS = "LAST_24_HOURS"
    TODAY = "TODAY"
    YESTERDAY = "YESTERDAY"
    THIS_WEEK = "THIS_WEEK"
    LAST_WEEK = "LAST_WEEK"
    THIS_MONTH = "THIS_MONTH"
    LAST_MONTH = "LAST_MONTH"
    THIS_YEAR = "THIS_YEAR"
    LAST_7_DAYS = "LAST_7_DAYS"
    LAST_30_DAYS = "LAST_30_DAYS"
    LAST_90_DAYS = "LAST_90_DAYS"
    LAST_12_MONTHS = "LAST_12_MONTHS"
    ALL_TIME = "ALL_TIME"


@dataclass(frozen=True, slots=True)
class Days:
    """Local calendar days, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Between:
    """Instants (aware); `end` is not included."""

    start: datetime
    end: datetime


RangeAsked = Period | Days | Between


@dataclass(frozen=True, slots=True)
class Span:
    """How long a range is in calendar units; neither months nor days: in quarter hours."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class ClickRange:
    """A range as it was read: half-open, whole quarter hours, in UTC; `span` is None for all time."""

    start: datetime
    end: datetime
    zone: ZoneInfo
    span: Span | None

    @property
    def is_all_time(self) -> bool:
        """Whether it began with its owner and ends now."""
        return self.span is None


_HOURS = {Period.LAST_HOUR: 1, Period.LAST_24_HOURS: 24}


def resolve(asked: RangeAsked, *, zone: ZoneInfo, now: datetime, created_at: datetime) -> ClickRange:
    """The range meant by `asked` for an owner made at `created_at`; InvalidRange if there is none."""
    match asked:
        case Period():
            return _named(asked, zone=zone, now=now, created_at=created_at)
        case Days():
            return _days(asked, zone)
        case Between():
            return _between(asked, zone)


def end_of_now(now: datetime) -> datetime:
    """Where the quarter of an hour that is now ends: always after `now`."""
    return floor_quarter(now) + QUARTER


def first_of_month(day: date, *, months: int = 0) -> date:
    """The first day of the month that lies `months` after the day's."""
    month = day.year * 12 + day.month - 1 + months
    return date(month // 12, month % 12 + 1, 1)


def _named(period: Period, *, zone: ZoneInfo, now: datetime, created_at: datetime) -> ClickRange:
    if period is Period.ALL_TIME:
        start = floor_quarter(created_at)
        return ClickRange(start, max(end_of_now(now), start + QUARTER), zone, None)
    return _of_now(period, zone, now)


@lru_cache(maxsize=1_000)  # a page of links asks for the same range of each
def _of_now(period: Period, zone: ZoneInfo, now: datetime) -> ClickRange:
    until = end_of_now(now)
    if period in _HOURS:
        return ClickRange(floor_quarter(now - timedelta(hours=_HOURS[period])), until, zone, Span())
    first, after, span = _calendar(period, wall(now, zone).date())
    end = until if after is None else midnight(after, zone)
    return ClickRange(midnight(first, zone), end, zone, span)


def _calendar(period: Period, today: date) -> tuple[date, date | None, Span]:
    """The first local day, the day after the last (None: still running), and how long it is."""
    monday, month = today - timedelta(days=today.weekday()), first_of_month(today)
    return {
        Period.TODAY: (today, None, Span(days=1)),
        Period.YESTERDAY: (today - timedelta(days=1), today, Span(days=1)),
        Period.THIS_WEEK: (monday, None, Span(days=7)),
        Period.LAST_WEEK: (monday - timedelta(days=7), monday, Span(days=7)),
        Period.THIS_MONTH: (month, None, Span(months=1)),
        Period.LAST_MONTH: (first_of_month(today, months=-1), month, Span(months=1)),
        Period.THIS_YEAR: (today.replace(month=1, day=1), None, Span(months=12)),
        Period.LAST_7_DAYS: (today - timedelta(days=6), None, Span(days=7)),
        Period.LAST_30_DAYS: (today - timedelta(days=29), None, Span(days=30)),
        Period.LAST_90_DAYS: (today - timedelta(days=89), None, Span(days=90)),
        Period.LAST_12_MONTHS: (first_of_month(today, months=-11), None, Span(months=12)),
    }[period]


def _days(asked: Days, zone: ZoneInfo) -> ClickRange:
    if asked.first > asked.last:
        raise InvalidRange(f"the range ends on {asked.last}, before it begins on {asked.first}")
    if not (EARLIEST.year < asked.first.year and asked.last.year < LATEST.year):
        raise InvalidRange(f"days lie between {EARLIEST.year + 1} and {LATEST.year - 1}")
    after = asked.last + timedelta(days=1)
    return ClickRange(midnight(asked.first, zone), midnight(after, zone), zone, Span(days=(after - asked.first).days))


def _between(asked: Between, zone: ZoneInfo) -> ClickRange:
    if asked.start.tzinfo is None or asked.end.tzinfo is None:
        raise InvalidRange("an instant needs an offset from UTC")
    if not (EARLIEST <= asked.start < asked.end <= LATEST):
        raise InvalidRange(f"a range begins before it ends, both between {EARLIEST.year} and {LATEST.year}")
    start, end = floor_quarter(asked.start), ceil_quarter(asked.end)
    return ClickRange(start, end, zone, _span_between(wall(start, zone), wall(end, zone)))


def _span_between(start: datetime, end: datetime) -> Span:
    """Whole local days if both ends are midnights."""
    whole_days, rest = divmod(end - start, timedelta(days=1))
    at_midnight = start.hour == start.minute == 0
    return Span(days=whole_days) if at_midnight and not rest and whole_days > 0 else Span()
