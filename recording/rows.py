"""From visits to the rows of `click`: what is worked out before the transaction begins."""

from dataclasses import dataclass
from datetime import UTC, date, timedelta

from models.retention import VISITOR_DAYS
from recording.classify import Classifier
from recording.content import Content
from recording.copying import Row, RowEncoder, UnfitRowError

TOLERANCE = timedelta(minutes=5)  # how far a visit's clock may be outside its segment's life


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a segment as COPY takes them, and the UTC days they are of.

    `late` holds the numbers of those whose day's visitors are forgotten already, `unfit` those of visits that no row
    can hold.
    """

    encoded: list[bytes]
    days: frozenset[date]
    late: frozenset[int] = frozenset()
    unfit: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many visits there were, whether they fit or not."""
        return len(self.encoded) + len(self.unfit)


class RowMaker:
    """Makes the rows of segments."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._encoder = RowEncoder()

    def rows_of(self, content: Content, *, today: date) -> Rows:
        """The rows of the segment's visits. Times are judged by its own life, never by the time of loading."""
        opened, sealed = content.header.opened_at, content.sealed_at
        earliest, latest = min(opened, sealed) - TOLERANCE, max(opened, sealed) + TOLERANCE
        forgotten = today - timedelta(days=VISITOR_DAYS)
        encoded: list[bytes] = []
        days: set[date] = set()
        late: list[int] = []
        unfit: list[int] = []
        for number, visit in content.visits:
            is_wrong = not earliest <= visit.at <= latest
            at = (sealed if is_wrong else visit.at).astimezone(UTC)
            day = at.date()
            is_late = day < forgotten
            judged = self._classifier.classify(visit.user_agent, visit.hint)
            row = Row(
                number,
                at,
                day,
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
            try:
                encoded.append(self._encoder.encode(row))
            except UnfitRowError:
                unfit.append(number)
                continue
            days.add(day)
            if is_late:
                late.append(number)
        return Rows(encoded, frozenset(days), frozenset(late), tuple(unfit))
