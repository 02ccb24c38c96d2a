"""From visits to the rows of `click`: what is worked out before the transaction begins."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from models.retention import VISITOR_DAYS
from recording.classify import Classified, Classifier
from recording.content import Content
from recording.visit import Visit

TOLERANCE = timedelta(minutes=5)  # how far a visit's clock may be outside its segment's life


class Row(NamedTuple):
    """A row of the staging table, in the order of its columns."""

    batch_row: int
    occurred_at: datetime
    utc_day: date
    link_id: int
    workspace_id: int
    link_version: int
    kind: int
    visitor: int | None
    time_replaced: bool
    device: str
    country: str | None
    referrer: str | None
    browser: str | None
    os: str | None
    language: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    bot: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a segment; `late` holds the numbers of those whose day's visitors are forgotten already."""

    rows: list[Row]
    late: frozenset[int]

    def days(self) -> set[date]:
        """The UTC days the rows are of."""
        return {row.utc_day for row in self.rows}


def rows_of(content: Content, *, classifier: Classifier, today: date) -> Rows:
    """The rows of the segment's visits. Times are judged by the segment's own life, never by the time of loading."""
    opened, sealed = content.header.opened_at, content.sealed_at
    earliest, latest = min(opened, sealed) - TOLERANCE, max(opened, sealed) + TOLERANCE
    forgotten = today - timedelta(days=VISITOR_DAYS)
    rows: list[Row] = []
    late: list[int] = []
    for number, visit in content.visits:
        is_wrong = not earliest <= visit.at <= latest
        at = (sealed if is_wrong else visit.at).astimezone(UTC)
        is_late = at.date() < forgotten
        if is_late:
            late.append(number)
        judged = classifier.classify(visit.user_agent, visit.hint)
        rows.append(_row(number, visit, at=at, is_wrong=is_wrong, is_late=is_late, judged=judged))
    return Rows(rows, frozenset(late))


def _row(number: int, visit: Visit, *, at: datetime, is_wrong: bool, is_late: bool, judged: Classified) -> Row:
    return Row(
        number,
        at,
        at.date(),
        visit.link_id,
        visit.workspace_id,
        visit.version,
        judged.kind,
        None if is_late else visit.visitor,
        is_wrong,
        judged.device,
        visit.country,
        visit.referrer,
        judged.browser,
        judged.os,
        visit.language,
        visit.utm_source,
        visit.utm_medium,
        visit.utm_campaign,
        judged.bot,
    )
