"""Why a question about clicks was not answered; the API shows `code` and answers everything beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import asyncpg
from sqlalchemy.exc import DBAPIError

from models.database import was_stopped


class AnalyticsRefused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The question was not answered; nothing is wrong with the store."""

    code: ClassVar[str]


class InvalidRange(AnalyticsRefused):
    """There is no such range, or it reaches back to where the question cannot be answered any more."""

    code = "INVALID_RANGE"


class TooManyPoints(AnalyticsRefused):
    """The series would have more than `limit` points."""

    code = "TOO_MANY_POINTS"

    def __init__(self, *, limit: int) -> None:
        super().__init__(f"the range has more than {limit} such intervals; ask for a longer interval")
        self.limit = limit


class TooManyClicks(AnalyticsRefused):
    """The answer would have to read `clicks` rows, more than `limit` at once."""

    code = "TOO_MANY_CLICKS"

    def __init__(self, *, clicks: int, limit: int) -> None:
        super().__init__(f"{clicks} clicks would have to be read, at most {limit} are; ask for a shorter range")
        self.clicks = clicks
        self.limit = limit


class TimedOut(AnalyticsRefused):
    """The database took longer than its statement_timeout."""

    code = "TIMEOUT"


@contextmanager
def timed() -> Iterator[None]:
    """Statements inside that PostgreSQL cancels (statement_timeout) raise TimedOut."""
    try:
        yield
    except (DBAPIError, asyncpg.QueryCanceledError) as error:
        if was_stopped(error):
            raise TimedOut("the question took too long; ask for a shorter range") from error
        raise
