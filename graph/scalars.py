"""The scalars of the API: how an instant, a URL and a time zone are written.

What cannot be read is a GraphQLError: the library takes any other exception for a fault of ours.
"""

from datetime import UTC, datetime
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

URL = NewType("URL", str)
TimeZone = NewType("TimeZone", str)


def written_instant(moment: datetime) -> str:
    """An aware datetime as RFC 3339 in UTC, with milliseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_instant(text: object) -> datetime:
    """An aware datetime in UTC; raises GraphQLError for anything but RFC 3339 with an offset."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        # Strawberry's own DateTime takes local times, which mean something else on every server.
        raise GraphQLError("a DateTime is a string with an offset, such as 2026-03-29T08:00:00Z")
    return moment.astimezone(UTC)


def read_text(text: object) -> str:
    """Any string as it is: whether it is a good one is the rule's to judge, so that a mutation answers userErrors."""
    if not isinstance(text, str):
        raise GraphQLError("a string is expected here")
    return text


SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 instant with a mandatory offset. Returned in UTC with milliseconds and Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=written_instant,
        parse_value=read_instant,
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
