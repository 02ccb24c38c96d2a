"""Stored clicks in the order in which they were stored: what subscriptions read, and what one of them takes."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.click_filters import EVERY_CLICK, ClickFilter, conditions, parameters
from models.click_lists import COLUMNS, ClickKey, ClickRecord, by_keys, record_of
from models.click_reads import NOT_HIDDEN
from models.clicks import FeedPosition
from models.ids import WorkspaceId

WHOLE_BATCH: Final = 2**31 - 1  # as a row: after the last of its batch
BATCHES_AT_ONCE: Final = 256
_ATTRIBUTES: Final = {"link": "link_id"}  # of a record, where the filter has another name


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point in the order of storing: after this row of the batch at this position; later is greater."""

    position: int
    row: int = WHOLE_BATCH


@dataclass(frozen=True, slots=True)
class StoredClick:
    """A click and its place in the order of storing."""

    place: Place
    record: ClickRecord


@dataclass(frozen=True, slots=True)
class Stretch:
    """Clicks in the order of storing, and the place up to which they are all there is."""

    clicks: tuple[StoredClick, ...]
    until: Place


# `rows` counts what all workspaces have in a batch, so what is read is bounded before it is read.
_AHEAD = """
select id, position, occurred_from, occurred_until from (
  select b.*, sum(b.rows) over (order by b.position) - b.rows as before from (
    select * from click_batch where position > :after and position <= :until order by position limit :most) b
) counted where before < :size order by position"""
# Lateral with `offset 0`: for each batch one stretch of the index (workspace_id, occurred_at), whatever the planner
# thinks of the parameters.
_CLICKS = """
select b.position, c.*
  from unnest(cast(:ids as bigint[]), cast(:positions as bigint[]), cast(:starts as timestamptz[]),
              cast(:ends as timestamptz[])) b (id, position, lo, hi)
 cross join lateral (
   select {columns} from click c
    where c.workspace_id = :workspace_id and c.occurred_at >= b.lo and c.occurred_at <= b.hi
      and c.batch_id = b.id and (b.position, c.batch_row) > (:after, :row)
      and {seen} {conditions} offset 0) c
 order by b.position, c.batch_row limit :size"""


async def position(conn: AsyncConnection) -> int:
    """How many batches are stored; the positions of all of them are readable."""
    found: int = (await conn.execute(select(col(FeedPosition.n)))).scalar_one()
    return found


async def place_of(conn: AsyncConnection, *, workspace_id: WorkspaceId, key: ClickKey) -> Place | None:
    """Where the click was stored; None when the workspace has no such click, or the ledger has forgotten its batch."""
    if not await by_keys(conn, workspace_id=workspace_id, keys=[key]):
        return None
    found = await conn.execute(text("select position from click_batch where id = :id"), {"id": key.batch_id})
    number = found.scalar_one_or_none()
    return None if number is None else Place(number, key.batch_row)


async def stretch(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    after: Place,
    until: int,
    size: int,
    click_filter: ClickFilter = EVERY_CLICK,
) -> Stretch:
    """The next clicks after a place, at most `size`, of the batches up to the position `until`."""
    first = after.position - (after.row < WHOLE_BATCH)  # the rest of its batch too
    ahead = {"after": first, "until": until, "most": BATCHES_AT_ONCE, "size": size}
    batches = (await conn.execute(text(_AHEAD), ahead)).all()
    if not batches:
        return Stretch((), max(after, Place(until)))
    values = {
        "workspace_id": workspace_id,
        "ids": [batch.id for batch in batches],
        "positions": [batch.position for batch in batches],
        "starts": [batch.occurred_from for batch in batches],
        "ends": [batch.occurred_until for batch in batches],
        "after": after.position,
        "row": after.row,
        "size": size,
        **_parameters(click_filter),
    }
    found = await conn.execute(text(_clicks_sql(click_filter)), values)
    clicks = tuple(StoredClick(Place(row.position, row.batch_row), record_of(row)) for row in found)
    return Stretch(clicks, clicks[-1].place if len(clicks) == size else Place(batches[-1].position))


def _clicks_sql(click_filter: ClickFilter) -> str:
    links = "" if click_filter.link is None else "and c.link_id = any(cast(:links as bigint[]))"
    seen = NOT_HIDDEN.format(workspace=":workspace_id")
    return _CLICKS.format(columns=COLUMNS, seen=seen, conditions=f"{links} {conditions(click_filter)}")


def _parameters(click_filter: ClickFilter) -> dict[str, object]:
    links = {} if click_filter.link is None else {"links": list(click_filter.link)}
    return {**links, **parameters(click_filter)}


def takes(asked: ClickFilter) -> Callable[[ClickRecord], bool]:
    """Tells whether the filter takes a click: what `conditions` asks of a row, asked of a record."""
    wanted = [
        (_ATTRIBUTES.get(field.name, field.name), frozenset(values))
        for field in fields(asked)
        if (values := getattr(asked, field.name)) is not None
    ]

    def is_taken(record: ClickRecord) -> bool:
        for name, values in wanted:  # noqa: SIM110 - asked for each click and subscriber: quicker than all()
            if getattr(record, name) not in values:
                return False
        return True

    return is_taken
