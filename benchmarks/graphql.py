"""The GraphQL API: what a document costs before it runs, a small query beside a bare JSON route, the dashboard beside
PostGraphile, and live clicks. Writes results/graphql.json and the figures of docs/performance.md.

Servers run on the first core, wrk and PostgreSQL on the second; rounds are interleaved, ratios are of one round.
"""

import asyncio
import json
import os
import statistics
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.api_server import BARE
from benchmarks.asking import new_key
from benchmarks.before_execution import before_execution
from benchmarks.contestants import Contestant, api
from benchmarks.dashboards import page_of_links
from benchmarks.kept import kept_clicks
from benchmarks.machine import machine
from benchmarks.many_clicks import LETTER
from benchmarks.postgraphile import PACKAGES, QUESTION, make_functions, postgraphile
from benchmarks.processes import LOAD_CORE, cpu_seconds, cpu_seconds_of_family
from benchmarks.profile import Profile
from benchmarks.report import taken_on, write_figures
from benchmarks.sockets import SOCKETS, SUBSCRIBERS, measure_sockets
from benchmarks.wrk import post
from server.postgres import Postgres

RESULTS = Path(__file__).parent / "results" / "graphql.json"
COUNT = int(os.environ.get("CLICKS", "10000000"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "5"))
PROFILED_S = 15.0
VIEWER = "{ viewer { scopes } }"
CONNECTIONS = {"one at a time": 1, "eight at once": 8}


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who is asked: where, what, and over how many connections."""

    name: str
    contestant: Contestant
    path: str
    query: str
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One side's medians; CPU in milliseconds a request, its own and PostgreSQL's."""

    rate: float
    p50: float
    p99: float
    cpu: float
    cpu_postgres: float
    rate_ratio: float
    cpu_ratio: float


def main() -> None:
    """Measures everything; the clicks are made first if they are not there."""
    with kept_clicks(COUNT) as postgres:
        key = new_key(postgres.url())
        results: dict[str, Any] = {"machine": machine(), "clicks": COUNT, "rounds": ROUNDS, "seconds": SECONDS}
        results["before execution"] = before_execution()
        results["viewer"] = _viewer(postgres, key)
        results["dashboard"] = _dashboard(postgres, key)
        results["sockets"] = measure_sockets(postgres.url(), key, f"{LETTER}000000", seconds=20)
    results["machine"]["packages"]["postgraphile"] = PACKAGES[0].partition("@")[2]
    results["machine"]["packages"]["node"] = PACKAGES[1].partition("@")[2]
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_figures("graphql", lines_of(results))


def _viewer(postgres: Postgres, key: str) -> dict[str, Any]:
    with api(postgres.url()) as ours:
        sides = [
            Side("a Starlette route that answers JSON", ours, BARE, VIEWER),
            Side("`{ viewer { scopes } }`", ours, "/graphql", VIEWER, (f"Authorization: Bearer {key}",)),
        ]
        return _compared(postgres, sides, connections=16)


def _dashboard(postgres: Postgres, key: str) -> dict[str, Any]:
    asyncio.run(make_functions(postgres.url()))
    since = (datetime.now(UTC) - timedelta(days=29)).date().isoformat() + "T00:00:00Z"
    with api(postgres.url()) as ours, postgraphile(postgres.url()) as theirs:
        sides = [
            Side("PostGraphile", theirs, "/graphql", QUESTION % {"since": since}),
            Side("Kurz", ours, "/graphql", page_of_links("CODE"), (f"Authorization: Bearer {key}",)),
        ]
        compared = {how: _compared(postgres, sides, connections=number) for how, number in CONNECTIONS.items()}
        profile = Profile(ours.pids[0], seconds=PROFILED_S - 1)
        _load(postgres, sides[1], connections=1, seconds=PROFILED_S)
        return {"sides": compared, "profile": profile.shares()}


