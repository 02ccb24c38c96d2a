"""Which values of a dimension were clicked most: countries, referrers, links and so on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from models.analytics_refusals import AnalyticsRefused, timed
from models.click_dimensions import ClickDimension
from models.click_filters import EVERY_CLICK, ClickFilter
from models.click_reads import MAX_CLICKS_READ, OwnerRange, Reading, reading, refusal
from models.click_totals import ClickTotals
from models.clicks import SlotScope
from models.ids import WorkspaceId
from models.statements import fetch, statement
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


TopAnswers = tuple[TopValues | AnalyticsRefused, ...]


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
) -> list[TopAnswers]:
    """For each owner its answers to `wanted`, in that order; all dimensions of all owners are one statement.

    `cached` allows whole days to be taken from click_day, which never changes a count. Where an owner's dimensions are
    too much together, each is asked for once more on its own: one may be cached where another has too many values.
    """

    def rows(some: Sequence[OwnerRange]) -> Reading:
        return reading(some, workspace_id=workspace_id, scope=scope, click_filter=click_filter, budget=budget)

    cached = cached and click_filter == EVERY_CLICK
    answers = await _ask(conn, rows(asked), wanted, owners=len(asked), cached=cached)
    refused = [n for n, answer in enumerate(answers) if any(isinstance(one, AnalyticsRefused) for one in answer)]
    if cached and refused and len({one.dimension for one in wanted}) > 1:
        again = rows([asked[n] for n in refused])
        for n, answer in zip(refused, await _ask_one_by_one(conn, again, wanted, owners=len(refused)), strict=True):
            answers[n] = answer
    return answers


async def _ask_one_by_one(
    conn: AsyncConnection, rows: Reading, wanted: Sequence[TopAsked], *, owners: int
) -> list[TopAnswers]:
    columns: dict[int, list[TopValues | AnalyticsRefused]] = {}
    for dimension in dict.fromkeys(one.dimension for one in wanted):
        wishes = [wish for wish, one in enumerate(wanted) if one.dimension is dimension]
        found = await _ask(conn, rows, [wanted[wish] for wish in wishes], owners=owners, cached=True)
        columns.update((wish, [answer[at] for answer in found]) for at, wish in enumerate(wishes))
    return [tuple(columns[wish][n] for wish in range(len(wanted))) for n in range(owners)]


async def _ask(
    conn: AsyncConnection, rows: Reading, wanted: Sequence[TopAsked], *, owners: int, cached: bool
) -> list[TopAnswers]:
    dimensions = list(dict.fromkeys(one.dimension for one in wanted))
    if not dimensions:
        return [() for _ in range(owners)]
    values = {
        **rows.click_parameters,
        **({"dimensions": [one.value for one in dimensions]} if cached else {}),
        "wishes": list(range(len(wanted))),
        "wished": [one.dimension.value for one in wanted],
        "metrics": [one.order_by.value for one in wanted],
        "firsts": [one.first for one in wanted],
    }
    with timed():
        found = await fetch(conn, statement(top_sql(rows, dimensions, cached=cached)), values)
    return _answers(found, owners=owners, wanted=wanted, budget=rows.budget)


def _answers(
    found: Iterable[asyncpg.Record], *, owners: int, wanted: Sequence[TopAsked], budget: int
) -> list[TopAnswers]:
    wholes: dict[tuple[int, int], ClickTotals] = {}
    rows: dict[tuple[int, int], list[tuple[str | None, ClickTotals]]] = {}
    refused: dict[int, AnalyticsRefused] = {}
    for row in found:
        reason = refusal(row, budget=budget)
        if reason is not None:
            refused[row["n"]] = reason
            continue
        place = row["n"], row["wish"]
        if row["all_clicks"] is not None:
            wholes[place] = ClickTotals(row["all_clicks"], row["all_unique_clicks"], row["all_bot_clicks"])
        if row["rank"] is not None:
            totals = ClickTotals(row["clicks"], row["unique_clicks"], row["bot_clicks"])
            rows.setdefault(place, []).append((row["key"], totals))
    return [
        tuple(
            refused.get(n) or _values(rows.get((n, wish), []), wholes.get((n, wish), ClickTotals()), one.order_by)
            for wish, one in enumerate(wanted)
        )
        for n in range(owners)
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
