"""The day cache: all dimensions of a busy, closed UTC day in one row, so that `top` need not read its clicks again.

No answer depends on a row being there. A load deletes the rows of the days it touches; what is built meanwhile is
stored only if it still agrees with the slots while no load is under way.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby

import asyncpg

from models.click_dimensions import ClickDimension, columns, grouped
from models.click_reads import NOT_HIDDEN
from models.clicks import SlotScope

MIN_CLICKS = 200
# A dimension with more values is left out of the row: cut short, its sums over several days would be wrong.
MAX_VALUES = 1_000
CLOSED_AFTER = timedelta(hours=2)
# Clicks that one statement of the builder reads at most, unless a single day has more.
STEP_CLICKS = 500_000
LOCK_TIMEOUT_MS = 500

_CANDIDATES = """
select s.scope, s.scope_id, s.day, s.visits from (
  select scope, scope_id, (slot at time zone 'UTC')::date as day, sum(clicks + bot_clicks)::bigint as visits
    from click_slot
   where slot >= greatest($1, (select clicks_kept_since from feed_position)) and slot < $2
   group by 1, 2, 3 having sum(clicks + bot_clicks) >= $3) s
 where not exists (select from click_day d where d.scope = s.scope and d.scope_id = s.scope_id and d.day = s.day)
 order by s.scope, s.day, s.scope_id"""

_BUILD = """
with piece as (
  select n, owner, lo, lo + interval '1 day' as hi
    from unnest($1::bigint[], $2::timestamptz[]) with ordinality p (owner, lo, n)
),
counted as ({grouped}),
dimensions as (
  select n, dimension, count(*) as size, sum(clicks + bot_clicks)::bigint as visits,
         jsonb_agg(jsonb_build_array(key, clicks, unique_clicks, bot_clicks)) as counts
    from counted group by 1, 2
)
select n, max(visits) as visits,
       coalesce(jsonb_object_agg(dimension, counts) filter (where size <= $3), '{{}}')::text as dimensions
  from dimensions group by n order by n"""

_STORE = """
insert into click_day (scope, scope_id, day, rows, dimensions)
select b.scope, b.scope_id, b.day, b.visits, b.dimensions::jsonb
  from unnest($1::smallint[], $2::bigint[], $3::date[], $4::int[], $5::text[])
       b (scope, scope_id, day, visits, dimensions)
 where b.visits = (
   select sum(s.clicks + s.bot_clicks) from click_slot s
    where s.scope = b.scope and s.scope_id = b.scope_id and s.slot >= b.day::timestamp at time zone 'UTC'
      and s.slot < (b.day + 1)::timestamp at time zone 'UTC')
on conflict do nothing returning 1"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A day of a link or workspace that is worth a row, and its visits of any kind."""

    scope: SlotScope
    scope_id: int
    day: date
    visits: int


@dataclass(frozen=True, slots=True)
class _Built:
    candidate: Candidate
    visits: int
    dimensions: str


async def candidates(
    conn: asyncpg.Connection, *, first: date, now: datetime, at_least: int = MIN_CLICKS
) -> list[Candidate]:
    """Busy UTC days from `first` on, closed for two hours, that have no row but still have their clicks."""
    closed = (now - CLOSED_AFTER).astimezone(UTC).date()
    rows = await conn.fetch(_CANDIDATES, _begin(first), _begin(closed), at_least)
    return [Candidate(SlotScope(row["scope"]), row["scope_id"], row["day"], row["visits"]) for row in rows]


async def build(conn: asyncpg.Connection, chosen: Iterable[Candidate]) -> int:
    """Stores the rows of these days, and answers how many; those that changed meanwhile are left for the next time.

    Not inside a transaction. Loads wait only while finished rows are checked and stored.
    """
    stored = 0
    for step in _steps(chosen):
        stored += await _store(conn, await _read(conn, step))
    return stored


def _steps(chosen: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    """Parts of one scope whose clicks are read together."""
    for _, same_scope in groupby(chosen, key=lambda one: one.scope):
        step: list[Candidate] = []
        for one in same_scope:
            if step and sum(other.visits for other in step) + one.visits > STEP_CLICKS:
                yield step
                step = []
            step.append(one)
        yield step


async def _read(conn: asyncpg.Connection, step: Sequence[Candidate]) -> list[_Built]:
    is_workspace = step[0].scope is SlotScope.WORKSPACE
    owner = "workspace_id" if is_workspace else "link_id"
    seen = NOT_HIDDEN.format(workspace="p.owner") if is_workspace else "true"
    dimensions = tuple(ClickDimension)
    clicks = f"""piece p cross join lateral (
      select {columns(dimensions)} from click c
       where c.{owner} = p.owner and c.occurred_at >= p.lo and c.occurred_at < p.hi
         and {seen} offset 0) c"""  # noqa: S608 - ours
    rows = await conn.fetch(
        _BUILD.format(grouped=grouped(dimensions, by="p.n", source=clicks)),
        [one.scope_id for one in step],
        [_begin(one.day) for one in step],
        MAX_VALUES,
    )
    return [_Built(step[row["n"] - 1], row["visits"], row["dimensions"]) for row in rows]


async def _store(conn: asyncpg.Connection, built: Sequence[_Built]) -> int:
    try:
        async with conn.transaction(isolation="read_committed"):
            await conn.execute(f"set local lock_timeout = {LOCK_TIMEOUT_MS}")
            # Every load begins with its row in the ledger: in this mode none is under way, and none begins.
            await conn.execute("lock table click_batch in share mode")
            rows = await conn.fetch(
                _STORE,
                [int(one.candidate.scope) for one in built],
                [one.candidate.scope_id for one in built],
                [one.candidate.day for one in built],
                [one.visits for one in built],
                [one.dimensions for one in built],
            )
            return len(rows)
    except asyncpg.LockNotAvailableError:  # a long load: next time
        return 0


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
