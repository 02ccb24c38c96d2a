"""The scalars of the API: how an instant, a day, a URL, a time zone and a number of clicks are written.

What cannot be read is a GraphQLError: the library takes any other exception for a fault of ours.
"""

import re
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

URL = NewType("URL", str)
TimeZone = NewType("TimeZone", str)
Count = NewType("Count", int)
# A DateTime as it was sent: inputs take any string, and whoever reads it judges it.
WrittenInstant = NewType("WrittenInstant", str)

DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
NOT_AN_INSTANT: Final = "a DateTime is a string with an offset, such as 2026-03-29T08:00:00Z"
LARGEST_COUNT: Final = 2**53 - 1  # a JSON number that JavaScript reads exactly


def written_instant(moment: datetime) -> str:
    """An aware datetime as RFC 3339 with milliseconds: what is in UTC with Z, else with its offset."""
    return _written(moment, moment.tzinfo, moment.fold)


# The series of a page of links begin at the same instants. Equal datetimes may differ in zone, and in fold.
@lru_cache(maxsize=10_000)
def _written(moment: datetime, _zone: tzinfo | None, _fold: int) -> str:
    return moment.isoformat("T", "milliseconds").replace("+00:00", "Z")


def read_instant(text: str) -> datetime | None:
    """An aware datetime in UTC; None for anything but RFC 3339 with an offset."""
    try:
        moment = datetime.fromisoformat(text)
        # Strawberry's own DateTime takes local times, which mean something else on every server.
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # no instant, or one before the year 1 or after 9999 in UTC
        return None


def read_day(text: object) -> date:
    """A calendar day; raises GraphQLError for anything but YYYY-MM-DD."""
    try:
        if isinstance(text, str) and DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise GraphQLError("a Date is a string such as 2026-03-29")


def read_count(number: object) -> int:
    """A number from 0 to 2**53 - 1; raises GraphQLError for anything else."""
    if type(number) is not int or not 0 <= number <= LARGEST_COUNT:
        raise GraphQLError("a Count is a whole number from 0 to 2^53-1")
    return number


def read_text(text: object) -> str:
    """Any string as it is: whether it is a good one is the rule's to judge, so that a mutation answers userErrors."""
    if not isinstance(text, str):
        raise GraphQLError("a string is expected here")
    return text


DATE_TIME: Final = strawberry.scalar(
    name="DateTime",
    description=(
        "RFC 3339 instant with a mandatory offset. Returned with milliseconds, in UTC with Z; inside analytics "
        "with the offset of the range's time zone, so that its first ten characters are the local day."
    ),
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=written_instant,
    parse_value=read_text,
)

SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: DATE_TIME,
    WrittenInstant: DATE_TIME,
    date: strawberry.scalar(
        name="Date",
        description="Calendar day, e.g. 2026-03-29.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=date.isoformat,
        parse_value=read_day,
    ),
    Count: strawberry.scalar(
        name="Count",
        description=(
            "A number of clicks: non-negative, up to 2^53-1, sent as a JSON number. Everything else that is counted is "
            "an Int."
        ),
        serialize=int,
        parse_value=read_count,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="Absolute http(s) URL as the WHATWG URL standard serialises it, at most 8,192 bytes.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=read_text,
    ),
    TimeZone: strawberry.scalar(
        name="TimeZone", description="IANA time zone name, e.g. Europe/Berlin.", serialize=str, parse_value=read_text
    ),
}