def _compared(postgres: Postgres, sides: list[Side], *, connections: int) -> dict[str, Any]:
    """Each side's figures; the first is the one that the ratios are to."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    try:
        for side in sides:
            _load(postgres, side, connections)
        rounds = [[_load(postgres, side, connections) for side in sides] for _ in range(ROUNDS)]
    finally:
        os.sched_setaffinity(0, own)
    return {side.name: asdict(_median([(one[at], one[0]) for one in rounds])) for at, side in enumerate(sides)}


def _load(postgres: Postgres, side: Side, connections: int, *, seconds: float = SECONDS) -> Measured:
    assert postgres.pid is not None
    before, theirs = cpu_seconds(side.contestant.pids), cpu_seconds_of_family(postgres.pid)
    said = post(
        side.contestant.port, side.path, json.dumps({"query": side.query}),
        headers=side.headers, seconds=seconds, connections=connections,
    )  # fmt: skip
    if said.not_redirects:
        raise RuntimeError(f"{side.name}: {said.not_redirects} of {said.requests} were refused")
    cpu = (cpu_seconds(side.contestant.pids) - before) / said.requests * 1000
    cpu_postgres = (cpu_seconds_of_family(postgres.pid) - theirs) / said.requests * 1000
    return Measured(said.rate, said.p50, said.p99, cpu, cpu_postgres, 1, 1)


def _median(rounds: list[tuple[Measured, Measured]]) -> Measured:
    """Of one side's rounds and the yardstick's beside them."""
    return Measured(
        rate=statistics.median(own.rate for own, _ in rounds),
        p50=statistics.median(own.p50 for own, _ in rounds),
        p99=statistics.median(own.p99 for own, _ in rounds),
        cpu=statistics.median(own.cpu for own, _ in rounds),
        cpu_postgres=statistics.median(own.cpu_postgres for own, _ in rounds),
        rate_ratio=statistics.median(own.rate / other.rate for own, other in rounds),
        cpu_ratio=statistics.median(other.cpu / own.cpu for own, other in rounds),
    )


def lines_of(results: dict[str, Any]) -> list[str]:
    """The tables of docs/performance.md."""
    columns = (
        "", "throughput, as a ratio", "by CPU, as a ratio", "CPU ms/request", "PostgreSQL's CPU ms",
        "requests/s", "p50 ms", "p99 ms",
    )  # fmt: skip
    dashboards = [
        row for how, sides in results["dashboard"]["sides"].items() for row in _rows(sides, f"dashboard, {how}: ")
    ]
    live, before, profile = results["sockets"], results["before execution"], results["dashboard"]["profile"]
    return [
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *_rows(results["viewer"], "16 connections: "),
        *dashboards,
        "",
        "| before execution | CPU ms, seen before | CPU ms, new |",
        "|---|---|---|",
        *(f"| {name} | {one['repeated']:.3f} | {one['new']:.2f} |" for name, one in before.items()),
        "",
        *(["Samples of the worker during the dashboard: " + _shares(profile) + ".", ""] if profile else []),
        (
            f"{SOCKETS:,} idle WebSockets in one worker: {live['idle_kb']:.1f} KB each, "
            f"{live['subscribed_kb']:.1f} KB with a subscription; {live['idle_cpu']:.1%} of a core."
        ),
        (
            f"{live['rate']:.0f} clicks a second told to {SUBSCRIBERS} subscribers of one worker: "
            f"{live['messages']:,} of {live['expected']:,} messages, from redirect to message "
            f"p50 {live['p50']:.0f} ms, p99 {live['p99']:.0f} ms; {live['cpu_us']:.0f} us of CPU a message."
        ),
        "",
        taken_on(results["machine"], f"{results['rounds']} rounds of {results['seconds']:g} seconds each"),
    ]


def _shares(profile: dict[str, float]) -> str:
    return ", ".join(f"{package} {share:.0%}" for package, share in profile.items() if share >= 0.01)


def _rows(sides: dict[str, dict[str, float]], prefix: str) -> list[str]:
    return [
        f"| {prefix}{name} | {one['rate_ratio']:.2f} | {one['cpu_ratio']:.2f} | {one['cpu']:.2f} "
        f"| {one['cpu_postgres']:.2f} | {one['rate']:,.0f} | {one['p50']:.1f} | {one['p99']:.1f} |"
        for name, one in sides.items()
    ]


if __name__ == "__main__":
    main()
