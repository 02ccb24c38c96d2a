"""A log of failures that may come thousands a second: the first with its stack, the others as a number each minute."""

import time
from collections.abc import Callable
from logging import Logger

SILENCE_S = 60.0


class FailureLog:
    """Counts what failed, and tells of it without filling the disk."""

    def __init__(self, log: Logger, what: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`what` names in the plural what failed; `clock` is monotonic seconds."""
        self._log = log
        self._what = what
        self._clock = clock
        self._untold: int | None = None  # since the last line; None when none failed for a while
        self._due = 0.0
        self.count = 0  # since the start

    def note(self) -> None:
        """Takes note of the exception that is being handled."""
        self.count += 1
        if self._untold is None:
            self._log.exception("%s failed; further ones are counted", self._what)
            self._untold, self._due = 0, self._clock() + SILENCE_S
        else:
            self._untold += 1

    def tell(self) -> None:
        """Writes how many failed since the last line, once a minute; to be called now and then."""
        if self._untold is None or self._clock() < self._due:
            return
        if not self._untold:
            self._untold = None
            return
        self._log.error("%s failed: %d more", self._what, self._untold)
        self._untold, self._due = 0, self._clock() + SILENCE_S
