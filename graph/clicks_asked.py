"""What is asked about clicks: whose, in which range, and which of a series, a ranking or a page."""

from dataclasses import dataclass
from datetime import datetime

from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_lists import ClickKey
from models.click_reads import OwnerRange
from models.clicks import SlotScope
from models.intervals import TimeInterval
from models.top import TopAsked


@dataclass(frozen=True, slots=True)
class ClickOwner:
    """Whose clicks are asked for: a link, or a workspace."""

    scope: SlotScope
    id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """The clicks a question is about: an owner's, in a range, that a filter takes."""

    scope: SlotScope
    owner: OwnerRange
    click_filter: ClickFilter = EVERY_CLICK

    def __hash__(self) -> int:
        # Of what tells questions apart: all of it would take longer than what it is looked up for.
        return hash((self.owner.owner_id, self.owner.range.start, self.owner.range.end))


@dataclass(frozen=True, slots=True)
class SeriesAsked:
    """A series of these clicks; `now` cuts its last point."""

    clicks: Asked
    interval: TimeInterval | None
    now: datetime

    def __hash__(self) -> int:
        return hash((self.clicks, self.interval))


@dataclass(frozen=True, slots=True)
class RankingAsked:
    """A ranking of the values of these clicks."""

    clicks: Asked
    values: TopAsked

    def __hash__(self) -> int:
        return hash((self.clicks, self.values.first))


@dataclass(frozen=True, slots=True)
class PageAsked:
    """The newest of these clicks, older than `after`."""

    clicks: Asked
    first: int
    after: ClickKey | None
