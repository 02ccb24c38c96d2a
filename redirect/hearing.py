"""Up to when this process is sure to have heard of every change."""

from bisect import bisect_right

_FOREVER_AGO = float("-inf")
_MAX_PERIODS = 1_000  # LISTEN lost a thousand times: the oldest entries then count from their own read


class Hearing:
    """What LISTEN says about the age of an entry. All times are monotonic seconds.

    PostgreSQL delivers notifications in the order of commits. A heartbeat that came back therefore proves that every
    change committed before it was sent has been heard.
    """

    def __init__(self, *, lost_after: float, fresh_for: float) -> None:
        self._lost_after = lost_after
        self._fresh_for = fresh_for
        self._heard_at = _FOREVER_AGO
        # Periods of unbroken listening: when each began, and when the last heartbeat that came back in it was sent.
        self._begun: list[float] = []
        self._sure_until: list[float] = []

    def begin(self, now: float) -> None:
        """LISTEN has begun: changes committed from now on should be heard; the first heartbeat will tell."""
        self._begun.append(now)
        self._sure_until.append(now)
        if len(self._begun) > _MAX_PERIODS:
            del self._begun[0], self._sure_until[0]

    def beat(self, *, sent_at: float, now: float) -> None:
        """A heartbeat of this period came back."""
        self._sure_until[-1] = max(self._sure_until[-1], sent_at)
        self._heard_at = now

    def end(self) -> None:
        """LISTEN is known to be lost."""
        self._heard_at = _FOREVER_AGO

    def is_listening(self, now: float) -> bool:
        return now - self._heard_at <= self._lost_after

    def is_current(self, read_at: float, now: float) -> bool:
        """Whether what was read then may be answered without asking again."""
        if now - self._heard_at <= self._lost_after:
            return read_at >= self._begun[-1]
        return now - self.current_as_of(read_at) <= self._fresh_for

    def current_as_of(self, read_at: float) -> float:
        """The last time at which what was read then is known to have been true."""
        period = bisect_right(self._begun, read_at) - 1
        return read_at if period < 0 else max(read_at, self._sure_until[period])
