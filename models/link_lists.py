"""Lists of links: ordered, filtered, searched, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Row, func, literal, literal_column, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped
from sqlmodel import col

from models.ids import WorkspaceId
from models.links import LAST_CLICKED_OR_NEVER, Link, LinkRecord, LinkStatus, LinkTotal, is_there
from models.pages import Direction, Page, Position, Window, cut
from models.refusals import Problem, Refused
from models.texts import clean

SEARCH_LIMIT = 200
COUNT_LIMIT = 10_000

_Sortable = Mapped[Any] | ColumnElement[Any]


class OrderField(StrEnum):
    """What a list of links is ordered by; ids decide among equals."""

    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    CODE = "CODE"
    CLICK_COUNT = "CLICK_COUNT"
    LAST_CLICKED_AT = "LAST_CLICKED_AT"

    @property
    def values(self) -> type[datetime] | type[str] | type[int]:
        """What the values are that it compares."""
        return {OrderField.CODE: str, OrderField.CLICK_COUNT: int}.get(self, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkQuestion:
    """Which links, in which order; `statuses` and `search` left out restrict nothing."""

    order: OrderField = OrderField.CREATED_AT
    direction: Direction = Direction.DESC
    statuses: frozenset[LinkStatus] | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class ListedLink:
    """A link, and where it stands in the list it was read from."""

    link: LinkRecord
    position: Position


async def page(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, question: LinkQuestion, window: Window
) -> Page[ListedLink]:
    """The links in the window; Refused when the search text is not allowed.

    Counts and times of clicks change while one pages: a link may then come twice, or not at all.
    """
    value, link_id = _key(question.order)
    key = tuple_(value, link_id)
    ascending = (question.direction is Direction.ASC) != window.is_backward
    statement = (
        select(Link, value.label("value"))
        .where(*_are_in(workspace_id, question.order), _is_asked_for(question))
        .where(*_between(key, question, window))
        .order_by(*(part.asc() if ascending else part.desc() for part in (value, link_id)))
        .limit(window.size + 1)
    )
    return cut([_listed(row) for row in await conn.execute(statement)], window)


async def count(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, question: LinkQuestion, limit: int = COUNT_LIMIT
) -> int | None:
    """How many links the question is about; None where more than `limit` links would have to be looked at."""
    mine = is_there(workspace_id)
    seen = select(_is_asked_for(question).label("asked_for")).where(mine).limit(limit + 1).subquery()
    row = (await conn.execute(select(func.count(), func.count().filter(seen.c.asked_for)).select_from(seen))).one()
    return row[1] if row[0] <= limit else None


def _listed(row: Row[Any]) -> ListedLink:
    columns = dict(row._mapping)
    value = columns.pop("value")
    return ListedLink(LinkRecord(**columns), Position(value, row.id))


def _key(order: OrderField) -> tuple[_Sortable, _Sortable]:
    """What the list is ordered by, as the index for it has it: a value, and the link's id."""
    match order:
        case OrderField.CREATED_AT:
            return col(Link.created_at), col(Link.id)
        case OrderField.UPDATED_AT:
            return col(Link.updated_at), col(Link.id)
        case OrderField.CODE:
            return col(Link.code), col(Link.id)
        case OrderField.CLICK_COUNT:
            return col(LinkTotal.clicks), col(LinkTotal.link_id)
        case OrderField.LAST_CLICKED_AT:
            return literal_column(LAST_CLICKED_OR_NEVER, DateTime(timezone=True)), col(LinkTotal.link_id)


def _are_in(workspace_id: WorkspaceId, order: OrderField) -> list[ColumnElement[bool]]:
    mine = [is_there(workspace_id)]
    if order in (OrderField.CLICK_COUNT, OrderField.LAST_CLICKED_AT):  # every link has its row of totals
        mine += [col(LinkTotal.workspace_id) == workspace_id, col(LinkTotal.link_id) == col(Link.id)]
    return mine


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
    if not isinstance(position.value, order.values):
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
