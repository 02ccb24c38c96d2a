"""Intervals: the buckets of every zone equal those found by walking the local clock, at every change of the clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analytics_refusals import TooManyPoints
from models.intervals import Grid, TimeInterval, fitting, grid
from models.ranges import Between, ClickRange, Days, Period, Span, resolve
from models.zones import zone, zone_names
from tests.oracle import series

NOW = datetime(2026, 11, 21, 12, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
WALKED = (TimeInterval.HOUR, TimeInterval.DAY, TimeInterval.WEEK, TimeInterval.MONTH)


def walked(asked: ClickRange, interval: TimeInterval) -> tuple[datetime, ...]:
    points = series([], start=asked.start, end=asked.end, zone=asked.zone, interval=interval)
    return tuple(start for start, _ in points)


def days(first: date, last: date, where: ZoneInfo = BERLIN) -> ClickRange:
    return resolve(Days(first, last), zone=where, now=NOW, created_at=NOW)


def changes(where: ZoneInfo, *, first: date, last: date) -> Iterator[datetime]:
    """Midnights (UTC) before the days on which the clock of the zone is changed."""
    at = datetime(first.year, first.month, first.day, tzinfo=UTC)
    before = at.astimezone(where).utcoffset()
    while at.date() <= last:
        at += timedelta(days=1)
        after = at.astimezone(where).utcoffset()
        if after != before:
            yield at - timedelta(days=1)
        before = after


def around_changes(name: str, *, first: date, last: date) -> None:
    where = zone(name)
    for at in changes(where, first=first, last=last):
        asked = ClickRange(at - timedelta(hours=30), at + timedelta(hours=54), where, Span())
        for interval in WALKED:
            assert grid(asked, interval).starts == walked(asked, interval), (name, at, interval)


def test_buckets_around_every_change_of_every_clock() -> None:
    for name in sorted(zone_names()):
        around_changes(name, first=date(2026, 1, 1), last=date(2026, 12, 31))


@pytest.mark.nightly
def test_buckets_around_every_change_since_2012() -> None:
    for name in sorted(zone_names()):
        around_changes(name, first=date(2012, 1, 1), last=date(2037, 12, 31))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(zone_names())),
    interval=st.sampled_from(TimeInterval),
    start=st.integers(0, 4 * 365 * 96),
    length=st.integers(1, 1_500),
)
def test_buckets_of_any_range(name: str, interval: TimeInterval, start: int, length: int) -> None:
    # given a range that begins and ends anywhere
    begin = datetime(2026, 1, 1, tzinfo=UTC) + start * timedelta(minutes=15)
    asked = ClickRange(begin, begin + length * timedelta(minutes=15), zone(name), Span())

    # then
    assert grid(asked, interval).starts == walked(asked, interval)


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # half an hour
        ("Africa/Cairo", date(2026, 4, 24), 23),  # begins at 01:00
        ("Asia/Kathmandu", date(2026, 4, 24), 24),
    ],
)
def test_a_day_is_as_long_as_its_clock_makes_it(name: str, day: date, hours: float) -> None:
    cut = grid(days(day - timedelta(days=1), day + timedelta(days=1), zone(name)), TimeInterval.DAY)

    assert len(cut.starts) == 3
    assert cut.starts[2] - cut.starts[1] == timedelta(hours=hours)


def test_an_hour_that_comes_twice_is_two_buckets() -> None:
    cut = grid(days(date(2026, 10, 25), date(2026, 10, 25)), TimeInterval.HOUR)

    assert len(cut.starts) == 25


def test_a_range_may_begin_with_the_second_of_two_equal_hours() -> None:
    # given 02:00 in Berlin, for the second time
    again = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    cut = grid(ClickRange(again, again + timedelta(hours=2), BERLIN, Span()), TimeInterval.HOUR)

    # then it is a whole hour
    assert cut.starts == (again, again + timedelta(hours=1))
    assert partials(cut) == [False, False]


def test_a_day_that_the_calendar_left_out_has_no_bucket() -> None:
    # given Samoa, which went from the 29th to the 31st of December 2011
    cut = grid(days(date(2011, 12, 28), date(2011, 12, 31), zone("Pacific/Apia")), TimeInterval.DAY)

    assert len(cut.starts) == 3


def test_weeks_begin_on_monday_across_the_year() -> None:
    cut = grid(days(date(2026, 12, 28), date(2027, 1, 10)), TimeInterval.WEEK)

    assert [start.astimezone(BERLIN).date() for start in cut.starts] == [date(2026, 12, 28), date(2027, 1, 4)]


def partials(cut: Grid, *, now: datetime = NOW) -> list[bool]:
    return [cut.is_partial(number, now=now) for number in range(len(cut.starts))]


@pytest.mark.parametrize(
    ("asked", "interval", "expected"),
    [
        (Days(date(2026, 11, 18), date(2026, 11, 20)), TimeInterval.DAY, [False, False, False]),
        (Days(date(2026, 11, 18), date(2026, 11, 20)), TimeInterval.WEEK, [True]),
        (Days(date(2026, 11, 9), date(2026, 11, 17)), TimeInterval.WEEK, [False, True]),
        (Days(date(2026, 11, 10), date(2026, 11, 15)), TimeInterval.WEEK, [True]),
        (Days(date(2026, 11, 20), date(2026, 11, 22)), TimeInterval.DAY, [False, True, True]),
        (Between(NOW - timedelta(minutes=30), NOW), TimeInterval.QUARTER_HOUR, [False, False, True]),
        (Period.TODAY, TimeInterval.DAY, [True]),
        (Period.YESTERDAY, TimeInterval.DAY, [False]),
        (Period.LAST_MONTH, TimeInterval.MONTH, [False]),
        (Period.THIS_MONTH, TimeInterval.MONTH, [True]),
    ],
)
def test_a_bucket_cut_by_the_range_or_the_present_is_partial(
    asked: Days | Between | Period, interval: TimeInterval, expected: list[bool]
) -> None:
    cut = grid(resolve(asked, zone=BERLIN, now=NOW, created_at=NOW), interval)

    assert partials(cut) == expected


@pytest.mark.parametrize(
    ("period", "interval"),
    [
        (Period.LAST_HOUR, TimeInterval.QUARTER_HOUR),
        (Period.LAST_24_HOURS, TimeInterval.HOUR),
        (Period.YESTERDAY, TimeInterval.HOUR),
        (Period.LAST_7_DAYS, TimeInterval.DAY),
        (Period.LAST_90_DAYS, TimeInterval.DAY),
        (Period.LAST_12_MONTHS, TimeInterval.MONTH),
    ],
)
def test_an_interval_left_out_fits_the_range(period: Period, interval: TimeInterval) -> None:
    asked = resolve(period, zone=BERLIN, now=NOW, created_at=NOW)

    assert fitting(asked) is interval
    assert grid(asked).interval is interval


@pytest.mark.parametrize("interval", TimeInterval)
def test_the_number_of_points_is_bounded(interval: TimeInterval) -> None:
    # given the longest range there is
    century = days(date(2001, 1, 1), date(2099, 12, 31))

    # then
    with pytest.raises(TooManyPoints) as refused:
        grid(century, interval, max_points=1_000)
    assert refused.value.limit == 1_000


def test_as_many_points_as_allowed_are_made() -> None:
    asked = days(date(2026, 1, 1), date(2026, 1, 10))

    assert len(grid(asked, TimeInterval.DAY, max_points=10).starts) == 10
    with pytest.raises(TooManyPoints):
        grid(asked, TimeInterval.DAY, max_points=9)
