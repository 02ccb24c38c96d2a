"""Which values of a dimension were clicked most: countries, referrers, links and so on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics import ClickTotals
from models.analytics_refusals import AnalyticsRefused, timed
from models.click_dimensions import ClickDimension
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_reads import MAX_CLICKS_READ, OwnerRange, Reading, reading, refusal
from models.clicks import SlotScope
from models.ids import WorkspaceId
from models.top_sql import top_sql


class ClickMetric(StrEnum):
    """What is counted: the fields of ClickTotals."""

    CLICKS = "CLICKS"
    UNIQUE_CLICKS = "UNIQUE_CLICKS"
    BOT_CLICKS = "BOT_CLICKS"


@dataclass(frozen=True, slots=True)
class TopAsked:
    """The first so many values of a dimension, by a metric."""

    dimension: ClickDimension
    first: int = 10
    order_by: ClickMetric = ClickMetric.CLICKS


@dataclass(frozen=True, slots=True)
class DimensionRow:
    """A value (None: unknown; of LINK the id in decimal), its clicks, and its share of the ordering metric, 0 to 1."""

    key: str | None
    totals: ClickTotals
    share: float


@dataclass(frozen=True, slots=True)
class TopValues:
    """Values with any of the ordering metric, most first, equal ones by key; and everything else in the range."""

    rows: tuple[DimensionRow, ...]
    other: ClickTotals


async def top(
    conn: AsyncConnection,
    *,
    workspace_id: WorkspaceId,
    scope: SlotScope,
    asked: Sequence[OwnerRange],
    wanted: Sequence[TopAsked],
    click_filter: ClickFilter = EVERY_CLICK,
    budget: int = MAX_CLICKS_READ,
    cached: bool = True,
) -> list[tuple[TopValues, ...] | AnalyticsRefused]:
    """For each owner its answers to `wanted`, in that order; all dimensions of all owners are one statement.

    `cached` allows whole days to be taken from click_day, which never changes an answer.
    """
    rows = reading(asked, workspace_id=workspace_id, scope=scope, click_filter=click_filter, budget=budget)
    dimensions = list(dict.fromkeys(one.dimension for one in wanted))
    if not dimensions:
        return [() for _ in asked]
    with timed():
        found = await conn.execute(
            text(top_sql(rows, dimensions, cached=cached)), _parameters(rows, dimensions, wanted, cached=cached)
        )
    return _answers(found, questions=len(asked), wanted=wanted, budget=budget)


def _parameters(
    rows: Reading, dimensions: Sequence[ClickDimension], wanted: Sequence[TopAsked], *, cached: bool
) -> dict[str, object]:
    values = {
        **rows.click_parameters,
        "wishes": list(range(len(wanted))),
        "wished": [one.dimension.value for one in wanted],
        "metrics": [one.order_by.value for one in wanted],
        "firsts": [one.first for one in wanted],
    }
    if cached and rows.click_filter == EVERY_CLICK:
        values["dimensions"] = [one.value for one in dimensions]
    return values


def _answers(
    found: Iterable[Row[Any]], *, questions: int, wanted: Sequence[TopAsked], budget: int
) -> list[tuple[TopValues, ...] | AnalyticsRefused]:
    wholes: dict[tuple[int, int], ClickTotals] = {}
    rows: dict[tuple[int, int], list[tuple[str | None, ClickTotals]]] = {}
    refused: dict[int, AnalyticsRefused] = {}
    for row in found:
        reason = refusal(row, budget=budget)
        if reason is not None:
            refused[row.n] = reason
            continue
        if row.all_clicks is not None:
            wholes[row.n, row.wish] = ClickTotals(row.all_clicks, row.all_unique_clicks, row.all_bot_clicks)
        if row.rank is not None:
            totals = ClickTotals(row.clicks, row.unique_clicks, row.bot_clicks)
            rows.setdefault((row.n, row.wish), []).append((row.key, totals))
    return [
        refused.get(n)
        or tuple(
            _values(rows.get((n, wish), []), wholes.get((n, wish), ClickTotals()), one.order_by)
            for wish, one in enumerate(wanted)
        )
        for n in range(questions)
    ]


def _values(rows: Sequence[tuple[str | None, ClickTotals]], whole: ClickTotals, metric: ClickMetric) -> TopValues:
    total = measure(whole, metric)
    other = whole
    for _, totals in rows:
        other -= totals
    return TopValues(
        tuple(DimensionRow(key, totals, measure(totals, metric) / total) for key, totals in rows),
        other,
    )


def measure(totals: ClickTotals, metric: ClickMetric) -> int:
    """The one number of the totals that the metric means."""
    match metric:
        case ClickMetric.CLICKS:
            return totals.clicks
        case ClickMetric.UNIQUE_CLICKS:
            return totals.unique_clicks
        case ClickMetric.BOT_CLICKS:
            return totals.bot_clicks
