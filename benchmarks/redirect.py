"""Redirects measured beside a bare ASGI application and nginx; writes results/redirect.json and docs/performance.md.

Servers run on the first core; wrk, this program and PostgreSQL on the second. Rounds are interleaved; figures are
medians of the rounds, ratios medians of each round's ratio.
"""

import asyncio
import contextlib
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from benchmarks.contestants import Contestant, bare, kurz, nginx, uncounted
from benchmarks.links import make_links
from benchmarks.machine import machine
from benchmarks.processes import LOAD_CORE, cpu_seconds, resident_mb, wait_until
from benchmarks.report import write_report
from benchmarks.wrk import InTurn, Load, load
from models.upgrade import migrate
from server.postgres import Postgres

RESULTS = Path(__file__).parent / "results" / "redirect.json"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "3"))
ONLY = os.environ.get("ONLY", "")  # names of scenarios, separated by commas: measures those, and prints them

FULL = InTurn("f", 0, 99_000)  # all of them fit into the cache of 100,000
MISSED = InTurn("m", 0, 400_000)  # four times the cache, in turn: never one that it still holds
UNKNOWN = InTurn("u", 0, 900_000)  # no such links; each asked by another client's address


@dataclass(frozen=True, slots=True)
class Measured:
    """One contestant in one scenario in one round; CPU in microseconds a request."""

    scenario: str
    contestant: str
    rate: float
    cpu: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """`sides` are the contestants that take part, the yardstick first; `strays`: what should come is no redirect.

    `browsers` is how many different ones ask, in turn; `strangers`: each request comes from an address never seen;
    `later`: visits are loaded between the rounds, and not during them, so that wrk has its core to itself.
    """

    name: str
    path: str | InTurn
    sides: tuple[str, ...]
    strays: bool = False
    browsers: int = 1
    strangers: bool = False
    later: bool = False


BOTH_WAYS = ("bare", "kurz", "route")
UNRECORDED = ("uncounted", "uncounted route")
SCENARIOS = (
    Scenario("cached", "/f000000", (*BOTH_WAYS, *UNRECORDED, "two workers", "nginx")),
    Scenario("cached, later", "/f000000", (*BOTH_WAYS, *UNRECORDED, "two workers"), later=True),
    Scenario("browsers", "/f000000", BOTH_WAYS, browsers=5_000),
    Scenario("strangers", "/f000000", BOTH_WAYS, strangers=True),
    Scenario("strangers, later", "/f000000", BOTH_WAYS, strangers=True, later=True),
    Scenario("full cache", FULL, (*BOTH_WAYS, "uncounted")),
    Scenario("missed", MISSED, BOTH_WAYS),
    Scenario("unknown", UNKNOWN, BOTH_WAYS, strays=True),
    Scenario("page", "/", BOTH_WAYS),
)


def main() -> None:
    """Measures everything and writes both files; takes about eight minutes."""
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    if ONLY:
        _print_only([scenario for scenario in SCENARIOS if scenario.name in ONLY.split(",")])
        return
    with _contestants(SCENARIOS) as sides:
        ours = sides["kurz"]
        empty_mb = resident_mb(ours.pids[0])
        cold = load(ours.port, seconds=SECONDS, path=FULL)
        for side in ("kurz", "route", "uncounted"):
            _fill(sides[side])
        full_mb = resident_mb(ours.pids[0])
        measured = [one for scenario in SCENARIOS for one in _rounds(scenario, sides)]
    results = {
        "machine": machine(),
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "memory_mb": {"started": empty_mb, "full cache": full_mb},
        "cold": asdict(cold),
        "figures": _summaries(measured),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_report(results)


def _print_only(scenarios: Sequence[Scenario]) -> None:
    with _contestants(scenarios) as sides:
        for scenario in scenarios:
            for name in scenario.sides:
                load(sides[name].port, seconds=1, path=scenario.path)
        measured = [one for scenario in scenarios for one in _rounds(scenario, sides)]
    for summary in _summaries(measured):
        print({name: value if isinstance(value, str) else round(value, 2) for name, value in summary.items()})


@contextlib.contextmanager
def _contestants(scenarios: Sequence[Scenario]) -> Iterator[dict[str, Contestant]]:
    """Those who take part, by name."""
    names = {name for scenario in scenarios for name in scenario.sides}
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o755)
        postgres = stack.enter_context(Postgres(home))
        url = postgres.url()
        sides = {"kurz": stack.enter_context(kurz(url))}  # first: it makes the installation
        asyncio.run(_prepare(url, scenarios))
        others: dict[str, Callable[[], AbstractContextManager[Contestant]]] = {
            "bare": bare,
            "route": partial(kurz, url, name="route", KURZ_FAST_LANE="off"),
            "two workers": partial(kurz, url, name="two workers", KURZ_WORKERS="2"),
            "uncounted": partial(uncounted, url),
            "uncounted route": partial(uncounted, url, name="uncounted route", KURZ_FAST_LANE="off"),
            "nginx": nginx,
        }
        yield sides | {name: stack.enter_context(other()) for name, other in others.items() if name in names}


