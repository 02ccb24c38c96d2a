"""The oracle: every question about clicks answered by brute force over a list of visits in the order of their load."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from models.click_dimensions import ClickDimension, column
from models.click_filters import ClickFilter
from models.click_totals import ClickTotals
from models.clicks import VisitorKind
from models.intervals import TimeInterval
from models.top import ClickMetric, DimensionRow, TopAsked, TopValues
from tests.clicks_data import Visit

QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Told:
    """A visit and whether it was the first of its visitor for its link and UTC day."""

    visit: Visit
    first: bool


def told(segments: Iterable[Sequence[Visit]]) -> list[Told]:
    """The visits of the segments, loaded in this order: within a segment the earliest is a visitor's first."""
    seen: set[tuple[str, int, int]] = set()
    stored: list[Told] = []
    for segment in segments:
        by_time = sorted(range(len(segment)), key=lambda at: (segment[at].occurred_at, at))
        firsts = {at for at in by_time if _is_first(segment[at], seen)}
        stored.extend(Told(visit, at in firsts) for at, visit in enumerate(segment))
    return stored


def _is_first(visit: Visit, seen: set[tuple[str, int, int]]) -> bool:
    if visit.kind is not VisitorKind.PERSON or visit.visitor is None:
        return False
    who = (visit.utc_day, visit.link_id, visit.visitor)
    new = who not in seen
    seen.add(who)
    return new


def among(
    clicks: Iterable[Told],
    *,
    start: datetime,
    end: datetime,
    link_id: int | None = None,
    workspace_id: int | None = None,
    click_filter: ClickFilter | None = None,
) -> list[Told]:
    """The clicks of a link or workspace in the half-open range that the filter takes."""
    return [
        click
        for click in clicks
        if start <= click.visit.occurred_at < end
        and link_id in (None, click.visit.link_id)
        and workspace_id in (None, click.visit.workspace_id)
        and (click_filter is None or _takes(click_filter, click.visit))
    ]


def _takes(asked: ClickFilter, visit: Visit) -> bool:
    checks = {
        "link": visit.link_id,
        "device": visit.device,
        "kind": visit.kind,
        **{name: getattr(visit, name) for name in ("country", "referrer", "browser", "os", "language")},
        **{name: getattr(visit, name) for name in ("utm_source", "utm_medium", "utm_campaign")},
    }
    wanted = {name: getattr(asked, name) for name in checks}
    return all(values is None or checks[name] in values for name, values in wanted.items())


def totals(clicks: Iterable[Told]) -> ClickTotals:
    """What they count as."""
    clicks = list(clicks)
    people = sum(click.visit.kind is VisitorKind.PERSON for click in clicks)
    return ClickTotals(people, sum(click.first for click in clicks), len(clicks) - people)


def local_bucket(instant: datetime, zone: ZoneInfo, interval: TimeInterval) -> object:
    """What the buckets of the interval are told apart by on the local clock."""
    there = instant.astimezone(zone)
    day = there.date()
    match interval:
        case TimeInterval.QUARTER_HOUR:
            return instant.timestamp() // 900
        case TimeInterval.HOUR:
            return (day, there.hour, there.utcoffset())
        case TimeInterval.DAY:
            return day
        case TimeInterval.WEEK:
            return day.isocalendar()[:2]
        case TimeInterval.MONTH:
            return (day.year, day.month)


def series(
    clicks: Iterable[Told], *, start: datetime, end: datetime, zone: ZoneInfo, interval: TimeInterval
) -> list[tuple[datetime, ClickTotals]]:
    """Every bucket of the range by walking it quarter by quarter, with what was counted in it."""
    begins: dict[object, datetime] = {}
    instant = start
    while instant < end:
        begins.setdefault(local_bucket(instant, zone, interval), instant)
        instant += QUARTER
    counted: dict[object, list[Told]] = {bucket: [] for bucket in begins}
    for click in clicks:
        counted[local_bucket(click.visit.occurred_at, zone, interval)].append(click)
    return [(begin, totals(counted[bucket])) for bucket, begin in begins.items()]


def top(clicks: Sequence[Told], asked: TopAsked) -> TopValues:
    """The ranking of the values of a dimension."""
    groups: dict[str | None, list[Told]] = {}
    for click in clicks:
        groups.setdefault(_value(click.visit, asked.dimension), []).append(click)
    measured = _measure(asked.order_by)
    whole = totals(clicks)
    counted = {key: totals(group) for key, group in groups.items() if measured(totals(group))}
    ranked = sorted(counted, key=lambda key: (-measured(counted[key]), key is None, (key or "").encode()))[
        : asked.first
    ]
    rows = tuple(DimensionRow(key, counted[key], measured(counted[key]) / measured(whole)) for key in ranked)
    return TopValues(rows, totals([click for click in clicks if _value(click.visit, asked.dimension) not in ranked]))


def _measure(metric: ClickMetric) -> Callable[[ClickTotals], int]:
    def measured(counted: ClickTotals) -> int:
        number: int = getattr(counted, metric.value.lower())
        return number

    return measured


def _value(visit: Visit, dimension: ClickDimension) -> str | None:
    value = getattr(visit, column(dimension))
    return None if value is None else str(value)


def first_of_local_day(day: date, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour of the local day, found by walking."""
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=30)
    while instant.astimezone(zone).date() < day:
        instant += QUARTER
    return instant
