"""Analytics over ten million clicks: what a dashboard waits for, with the day cache and without it.

Writes results/dashboards.json and the figures of docs/performance.md. CLICKS makes a smaller trial.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from benchmarks.contestants import kurz
from benchmarks.links import make_links
from benchmarks.machine import machine
from benchmarks.many_clicks import LETTER, LINKS, make_clicks
from benchmarks.report import write_figures
from models.database import asyncpg_dsn
from server.postgres import Postgres

RESULTS = Path(__file__).parent / "results" / "dashboards.json"
COUNT = int(os.environ.get("CLICKS", "10000000"))
TIMES = 30

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
HOT = "analytics(range: {period: LAST_12_MONTHS}) { top(dimension: COUNTRY, first: 10) { rows { key clicks } } }"


def _links(order: str) -> str:
    return f"{{ links(first: 20, orderBy: {{field: {order}}}) {{ nodes {{ id {PAGE} }} }} }}"


QUERIES = {
    "20 ordinary links: totals, 30 days, two tops": _links("CODE"),
    "the 20 busiest links: the same": _links("CLICK_COUNT"),
    "the busiest link: top 10 of 12 months": f'{{ link(by: {{code: "{LETTER}000000"}}) {{ {HOT} }} }}',
    "the workspace: 12 months, series and two tops": f"{{ workspace {{ {YEAR} }} }}",
}
PARTS = (
    "totals { clicks uniqueClicks botClicks }",
    "timeseries(interval: DAY) { points { start clicks uniqueClicks } }",
    "top(dimension: REFERRER, first: 5) { rows { key clicks } }",
    "top(dimension: COUNTRY, first: 5) { rows { key clicks } }",
)
CODES = [f"{LETTER}{number:06d}" for number in range(LINKS - 20, LINKS)]


def main() -> None:
    """Makes the clicks, which takes some minutes, then asks."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o755)
        postgres = stack.enter_context(Postgres(home))
        with kurz(postgres.url()):
            pass  # makes the schema and the workspace
        asyncio.run(_prepare(postgres.url()))
        results = _measure(stack, postgres)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_figures("dashboards", _lines(results))


async def _prepare(database_url: str) -> None:
    await make_links(database_url, letter=LETTER, count=LINKS)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    await connection.execute("update link set created_at = now() - interval '366 days', updated_at = now()")
    await connection.execute("update workspace set created_at = now() - interval '366 days'")
    await connection.close()
    await make_clicks(database_url, count=COUNT)


def _measure(stack: ExitStack, postgres: Postgres) -> dict[str, Any]:
    postgres.stop()  # with nothing of the tables in its memory; the system's own cache stays warm
    postgres.start()
    ours = stack.enter_context(kurz(postgres.url()))
    client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{ours.port}", timeout=60))
    client.headers["Authorization"] = f"Bearer {_key(postgres.url())}"

    def ask(query: str) -> Any:
        answer = client.post("/graphql", json={"query": query}).json()
        if answer.get("errors"):
            raise RuntimeError(answer["errors"])
        return answer["data"]

    with_cache = {name: _timed(ask, query, postgres.url()) for name, query in QUERIES.items()}
    ratio = _many_against_one(ask)
    asyncio.run(_execute(postgres.url(), "truncate click_day"))
    without = {name: _timed(ask, query, postgres.url()) for name, query in QUERIES.items()}
    return {"machine": machine(), "clicks": COUNT, "with": with_cache, "without": without, "many requests": ratio}


def _key(database_url: str) -> str:
    command = [str(Path(sys.executable).with_name("kurz")), "keys", "create", "benchmark"]
    env = os.environ | {"KURZ_DATABASE_URL": database_url}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def _timed(ask: Callable[[str], Any], query: str, database_url: str) -> dict[str, float]:
    read_before = asyncio.run(_rows_read(database_url))
    cold = _milliseconds(ask, query)
    rows = asyncio.run(_rows_read(database_url)) - read_before
    taken = sorted(_milliseconds(ask, query) for _ in range(TIMES))
    return {"cold": cold, "p50": statistics.median(taken), "p95": taken[int(TIMES * 0.95)], "rows_read": rows}


def _milliseconds(ask: Callable[[str], Any], query: str) -> float:
    begin = time.perf_counter()
    ask(query)
    return (time.perf_counter() - begin) * 1000


def _many_against_one(ask: Callable[[str], Any]) -> float:
    """How many times longer one request for each link and part takes than one for all; medians of five."""
    singles = [
        f'{{ link(by: {{code: "{code}"}}) {{ analytics(range: {{period: LAST_30_DAYS}}) {{ {part} }} }} }}'
        for code in CODES
        for part in PARTS
    ]

    def all_of_them(_query: str) -> None:
        for query in singles:
            ask(query)

    one = statistics.median(_milliseconds(ask, _links("CODE")) for _ in range(5))
    return statistics.median(_milliseconds(all_of_them, "") for _ in range(5)) / one


async def _execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    await connection.execute(statement)
    await connection.close()


async def _rows_read(database_url: str) -> float:
    """Rows that were read from the tables of clicks so far; idle sessions report theirs ten seconds late."""
    await asyncio.sleep(11)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    rows: int = await connection.fetchval(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) from pg_stat_user_tables where relname like 'click%'"
    )
    await connection.close()
    return float(rows)


def _lines(results: dict[str, Any]) -> list[str]:
    rows = [
        f"| {name} | {label} | {one['p50']:.0f} | {one['p95']:.0f} | {one['cold']:.0f} | {one['rows_read']:,.0f} |"
        for name in QUERIES
        for label, one in (("on", results["with"][name]), ("off", results["without"][name]))
    ]
    return [
        "| asked over HTTP | day cache | p50 ms | p95 ms | first, PostgreSQL just started, ms | rows read |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        (
            f"{results['clicks']:,} clicks. One request for each link and part, one after the other, takes "
            f"{results['many requests']:.0f} times as long as one nested request for the same."
        ),
    ]


if __name__ == "__main__":
    main()
