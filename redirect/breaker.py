"""Whether asking the database is worth a visitor's time just now."""

from enum import Enum, auto


class _State(Enum):
    CLOSED = auto()
    SLOW = auto()
    BROKEN = auto()


class Breaker:
    """Remembers that the database refuses or is slow, and lets one question a second find out more.

    Slow only spares those who have an older answer: a machine under load is slow and healthy, and a visitor without
    a cached answer is better off waiting. Any sign of life closes the breaker, so that it never outlasts an outage.
    """

    def __init__(self, *, probe_every: float, slow_after: float) -> None:
        self._probe_every = probe_every
        self._slow_after = slow_after
        self._state = _State.CLOSED
        self._probe_at = 0.0

    @property
    def is_broken(self) -> bool:
        """Whether the last question failed at once."""
        return self._state is _State.BROKEN

    def admits(self, now: float) -> bool:
        """Whether to ask; while open, True is the one probe and the next is due later."""
        if self._state is _State.CLOSED:
            return True
        if now < self._probe_at:
            return False
        self._probe_at = now + self._probe_every
        return True

    def refused(self, now: float) -> None:
        """The database could not be asked."""
        self._state = _State.BROKEN
        self._probe_at = now + self._probe_every

    def lagged(self, now: float) -> None:
        """The database did not answer in time."""
        self._state = _State.SLOW
        self._probe_at = now + self._probe_every

    def answered(self, *, took: float) -> None:
        """The database answered; a slow answer ends an outage, only a quick one ends slowness."""
        if self._state is _State.BROKEN or took <= self._slow_after:
            self._state = _State.CLOSED

    def heard(self) -> None:
        """The database is up: it sent something by itself."""
        self._state = _State.CLOSED