async def _prepare(database_url: str, scenarios: Sequence[Scenario]) -> None:
    await migrate(database_url)
    await make_links(database_url, letter="f", count=100_000)
    if MISSED in [scenario.path for scenario in scenarios]:
        await make_links(database_url, letter="m", count=400_000)


def _fill(ours: Contestant) -> None:
    asked = 0
    while asked < FULL.last * 2:
        asked += load(ours.port, seconds=SECONDS, path=FULL, passed=asked).requests


def _rounds(scenario: Scenario, sides: dict[str, Contestant]) -> Iterator[Measured]:
    passed = 0
    for _ in range(ROUNDS):
        chosen = [sides[name] for name in scenario.sides]
        with _loading_later(chosen) if scenario.later else contextlib.nullcontext():
            for side in chosen:
                measured, asked = _measure(scenario, side, passed)
                passed += asked
                yield measured


def _measure(scenario: Scenario, side: Contestant, passed: int) -> tuple[Measured, int]:
    """One run, and how many requests it was."""
    before = cpu_seconds(side.pids)
    said = load(
        side.port,
        seconds=SECONDS,
        path=scenario.path,
        passed=passed,
        browsers=scenario.browsers,
        strangers=scenario.strangers,
    )
    cpu = (cpu_seconds(side.pids) - before) / said.requests * 1e6
    _must_be_right(scenario, side, said)
    return Measured(scenario.name, side.name, said.rate, cpu, said.p50, said.p99), said.requests


@contextlib.contextmanager
def _loading_later(sides: Sequence[Contestant]) -> Iterator[None]:
    """The loaders stand still meanwhile, and have loaded all that came when this ends."""
    loaders = [side.loader for side in sides if side.loader is not None]
    for loader in loaders:
        loader.stop()
    yield
    for loader in loaders:
        loader.go_on()
    for loader in loaders:
        wait_until(loader.is_done)


def _must_be_right(scenario: Scenario, side: Contestant, said: Load) -> None:
    expected = said.requests if scenario.strays and side.name != "bare" else 0
    if abs(said.not_redirects - expected) > said.requests * 0.001:
        raise RuntimeError(f"{side.name}, {scenario.name}: {said.not_redirects} of {said.requests} were no redirects")


def _summaries(measured: list[Measured]) -> list[dict[str, str | float]]:
    keys = dict.fromkeys((one.scenario, one.contestant) for one in measured)
    return [_summary(scenario, contestant, measured) for scenario, contestant in keys]


def _summary(scenario: str, contestant: str, measured: list[Measured]) -> dict[str, str | float]:
    ours = [one for one in measured if (one.scenario, one.contestant) == (scenario, contestant)]
    yardstick = [one for one in measured if (one.scenario, one.contestant) == (scenario, "bare")]

    def middle(figure: Callable[[Measured], float]) -> float:
        return statistics.median(figure(one) for one in ours)

    pairs = list(zip(ours, yardstick, strict=True))
    return {
        "scenario": scenario,
        "contestant": contestant,
        "rate": middle(lambda one: one.rate),
        "cpu": middle(lambda one: one.cpu),
        "p50": middle(lambda one: one.p50),
        "p99": middle(lambda one: one.p99),
        "rate_ratio": statistics.median(own.rate / other.rate for own, other in pairs),
        "cpu_ratio": statistics.median(other.cpu / own.cpu for own, other in pairs),
        "p99_ratio": statistics.median(own.p99 / other.p99 for own, other in pairs),
    }


if __name__ == "__main__":
    main()
