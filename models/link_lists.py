"""Lists of links: ordered, filtered, searched, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, literal, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped
from sqlmodel import col

from models.ids import WorkspaceId
from models.links import Link, LinkRecord, LinkStatus
from models.pages import Direction, Page, Position, Window, cut
from models.refusals import Problem, Refused
from models.texts import clean

SEARCH_LIMIT = 200
COUNT_LIMIT = 10_000


class OrderField(StrEnum):
    """What a list of links is ordered by; ids decide among equals."""

    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    CODE = "CODE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuestion:
    """Which links, in which order; `statuses` and `search` left out restrict nothing."""

    order: OrderField = OrderField.CREATED_AT
    direction: Direction = Direction.DESC
    statuses: frozenset[LinkStatus] | None = None
    search: str | None = None


def position_of(record: LinkRecord, order: OrderField) -> Position:
    """Where the link stands in a list of this order."""
    match order:
        case OrderField.CREATED_AT:
            return Position(record.created_at, record.id)
        case OrderField.UPDATED_AT:
            return Position(record.updated_at, record.id)
        case OrderField.CODE:
            return Position(record.code, record.id)


async def page(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, question: LinkQuestion, window: Window
) -> Page[LinkRecord]:
    """The links in the window; Refused when the search text is not allowed."""
    key = tuple_(_column(question.order), col(Link.id))
    ascending = (question.direction is Direction.ASC) != window.is_backward
    statement = (
        select(Link)
        .where(col(Link.workspace_id) == workspace_id, _is_asked_for(question))
        .where(*_between(key, question, window))
        .order_by(*(part.asc() if ascending else part.desc() for part in (_column(question.order), col(Link.id))))
        .limit(window.size + 1)
    )
    return cut([LinkRecord(**row._mapping) for row in await conn.execute(statement)], window)


async def count(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, question: LinkQuestion, limit: int = COUNT_LIMIT
) -> int | None:
    """How many links the question is about; None where more than `limit` links would have to be looked at."""
    mine = col(Link.workspace_id) == workspace_id
    seen = select(_is_asked_for(question).label("asked_for")).where(mine).limit(limit + 1).subquery()
    row = (await conn.execute(select(func.count(), func.count().filter(seen.c.asked_for)).select_from(seen))).one()
    return row[1] if row[0] <= limit else None


def _column(order: OrderField) -> Mapped[Any]:
    match order:
        case OrderField.CREATED_AT:
            return col(Link.created_at)
        case OrderField.UPDATED_AT:
            return col(Link.updated_at)
        case OrderField.CODE:
            return col(Link.code)


def _between(key: ColumnElement[Any], question: LinkQuestion, window: Window) -> list[ColumnElement[bool]]:
    later, earlier = key.__gt__, key.__lt__
    if question.direction is Direction.DESC:
        later, earlier = earlier, later
    conditions = []
    if window.after is not None:
        conditions.append(later(_bound(window.after, question.order)))
    if window.before is not None:
        conditions.append(earlier(_bound(window.before, question.order)))
    return conditions


def _bound(position: Position, order: OrderField) -> ColumnElement[Any]:
    if isinstance(position.value, datetime) != (order is not OrderField.CODE):
        raise ValueError(f"a position in another order than {order}")
    return tuple_(literal(position.value), literal(position.id))


def _is_asked_for(question: LinkQuestion) -> ColumnElement[bool]:
    return _has_status(question.statuses) & _has_text(question.search)


def _has_status(statuses: frozenset[LinkStatus] | None) -> ColumnElement[bool]:
    if statuses is None or statuses >= frozenset(LinkStatus):
        return true()
    deactivated = col(Link.deactivated_at).is_not(None)
    return or_(
        *(deactivated for status in statuses if status is LinkStatus.DEACTIVATED),
        *(~deactivated for status in statuses if status is LinkStatus.ACTIVE),
        literal(False),
    )


def _has_text(search: str | None) -> ColumnElement[bool]:
    problems: list[Problem] = []
    text = clean(search, limit=SEARCH_LIMIT, path=("search",), problems=problems)
    if problems:
        raise Refused(*problems)
    if text is None:
        return true()
    columns = (col(Link.code), col(Link.title), col(Link.notes), col(Link.destination_url))
    return or_(*(column.icontains(text, autoescape=True) for column in columns))
