"""Comparisons: the earlier range that a range is held against, in units of the local calendar."""

import calendar
from datetime import datetime, timedelta
from enum import StrEnum

from models.ranges import ClickRange, Span, end_of_now, first_of_month
from models.zones import QUARTER, first_instant, wall


class ComparisonPeriod(StrEnum):
    """What a range is compared with: as much time right before it, or the same a year earlier."""

    PREVIOUS_PERIOD = "PREVIOUS_PERIOD"
    PREVIOUS_YEAR = "PREVIOUS_YEAR"


def earlier(asked: ClickRange, *, to: ComparisonPeriod, now: datetime) -> ClickRange | None:
    """The earlier range, of a running range only the part that has passed by now; None for all time."""
    if asked.span is None:
        return None
    until = _passed(asked, now)
    if to is ComparisonPeriod.PREVIOUS_YEAR:
        return _shifted(asked, until, Span(months=12), asked.span)
    if asked.span == Span():
        length = asked.end - asked.start  # hours have no calendar: as many quarter hours
        return ClickRange(asked.start - length, until - length, asked.zone, asked.span)
    return _shifted(asked, until, asked.span, asked.span)


def _passed(asked: ClickRange, now: datetime) -> datetime:
    until = end_of_now(now)
    return min(asked.end, until) if asked.start < until else asked.end


def _shifted(asked: ClickRange, until: datetime, by: Span, span: Span) -> ClickRange:
    start = first_instant(_start_back(wall(asked.start, asked.zone), by), asked.zone)
    end = first_instant(_end_back(wall(until, asked.zone), by), asked.zone)
    # Not empty even where the local clock left out the earlier day's beginning, and never over its own beginning.
    end = max(start + QUARTER, min(end, asked.start))
    return ClickRange(start, end, asked.zone, span)


def _start_back(local: datetime, by: Span) -> datetime:
    """The same local time earlier; of a day that the earlier month lacks, its last day."""
    first = first_of_month(local.date(), months=-by.months)
    day = min(local.day, calendar.monthrange(first.year, first.month)[1])
    return local.replace(year=first.year, month=first.month, day=day) - timedelta(days=by.days)


def _end_back(local: datetime, by: Span) -> datetime:
    """The same local time earlier; of a day that the earlier month lacks, the end of that month."""
    first = first_of_month(local.date(), months=-by.months)
    if local.day > calendar.monthrange(first.year, first.month)[1]:
        after = first_of_month(first, months=1)
        return datetime(after.year, after.month, 1) - timedelta(days=by.days)  # noqa: DTZ001 - a local clock
    return local.replace(year=first.year, month=first.month) - timedelta(days=by.days)
