"""Analytics over ten million clicks: what a dashboard waits for, with the day cache and without it.

Writes results/dashboards.json and the figures of docs/performance.md. CLICKS makes a smaller trial.
"""

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.asking import Ask, Asked, ask_once, asking
from benchmarks.kept import kept_clicks
from benchmarks.machine import machine
from benchmarks.many_clicks import LETTER, LINKS
from benchmarks.report import taken_on, write_figures
from models.database import asyncpg_dsn
from server.postgres import Postgres

RESULTS = Path(__file__).parent / "results" / "dashboards.json"
COUNT = int(os.environ.get("CLICKS", "10000000"))
TIMES = int(os.environ.get("TIMES", "50"))

PAGE = """analytics(range: {period: LAST_30_DAYS}) {
  totals { clicks uniqueClicks botClicks }
  timeseries(interval: DAY) { points { start clicks uniqueClicks } }
  referrers: top(dimension: REFERRER, first: 5) { rows { key clicks } }
  countries: top(dimension: COUNTRY, first: 5) { rows { key clicks } } }"""
YEAR = """analytics(range: {period: LAST_12_MONTHS}) {
  totals { clicks uniqueClicks botClicks }
  timeseries(interval: MONTH) { points { start clicks } }
  referrers: top(dimension: REFERRER, first: 10) { rows { key clicks } }
  countries: top(dimension: COUNTRY, first: 10) { rows { key clicks } } }"""
HOT = "analytics(range: {period: LAST_12_MONTHS}) { top(dimension: %s, first: 10) { rows { key clicks } } }"


def page_of_links(order: str) -> str:
    """The dashboard: twenty links, each with its totals, thirty days and two rankings."""
    return f"{{ links(first: 20, orderBy: {{field: {order}}}) {{ nodes {{ id {PAGE} }} }} }}"


def _hot(dimension: str) -> str:
    return f'{{ link(by: {{code: "{LETTER}000000"}}) {{ {HOT % dimension} }} }}'


QUERIES = {
    "20 ordinary links: totals, 30 days, two tops": page_of_links("CODE"),
    "the 20 busiest links: the same": page_of_links("CLICK_COUNT"),
    "the busiest link: top 10 countries of 12 months": _hot("COUNTRY"),
    "the busiest link: top 10 referrers of 12 months": _hot("REFERRER"),
    "the workspace: 12 months, series and two tops": f"{{ workspace {{ {YEAR} }} }}",
}
PARTS = (
    "totals { clicks uniqueClicks botClicks }",
    "timeseries(interval: DAY) { points { start clicks uniqueClicks } }",
    "top(dimension: REFERRER, first: 5) { rows { key clicks } }",
    "top(dimension: COUNTRY, first: 5) { rows { key clicks } }",
)
CODES = [f"{LETTER}{number:06d}" for number in range(LINKS - 20, LINKS)]

_SET_ASIDE = ("drop table if exists aside", "create table aside as table click_day", "truncate click_day")
_PUT_BACK = ("insert into click_day table aside", "drop table aside", "vacuum (freeze, analyze) click_day")


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds a client waits: when nothing of the data is in memory, and when all is; and what it takes."""

    cold: float
    p50: float
    p95: float
    statements: int
    rows_read: int
    refused_cold: list[str]
    refused: list[str]


def main() -> None:
    """Asks everything with the day cache, then without it."""
    with kept_clicks(COUNT) as postgres:
        with_cache = _measure_all(postgres)
        with asking(postgres.url()) as ask:
            ratio = _many_against_one(ask)
        asyncio.run(_execute(postgres.url(), *_SET_ASIDE))
        try:
            without = _measure_all(postgres)
        finally:
            asyncio.run(_execute(postgres.url(), *_PUT_BACK))
    results = {
        "machine": machine(),
        "clicks": COUNT,
        "times": TIMES,
        "with": {name: asdict(one) for name, one in with_cache.items()},
        "without": {name: asdict(one) for name, one in without.items()},
        "many requests": ratio,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_figures("dashboards", _lines(results))


def _measure_all(postgres: Postgres) -> dict[str, Measured]:
    first = {name: _cold(postgres, query) for name, query in QUERIES.items()}
    with asking(postgres.url()) as ask:
        return {name: _measured(ask, query, first[name]) for name, query in QUERIES.items()}


def _measured(ask: Ask, query: str, first: Asked) -> Measured:
    refused = ask(query)
    taken = sorted(milliseconds(lambda: ask(query)) for _ in range(TIMES))
    return Measured(
        cold=first.milliseconds,
        p50=statistics.median(taken),
        p95=taken[int(TIMES * 0.95)],
        statements=first.statements,
        rows_read=first.rows_read,
        refused_cold=sorted(first.refused),
        refused=sorted(refused),
    )


def _cold(postgres: Postgres, query: str) -> Asked:
    """The first question of all after a start of PostgreSQL, with nothing of its files in the system's memory."""
    postgres.stop()
    for file in postgres.home.cluster.glob("base/**/*"):
        if file.is_file():
            _forget(file)
    postgres.start()
    return ask_once(postgres, query)


def _forget(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def _many_against_one(ask: Ask) -> float:
    """How many times longer one request for each link and part takes than one for all; medians of five."""
    singles = [
        f'{{ link(by: {{code: "{code}"}}) {{ analytics(range: {{period: LAST_30_DAYS}}) {{ {part} }} }} }}'
        for code in CODES
        for part in PARTS
    ]
    ratios = []
    for _ in range(5):
        one = milliseconds(lambda: ask(page_of_links("CODE")))
        ratios.append(milliseconds(lambda: [ask(query) for query in singles]) / one)
    return statistics.median(ratios)


async def _execute(database_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def _lines(results: dict[str, Any]) -> list[str]:
    columns = (
        "asked over HTTP", "day cache", "p50 ms", "p95 ms", "cold, ms", "statements", "rows read",
    )  # fmt: skip
    rows = [
        f"| {name} | {label} | {_told(one, 'p50', 'refused')} | {_told(one, 'p95', 'refused')} "
        f"| {_told(one, 'cold', 'refused_cold')} | {one['statements']} | {one['rows_read']:,} |"
        for name in QUERIES
        for label, one in (("on", results["with"][name]), ("off", results["without"][name]))
    ]
    return [
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *rows,
        "",
        (
            f"{results['clicks']:,} clicks; {results['times']} questions each, over one connection. Cold: PostgreSQL "
            f"just started and none of its files in memory. One request for each link and part, one after the other, "
            f"takes {results['many requests']:.0f} times as long as one nested request for the same."
        ),
        "",
        taken_on(results["machine"], "the median of them"),
    ]


def _told(one: dict[str, Any], figure: str, refused: str) -> str:
    return f"{one[figure]:.0f}" + (f" ({', '.join(one[refused])})" if one[refused] else "")


if __name__ == "__main__":
    main()
