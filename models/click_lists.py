"""Lists of single clicks, newest first, by keyset: of several links or of a workspace."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics_refusals import timed
from models.click_filters import ClickFilter
from models.click_reads import NOT_HIDDEN, OwnerRange, Reading, asked_sql, clicks_sql, reading
from models.clicks import Device, SlotScope, VisitorKind
from models.ids import LinkId, WorkspaceId

# Lists show people unless bots are asked for.
PEOPLE = ClickFilter(kind=(VisitorKind.PERSON,))


@dataclass(frozen=True, slots=True, order=True)
class ClickKey:
    """What names a click and orders clicks: later is greater."""

    occurred_at: datetime
    batch_id: int
    batch_row: int


@dataclass(frozen=True, slots=True)
class ClickRecord:
    """A click as it was read; `unique` if it counts as a unique click."""

    key: ClickKey
    link_id: LinkId
    kind: VisitorKind
    unique: bool
    country: str | None
    referrer: str | None
    browser: str | None
    os: str | None
    device: Device
    language: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    bot: str | None


@dataclass(frozen=True, slots=True)
class ClickPage:
    """Clicks, newest first, and whether older ones follow."""

    records: tuple[ClickRecord, ...]
    has_next: bool


# Of the click `c`, as record_of takes them.
COLUMNS = (
    "c.occurred_at, c.batch_id, c.batch_row, c.link_id, c.kind, c.first, c.country, c.referrer, c.browser, c.os, "
    "c.device, c.language, c.utm_source, c.utm_medium, c.utm_campaign, c.bot"
)
_NEWEST_FIRST = "c.occurred_at desc, c.batch_id desc, c.batch_row desc"
# The first condition says nothing that the second does not, but in the words of the index.
_AFTER = (
    "and c.occurred_at <= :after_at "
    "and (c.occurred_at, c.batch_id, c.batch_row) < (:after_at, :after_batch, :after_row)"
)
_PAGE = """
with {asked}
select * from (
  select p.n, c.*, row_number() over (partition by p.n order by {newest_first}) as place
    from asked p cross join {clicks} c
) listed where place <= :size order by n, place"""
_BY_KEYS = f"""
select {COLUMNS}
  from unnest(cast(:times as timestamptz[]), cast(:batches as bigint[]), cast(:rows as int[]))
       k (at, batch_id, batch_row)
 cross join lateral (
   select * from click c where c.workspace_id = :workspace_id and c.occurred_at = k.at
      and c.batch_id = k.batch_id and c.batch_row = k.batch_row
      and {NOT_HIDDEN.format(workspace=":workspace_id")} offset 0) c"""  # noqa: S608 - our own words only


async def page(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    scope: SlotScope,
    asked: Sequence[OwnerRange],
    first: int,
    after: ClickKey | None = None,
    click_filter: ClickFilter = PEOPLE,
) -> list[ClickPage]:
    """For each owner the `first` newest clicks of its range that come after (are older than) `after`."""
    rows = reading(asked, workspace_id=workspace_id, scope=scope, click_filter=click_filter, budget=0)
    values = {**rows.click_parameters, "size": first + 1, **_after_parameters(after)}
    with timed():
        found = await conn.execute(text(_page_sql(rows, after)), values)
    clicks: list[list[ClickRecord]] = [[] for _ in asked]
    for row in found:
        clicks[row.n].append(record_of(row))
    return [ClickPage(tuple(each[:first]), has_next=len(each) > first) for each in clicks]


async def by_keys(
    conn: AsyncConnection, *, workspace_id: WorkspaceId, keys: Collection[ClickKey]
) -> dict[ClickKey, ClickRecord]:
    """Those of the clicks that the workspace has."""
    values = {
        "workspace_id": workspace_id,
        "times": [key.occurred_at for key in keys],
        "batches": [key.batch_id for key in keys],
        "rows": [key.batch_row for key in keys],
    }
    with timed():
        records = [record_of(row) for row in await conn.execute(text(_BY_KEYS), values)]
    return {record.key: record for record in records}


def _page_sql(asked: Reading, after: ClickKey | None) -> str:
    condition = "" if after is None else _AFTER
    clicks = clicks_sql(asked, COLUMNS, condition=condition, tail=f"order by {_NEWEST_FIRST} limit :size")
    return _PAGE.format(asked=asked_sql(asked.scope), clicks=clicks, newest_first=_NEWEST_FIRST)


def _after_parameters(after: ClickKey | None) -> dict[str, object]:
    if after is None:
        return {}
    return {"after_at": after.occurred_at, "after_batch": after.batch_id, "after_row": after.batch_row}


def record_of(row: Row[Any]) -> ClickRecord:
    """A row with COLUMNS as a record."""
    return ClickRecord(
        key=ClickKey(row.occurred_at, row.batch_id, row.batch_row),
        link_id=LinkId(row.link_id),
        kind=VisitorKind(row.kind),
        unique=row.first,
        country=row.country,
        referrer=row.referrer,
        browser=row.browser,
        os=row.os,
        device=Device(row.device),
        language=row.language,
        utm_source=row.utm_source,
        utm_medium=row.utm_medium,
        utm_campaign=row.utm_campaign,
        bot=row.bot,
    )
