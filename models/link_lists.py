"""Lists of links: ordered, filtered, searched, a page at a time."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    String,
    Text,
    bindparam,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine
from sqlmodel import col

from models.ids import WorkspaceId
from models.links import LAST_CLICKED_OR_NEVER, Link, LinkRecord, LinkStatus, LinkTotal, is_there
from models.pages import Direction, Page, Position, Window, cut
from models.refusals import Problem, Refused
from models.statements import Statement, compiled, fetch
from models.texts import clean

SEARCH_LIMIT = 200
COUNT_LIMIT = 10_000
ESCAPE: Final = "/"  # before what LIKE would take for a pattern

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
    text = _cleaned(question.search)
    asked = _page(
        question.order,
        question.statuses,
        is_searched=text is not None,
        is_ascending=question.direction is Direction.ASC,
        is_backward=window.is_backward,
        has_after=window.after is not None,
        has_before=window.before is not None,
    )
    values = {
        "workspace_id": workspace_id,
        "size": window.size + 1,
        "text": text,
        **_bound("after", window.after, question.order),
        **_bound("before", window.before, question.order),
    }
    return cut([_listed(row) for row in await fetch(conn, asked, values)], window)


async def count(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, question: LinkQuestion, limit: int = COUNT_LIMIT
) -> int | None:
    """How many links the question is about; None where more than `limit` links would have to be looked at."""
    mine = is_there(workspace_id)
    text = _cleaned(question.search)
    asked_for = _has_status(question.statuses) & _has_text(None if text is None else literal(text))
    seen = select(asked_for.label("asked_for")).where(mine).limit(limit + 1).subquery()
    row = (await conn.execute(select(func.count(), func.count().filter(seen.c.asked_for)).select_from(seen))).one()
    return row[1] if row[0] <= limit else None


@lru_cache(maxsize=256)  # SQLAlchemy takes longer to put it together than PostgreSQL to answer
def _page(
    order: OrderField,
    statuses: frozenset[LinkStatus] | None,
    *,
    is_searched: bool,
    is_ascending: bool,
    is_backward: bool,
    has_after: bool,
    has_before: bool,
) -> Statement:
    """What `page` asks; its values are workspace_id, size, text, and of each bound `_value` and `_id`."""
    value, link_id = _key(order)
    key = tuple_(value, link_id)
    runs_up = is_ascending != is_backward
    conditions = [_has_status(statuses), _has_text(bindparam("text", type_=Text) if is_searched else None)]
    if has_after:
        conditions.append(_is_beyond(key, _position("after", order), is_above=is_ascending))
    if has_before:
        conditions.append(_is_beyond(key, _position("before", order), is_above=not is_ascending))
    return compiled(
        select(Link, value.label("value"))
        .where(*_are_in(bindparam("workspace_id", type_=BigInteger), order), *conditions)
        .order_by(*(part.asc() if runs_up else part.desc() for part in (value, link_id)))
        .limit(bindparam("size", type_=Integer))
    )


def _listed(row: asyncpg.Record) -> ListedLink:
    columns = dict(row)
    value = columns.pop("value")
    return ListedLink(LinkRecord(**columns), Position(value, columns["id"]))


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


def _are_in(workspace_id: ColumnElement[int], order: OrderField) -> list[ColumnElement[bool]]:
    mine = [is_there(workspace_id)]
    if order in (OrderField.CLICK_COUNT, OrderField.LAST_CLICKED_AT):  # every link has its row of totals
        mine += [col(LinkTotal.workspace_id) == workspace_id, col(LinkTotal.link_id) == col(Link.id)]
    return mine


def _position(name: str, order: OrderField) -> ColumnElement[Any]:
    kinds: dict[type, TypeEngine[Any]] = {str: String(), int: BigInteger(), datetime: DateTime(timezone=True)}
    kind = kinds[order.values]
    return tuple_(bindparam(f"{name}_value", type_=kind), bindparam(f"{name}_id", type_=BigInteger))


def _is_beyond(key: ColumnElement[Any], bound: ColumnElement[Any], *, is_above: bool) -> ColumnElement[bool]:
    return key > bound if is_above else key < bound


def _bound(name: str, position: Position | None, order: OrderField) -> dict[str, object]:
    if position is None:
        return {}
    if not isinstance(position.value, order.values):
        raise ValueError(f"a position in another order than {order}")
    return {f"{name}_value": position.value, f"{name}_id": position.id}


def _has_status(statuses: frozenset[LinkStatus] | None) -> ColumnElement[bool]:
    if statuses is None or statuses >= frozenset(LinkStatus):
        return true()
    deactivated = col(Link.deactivated_at).is_not(None)
    return or_(
        *(deactivated for status in statuses if status is LinkStatus.DEACTIVATED),
        *(~deactivated for status in statuses if status is LinkStatus.ACTIVE),
        false(),
    )


def _has_text(text: ColumnElement[str] | None) -> ColumnElement[bool]:
    if text is None:
        return true()
    columns = (col(Link.code), col(Link.title), col(Link.notes), col(Link.destination_url))
    return or_(*(column.icontains(text, escape=ESCAPE) for column in columns))


def _cleaned(search: str | None) -> str | None:
    """The text with what LIKE takes for a pattern escaped; Refused when it is not allowed."""
    problems: list[Problem] = []
    text = clean(search, limit=SEARCH_LIMIT, path=("search",), problems=problems)
    if problems:
        raise Refused(*problems)
    return None if text is None else re.sub(f"[{ESCAPE}%_]", rf"{ESCAPE}\g<0>", text)
