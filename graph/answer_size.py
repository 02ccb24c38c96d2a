"""How long the answers about clicks may be together: writing one holds up everything else that the process does."""

from typing import Final

from graph.failures import ApiFailure, FailureCode
from models.intervals import TimeInterval, grid
from models.ranges import ClickRange

# Of one request; this many points are written in some 0.2 s.
MOST_POINTS: Final = 10_000
MOST_ROWS: Final = 10_000


class AnswerSize:
    """What one request may still ask for; the same series asked twice is written twice, and counts twice."""

    def __init__(self) -> None:
        self._points_left = MOST_POINTS
        self._rows_left = MOST_ROWS
        self._lengths: dict[tuple[ClickRange, TimeInterval | None], int] = {}

    def take_series(self, asked: ClickRange, interval: TimeInterval | None) -> None:
        """Count a series; TooManyPoints or TOO_MANY_POINTS when it alone, or with those before it, has too many."""
        length = self._length(asked, interval)
        if length > self._points_left:
            raise ApiFailure(
                FailureCode.TOO_MANY_POINTS,
                f"All series together would have more than {MOST_POINTS} points; ask for a longer interval.",
            )
        self._points_left -= length

    def take_rows(self, number: int) -> None:
        """Count a ranking's rows; QUERY_TOO_COMPLEX when those before it have left too few."""
        if number > self._rows_left:
            raise ApiFailure(FailureCode.QUERY_TOO_COMPLEX, f"`top` is asked for more than {MOST_ROWS} rows in all.")
        self._rows_left -= number

    def _length(self, asked: ClickRange, interval: TimeInterval | None) -> int:
        """Found once for a page of links, which mostly have the same range."""
        if (asked, interval) not in self._lengths:
            self._lengths[asked, interval] = len(grid(asked, interval).starts)
        return self._lengths[asked, interval]
