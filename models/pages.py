"""Pages: a stretch of a long list, found by position instead of by number."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

Record = TypeVar("Record")


class Direction(StrEnum):
    """Which end of an order comes first."""

    ASC = "ASC"
    DESC = "DESC"

    @property
    def reversed(self) -> "Direction":
        return Direction.DESC if self is Direction.ASC else Direction.ASC


@dataclass(frozen=True, slots=True)
class Position:
    """Where a row stands: its sort value, and its id among equals."""

    value: datetime | str | int
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which rows are wanted: the first or the last ones, between two positions (both left out of the page)."""

    first: int | None = None
    after: Position | None = None
    last: int | None = None
    before: Position | None = None

    def __post_init__(self) -> None:
        if (self.first is None) == (self.last is None):
            raise ValueError("a window has either first or last")
        if self.size < 0:
            raise ValueError("a window cannot have fewer than no rows")

    @property
    def size(self) -> int:
        return (self.first if self.first is not None else self.last) or 0

    @property
    def is_backward(self) -> bool:
        return self.last is not None


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Rows in the order asked for, and whether there are others before and after them."""

    records: tuple[Record, ...]
    has_next: bool
    has_previous: bool


def cut(rows: list[Record], window: Window) -> Page[Record]:
    """The page from rows read in reading direction, one more of them than wanted if there are more."""
    more, wanted = len(rows) > window.size, rows[: window.size]
    if window.is_backward:
        return Page(tuple(reversed(wanted)), has_next=window.before is not None, has_previous=more)
    return Page(tuple(wanted), has_next=more, has_previous=window.after is not None)
