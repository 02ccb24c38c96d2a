"""Comparisons: the earlier range in calendar units, across changes of the clock and months of other lengths."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.comparisons import ComparisonPeriod, earlier
from models.ranges import Between, Days, Period, RangeAsked, resolve
from models.zones import wall, zone, zone_names

BERLIN = ZoneInfo("Europe/Berlin")
PREVIOUS, YEAR = ComparisonPeriod.PREVIOUS_PERIOD, ComparisonPeriod.PREVIOUS_YEAR
LONG_AFTER = datetime(2029, 1, 1, tzinfo=UTC)


def compared(
    asked: RangeAsked, to: ComparisonPeriod, *, now: datetime = LONG_AFTER, where: ZoneInfo = BERLIN
) -> tuple[str, str]:
    found = earlier(resolve(asked, zone=where, now=now, created_at=now), to=to, now=now)
    assert found is not None
    return (f"{wall(found.start, where):%Y-%m-%d %H:%M}", f"{wall(found.end, where):%Y-%m-%d %H:%M}")


def at(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("asked", "now", "to", "start", "end"),
    [
        # whole ranges
        (Period.YESTERDAY, at(2026, 3, 31, 9), PREVIOUS, "2026-03-29 00:00", "2026-03-30 00:00"),
        (Period.LAST_WEEK, at(2026, 4, 1, 9), PREVIOUS, "2026-03-16 00:00", "2026-03-23 00:00"),
        (Period.LAST_MONTH, at(2026, 4, 9, 9), PREVIOUS, "2026-02-01 00:00", "2026-03-01 00:00"),
        (Period.LAST_MONTH, at(2026, 3, 9, 9), PREVIOUS, "2026-01-01 00:00", "2026-02-01 00:00"),
        (Period.LAST_MONTH, at(2026, 4, 9, 9), YEAR, "2025-03-01 00:00", "2025-04-01 00:00"),
        (Days(date(2026, 3, 28), date(2026, 3, 30)), LONG_AFTER, PREVIOUS, "2026-03-25 00:00", "2026-03-28 00:00"),
        (Days(date(2028, 2, 29), date(2028, 2, 29)), LONG_AFTER, YEAR, "2027-02-28 00:00", "2027-03-01 00:00"),
        (Days(date(2028, 2, 1), date(2028, 2, 28)), LONG_AFTER, YEAR, "2027-02-01 00:00", "2027-03-01 00:00"),
        # the same part of the earlier range
        (Period.TODAY, at(2026, 3, 30, 9, 1), PREVIOUS, "2026-03-29 00:00", "2026-03-29 09:15"),
        (Period.THIS_WEEK, at(2026, 4, 1, 9), PREVIOUS, "2026-03-23 00:00", "2026-03-25 09:15"),
        (Period.THIS_MONTH, at(2026, 3, 15, 9), PREVIOUS, "2026-02-01 00:00", "2026-02-15 09:15"),
        (Period.THIS_MONTH, at(2026, 3, 31, 9), PREVIOUS, "2026-02-01 00:00", "2026-03-01 00:00"),
        (Period.THIS_YEAR, at(2026, 3, 15, 9), PREVIOUS, "2025-01-01 00:00", "2025-03-15 09:15"),
        (Period.LAST_7_DAYS, at(2026, 3, 30, 9), PREVIOUS, "2026-03-17 00:00", "2026-03-23 09:15"),
        (Period.LAST_12_MONTHS, at(2026, 3, 15, 9), PREVIOUS, "2024-04-01 00:00", "2025-03-15 09:15"),
        (Period.LAST_12_MONTHS, at(2026, 3, 15, 9), YEAR, "2024-04-01 00:00", "2025-03-15 09:15"),
        (
            Days(date(2026, 3, 30), date(2026, 4, 2)),
            at(2026, 3, 31, 9),
            PREVIOUS,
            "2026-03-26 00:00",
            "2026-03-27 09:15",
        ),
        # hours have no calendar
        (Period.LAST_HOUR, at(2026, 3, 29, 3, 30), PREVIOUS, "2026-03-29 00:15", "2026-03-29 01:30"),
        (Between(at(2026, 3, 29, 1), at(2026, 3, 29, 4)), LONG_AFTER, PREVIOUS, "2026-03-28 23:00", "2026-03-29 01:00"),
    ],
)
def test_the_earlier_range(asked: RangeAsked, now: datetime, to: ComparisonPeriod, start: str, end: str) -> None:
    assert compared(asked, to, now=now) == (start, end)


@pytest.mark.parametrize("to", ComparisonPeriod)
def test_nothing_precedes_all_time(to: ComparisonPeriod) -> None:
    now = at(2026, 3, 30, 9)

    assert earlier(resolve(Period.ALL_TIME, zone=BERLIN, now=now, created_at=now), to=to, now=now) is None


def test_a_range_that_has_not_begun_is_compared_whole() -> None:
    days = Days(date(2026, 5, 4), date(2026, 5, 6))

    assert compared(days, PREVIOUS, now=at(2026, 3, 1)) == ("2026-05-01 00:00", "2026-05-04 00:00")


def test_an_earlier_day_whose_beginning_the_clock_left_out_is_not_empty() -> None:
    # given the first quarter of the day after the one that begins at 01:00 in Cairo
    cairo = ZoneInfo("Africa/Cairo")
    now = datetime(2026, 4, 25, 0, 1, tzinfo=cairo).astimezone(UTC)

    # then
    assert compared(Period.TODAY, PREVIOUS, now=now, where=cairo) == ("2026-04-24 01:00", "2026-04-24 01:15")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(zone_names())),
    period=st.sampled_from([period for period in Period if period is not Period.ALL_TIME]),
    to=st.sampled_from(ComparisonPeriod),
    minutes=st.integers(0, 3 * 365 * 24 * 60),
)
def test_an_earlier_range_ends_before_it_and_has_whole_quarters(
    name: str, period: Period, to: ComparisonPeriod, minutes: int
) -> None:
    # given
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    asked = resolve(period, zone=zone(name), now=now, created_at=now)

    # when
    found = earlier(asked, to=to, now=now)

    # then
    assert found is not None
    assert found.start < found.end <= asked.start
    for edge in (found.start, found.end):
        assert edge.timestamp() % 900 == 0
    if to is PREVIOUS and asked.end <= now:
        assert found.end == asked.start
