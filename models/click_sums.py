"""Sums of clicks per bucket: from the slots, or from the clicks themselves when a filter is on."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics_refusals import AnalyticsRefused, timed
from models.click_filters import ClickFilter
from models.click_reads import ADMITTED, SLOTS, Reading, asked_sql, clicks_sql, refusal
from models.statements import fetch, statement

# Clicks, unique clicks and bot clicks by the number of the bucket, from 1; empty buckets are left out.
Sums = dict[int, tuple[int, int, int]]

# Buckets travel as text: PostgreSQL has no array of arrays of different lengths. Equal ones travel once.
_BUCKETS = """
buckets as materialized (
  select q.n, b.starts
    from unnest(cast(:questions as int[]), cast(:shapes as int[])) q (n, shape)
    join (select shape, starts::timestamptz[] as starts
            from unnest(cast(:starts_of_shapes as text[])) with ordinality as x (starts, shape)) b using (shape)
)"""

_FROM_SLOTS = """
with {asked}, {buckets}
select p.n, width_bucket(s.slot, b.starts) as bucket, sum(s.clicks)::bigint as clicks,
       sum(s.unique_clicks)::bigint as unique_clicks, sum(s.bot_clicks)::bigint as bot_clicks
  from asked p join buckets b using (n) cross join {slots} s
 group by 1, 2"""

_FROM_CLICKS = """
with {asked}, {buckets},
piece as (select * from asked),{admitted},
counted as (
  select p.n, width_bucket(c.occurred_at, b.starts) as bucket, count(*) filter (where c.kind = 0) as clicks,
         count(*) filter (where c.first) as unique_clicks, count(*) filter (where c.kind <> 0) as bot_clicks
    from admitted a join piece p using (n) join buckets b on b.n = a.n cross join {clicks} c
   where a.ok
   group by 1, 2
)
select * from admitted left join counted using (n)"""


async def read_sums(
    conn: AsyncConnection, asked: Reading, starts: Sequence[tuple[datetime, ...]]
) -> list[Sums | AnalyticsRefused]:
    """For each question its sums by bucket, where `starts` has the beginnings of each question's buckets."""
    sql, values = _statement(asked)
    with timed():
        rows = await fetch(conn, statement(sql), {**values, **_bucket_parameters(starts)})
    return _by_question(rows, questions=len(starts), budget=asked.budget)


def _statement(asked: Reading) -> tuple[str, dict[str, object]]:
    parts = {"asked": asked_sql(asked.scope), "buckets": _BUCKETS}
    # The filter's links are in the rows already; slots know them apart.
    if asked.click_filter in (ClickFilter(), ClickFilter(link=asked.click_filter.link)):
        return _FROM_SLOTS.format(**parts, slots=SLOTS), asked.parameters
    clicks = clicks_sql(asked, "c.occurred_at, c.kind, c.first")
    return _FROM_CLICKS.format(**parts, admitted=ADMITTED, clicks=clicks), asked.click_parameters


def _bucket_parameters(starts: Sequence[tuple[datetime, ...]]) -> dict[str, object]:
    shapes = {shape: number for number, shape in enumerate(dict.fromkeys(starts), start=1)}
    return {
        "questions": list(range(len(starts))),
        "shapes": [shapes[shape] for shape in starts],
        "starts_of_shapes": [_written(shape) for shape in shapes],
    }


@lru_cache(maxsize=64)  # a page of links has one, and so has the next request
def _written(starts: tuple[datetime, ...]) -> str:
    return "{" + ",".join(start.isoformat() for start in starts) + "}"


def _by_question(rows: Iterable[asyncpg.Record], *, questions: int, budget: int) -> list[Sums | AnalyticsRefused]:
    sums: list[Sums] = [{} for _ in range(questions)]
    refused: dict[int, AnalyticsRefused] = {}
    for row in rows:
        reason = refusal(row, budget=budget) if "ok" in row else None
        if reason is not None:
            refused[row["n"]] = reason
        elif row["bucket"] is not None:
            sums[row["n"]][row["bucket"]] = (row["clicks"], row["unique_clicks"], row["bot_clicks"])
    return [refused.get(number, found) for number, found in enumerate(sums)]
