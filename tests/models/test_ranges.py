"""Ranges: what each name means on a local clock, days and instants, and what is refused."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.analytics_refusals import InvalidRange
from models.ranges import Between, Days, Period, RangeAsked, Span, resolve
from models.zones import UnknownZone, first_instant, midnight, wall, zone, zone_names
from tests.oracle import first_of_local_day

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 21, 12, 7, 30, tzinfo=UTC)  # a Saturday, 13:07 in Berlin
END_OF_NOW = datetime(2026, 11, 21, 12, 15, tzinfo=UTC)
CREATED = datetime(2026, 3, 1, 9, 1, tzinfo=UTC)


def local(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=BERLIN).astimezone(UTC)  # type: ignore[arg-type, misc]


def resolved(asked: RangeAsked, *, at: datetime = NOW, where: ZoneInfo = BERLIN) -> tuple[datetime, datetime]:
    found = resolve(asked, zone=where, now=at, created_at=CREATED)
    return found.start, found.end


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.LAST_HOUR, datetime(2026, 11, 21, 11, 0, tzinfo=UTC), END_OF_NOW),
        (Period.LAST_24_HOURS, datetime(2026, 11, 20, 12, 0, tzinfo=UTC), END_OF_NOW),
        (Period.TODAY, local(2026, 11, 21), END_OF_NOW),
        (Period.YESTERDAY, local(2026, 11, 20), local(2026, 11, 21)),
        (Period.THIS_WEEK, local(2026, 11, 16), END_OF_NOW),
        (Period.LAST_WEEK, local(2026, 11, 9), local(2026, 11, 16)),
        (Period.THIS_MONTH, local(2026, 11, 1), END_OF_NOW),
        (Period.LAST_MONTH, local(2026, 10, 1), local(2026, 11, 1)),
        (Period.THIS_YEAR, local(2026, 1, 1), END_OF_NOW),
        (Period.LAST_7_DAYS, local(2026, 11, 15), END_OF_NOW),
        (Period.LAST_30_DAYS, local(2026, 10, 23), END_OF_NOW),
        (Period.LAST_90_DAYS, local(2026, 8, 24), END_OF_NOW),
        (Period.LAST_12_MONTHS, local(2025, 12, 1), END_OF_NOW),
        (Period.ALL_TIME, datetime(2026, 3, 1, 9, 0, tzinfo=UTC), END_OF_NOW),
    ],
)
def test_periods_begin_on_the_local_calendar(period: Period, start: datetime, end: datetime) -> None:
    assert resolved(period) == (start, end)


def test_every_period_has_a_meaning() -> None:
    for period in Period:
        start, end = resolved(period)
        assert start < end


def test_the_quarter_that_is_now_belongs_to_a_running_range_even_when_it_begins() -> None:
    # given the very instant at which today begins
    at = local(2026, 11, 21)

    # then
    assert resolved(Period.TODAY, at=at) == (at, at + timedelta(minutes=15))


def test_today_is_the_local_day_not_the_utc_one() -> None:
    # given 23:30 in UTC, which is tomorrow in Berlin
    at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)

    # then
    assert resolved(Period.TODAY, at=at)[0] == local(2026, 11, 21)


def test_an_owner_made_in_this_quarter_has_a_range() -> None:
    found = resolve(Period.ALL_TIME, zone=BERLIN, now=NOW, created_at=NOW + timedelta(minutes=20))

    assert found.end - found.start == timedelta(minutes=15)
    assert found.is_all_time


def test_days_are_both_included() -> None:
    assert resolved(Days(date(2026, 3, 28), date(2026, 3, 29))) == (local(2026, 3, 28), local(2026, 3, 30))


def test_instants_are_rounded_outward() -> None:
    start, end = NOW - timedelta(hours=1), NOW

    assert resolved(Between(start, end)) == (datetime(2026, 11, 21, 11, 0, tzinfo=UTC), END_OF_NOW)


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        (Between(local(2026, 3, 28), local(2026, 3, 30)), Span(days=2)),
        (Between(local(2026, 3, 28, 1), local(2026, 3, 29, 1)), Span()),
        (Between(local(2026, 3, 28), local(2026, 3, 28, 12)), Span()),
        (Days(date(2026, 3, 28), date(2026, 3, 28)), Span(days=1)),
    ],
)
def test_a_range_knows_how_long_it_is_on_the_calendar(asked: RangeAsked, span: Span) -> None:
    assert resolve(asked, zone=BERLIN, now=NOW, created_at=CREATED).span == span


@pytest.mark.parametrize(
    "asked",
    [
        Days(date(2026, 3, 2), date(2026, 3, 1)),
        Days(date(1, 1, 1), date(2026, 3, 1)),
        Days(date(2026, 3, 1), date(9999, 12, 31)),
        Between(NOW, NOW),
        Between(NOW, NOW - timedelta(hours=1)),
        Between(NOW.replace(tzinfo=None), NOW.replace(tzinfo=None) + timedelta(hours=1)),
        Between(datetime.min.replace(tzinfo=UTC), NOW),
        Between(NOW, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_what_is_no_range_is_refused(asked: RangeAsked) -> None:
    with pytest.raises(InvalidRange):
        resolve(asked, zone=BERLIN, now=NOW, created_at=CREATED)


@pytest.mark.parametrize(
    "name",
    [
        *("", "Berlin", "Europe", "europe/", "Europe/Berlin/", "Europe/Bérlin", "UTC ", "a\0b"),
        *(
            "../etc/passwd",
            "/etc/localtime",
            "localtime",
            "posixrules",
            "right/UTC",
            "Factory",
            "tzdata.zi",
            "zone.tab",
        ),
    ],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


def test_every_zone_of_the_database_has_days_that_begin_when_their_date_does() -> None:
    # given days around the changes of clocks in both hemispheres
    days = [date(2026, 3, 8), date(2026, 3, 29), date(2026, 4, 5), date(2026, 4, 24), date(2026, 10, 25)]

    for name in sorted(zone_names()):
        for day in days:
            assert midnight(day, zone(name)) == first_of_local_day(day, zone(name)), (name, day)


@pytest.mark.parametrize(
    ("name", "shown", "utc"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00+00:00"),  # left out
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00+00:00"),  # twice
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00:00+00:00"),  # the day begins at 01:00
        ("America/Havana", "2026-11-01T00:00", "2026-11-01T04:00:00+00:00"),  # midnight twice
        ("Pacific/Apia", "2011-12-30T00:00", "2011-12-30T10:00:00+00:00"),  # a day left out
        ("Asia/Kathmandu", "2026-05-01T00:00", "2026-04-30T18:15:00+00:00"),
    ],
)
def test_local_times_that_are_left_out_or_come_twice(name: str, shown: str, utc: str) -> None:
    instant = first_instant(datetime.fromisoformat(shown), zone(name))

    assert instant.isoformat() == utc
    assert wall(instant, zone(name)) >= datetime.fromisoformat(shown)
