"""Connections: pages that start where a cursor points, and what a cursor is made of."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import orjson
import strawberry

from graph import ids
from graph.defaults import given
from graph.failures import ApiFailure, FailureCode
from graph.ids import Node
from models.pages import Position, Window

USUAL_PAGE: Final = 25
LARGEST_PAGE: Final = 100
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_ID: Final = 2**63 - 1

AnyNode = TypeVar("AnyNode", bound=Node)


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is ordered, as its cursors remember it, and what their values are."""

    field: str
    direction: str
    values: type[str] | type[int] | type[datetime]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge; null on an empty page.")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A page of a list that is ordered by id and read forward: the first so many, after the item of a number."""

    first: int
    after: int | None


def bad_argument(name: str, expectation: str) -> ApiFailure:
    """The refusal of an argument."""
    return ApiFailure(FailureCode.BAD_REQUEST, f"{name}: {expectation}", argument=name)


def stretch(*, first: int, after: str | None, prefix: str) -> Stretch:
    """The part of the list that is asked for; its cursors are the ids of its items. BAD_REQUEST for no sense."""
    if not 0 <= first <= LARGEST_PAGE:
        raise bad_argument("first", f"{first} is not from 0 to {LARGEST_PAGE}")
    number = None if after is None else ids.decode(prefix, after)
    if after is not None and number is None:
        raise bad_argument("after", "not a cursor of this list")
    return Stretch(first, number)


def cut(nodes: Sequence[AnyNode], asked: Stretch) -> tuple[list[AnyNode], PageInfo]:
    """The page and where it lies, from one item more than was asked for if there are more."""
    shown = list(nodes[: asked.first])
    return shown, PageInfo(
        has_next_page=len(nodes) > asked.first,
        has_previous_page=asked.after is not None,
        start_cursor=shown[0].id if shown else None,
        end_cursor=shown[-1].id if shown else None,
    )


def window(*, first: int | None, after: str | None, last: int | None, before: str | None, order: Order) -> Window:
    """The part of the list that is asked for, 25 unless said; BAD_REQUEST for what makes no sense."""
    first, after, last, before = given(first), given(after), given(last), given(before)
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= LARGEST_PAGE:
            raise bad_argument(name, f"{size} is not from 0 to {LARGEST_PAGE}")
    if first is not None and last is not None:
        raise bad_argument("last", "give first or last, not both")
    return Window(
        first=USUAL_PAGE if first is None and last is None else first,
        after=None if after is None else read_cursor(after, name="after", order=order),
        last=last,
        before=None if before is None else read_cursor(before, name="before", order=order),
    )


def cursor(position: Position, *, order: Order) -> str:
    """The position as opaque text that remembers its order."""
    value = position.value
    written = (value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value
    packed = orjson.dumps([order.field, order.direction, written, position.id])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(text: str, *, name: str, order: Order) -> Position:
    """The position a cursor of this order stands for; BAD_REQUEST for one of another order, and for any other text."""
    try:
        field, direction, value, number = orjson.loads(_unpacked(text))
    except (ValueError, TypeError) as error:
        raise bad_argument(name, "not a cursor of this list") from error
    if (field, direction) != (order.field, order.direction):
        raise bad_argument(name, f"not a cursor of the list ordered by {order.field} {order.direction}")
    position = _position(value, number, order.values)
    if position is None:
        raise bad_argument(name, "not a cursor of this list")
    return position


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _position(value: object, number: object, values: type[str] | type[int] | type[datetime]) -> Position | None:
    if type(number) is not int or not 0 <= number <= LARGEST_ID:
        return None
    if values is str:
        return Position(value, number) if isinstance(value, str) and "\0" not in value else None
    if type(value) is not int:
        return None
    if values is int:
        return Position(value, number) if 0 <= value <= LARGEST_ID else None
    try:
        return Position(EPOCH + timedelta(microseconds=value), number)
    except OverflowError:
        return None
