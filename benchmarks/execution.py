"""The dashboard in one process, executed by Strawberry's own executor and by Kurz's; where the time of each goes.

Everything else is the same for both: the schema, the data layer, PostgreSQL, and what is done before execution and
after it. Writes results/execution.json and the figures of docs/performance.md. CLICKS makes a smaller trial.
"""

import asyncio
import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from benchmarks.dashboards import page_of_links
from benchmarks.kept import kept_clicks
from benchmarks.machine import machine
from benchmarks.report import taken_on, write_figures
from benchmarks.subjects import Samples
from graph.api_config import ApiConfig
from graph.asked import Asked
from graph.executor import PlannedExecutor
from graph.operations import QUERIES, Caller, Operations, body_of
from graph.principals import Principal
from models.database import Database, make_engine
from models.ids import KeyId
from models.instance import find
from models.keys import KeyRecord, Scope

RESULTS = Path(__file__).parent / "results" / "execution.json"
COUNT = int(os.environ.get("CLICKS", "10000000"))
ROUNDS = int(os.environ.get("ROUNDS", "9"))
TIMES = int(os.environ.get("TIMES", "25"))
SIDES = {"Strawberry's executor": StrawberryGraphQLCoreExecutionContext, "Kurz's executor": PlannedExecutor}
PAGES = {"20 ordinary links": "CODE", "the 20 busiest links": "CLICK_COUNT"}
Times = list[tuple[float, float]]


class Asking:
    """Asks one document as the endpoint would, up to the bytes of the answer; the rate is not limited."""

    def __init__(self, operations: Operations, key: KeyRecord, document: str) -> None:
        self._operations = operations
        self._caller = Caller(principal=Principal.of_key(key), request_id="1", client="")
        self._asked = Asked(document, None, None)

    async def once(self) -> bytes:
        """The answer; RuntimeError if it has errors."""
        result = await self._operations.run(self._asked, caller=self._caller, kinds=QUERIES)
        if result.errors:
            raise RuntimeError(result.errors)
        return orjson.dumps(body_of(result))

    async def times(self) -> tuple[float, float]:
        """Milliseconds of CPU, and those that a client waits, for each of some questions: the medians."""
        taken = []
        for _ in range(TIMES):
            begin, cpu = time.perf_counter(), time.thread_time()
            await self.once()
            taken.append((time.thread_time() - cpu, time.perf_counter() - begin))
        return statistics.median(cpu for cpu, _ in taken) * 1000, statistics.median(wall for _, wall in taken) * 1000


def main() -> None:
    """Measures both, in turn; the clicks are made first if they are not there."""
    with kept_clicks(COUNT) as postgres, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(_measured(postgres.url()))
    results = {"machine": machine(), "clicks": COUNT, "rounds": ROUNDS, "times": TIMES, "pages": measured}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_figures("execution", _lines(results))


async def _measured(address: str) -> dict[str, Any]:
    database = Database(make_engine(address))
    async with database.read() as connection:
        instance = await find(connection)
    assert instance is not None, "the database was served"
    config = ApiConfig(
        base_url="http://localhost",
        own_hosts=frozenset(),
        allow_private_targets=False,
        clock=lambda: datetime.now(UTC),
    )
    operations = Operations(database=database, config=config, instance=instance, on_created=lambda _: None)
    key = KeyRecord(
        KeyId(1), instance.workspace_id, "benchmark", "0" * 12, frozenset(Scope), datetime.now(UTC), None, None, None
    )
    found = {}
    for page, order in PAGES.items():
        found[page] = await _compared(Asking(operations, key, page_of_links(order)), _switch(operations))
    await database.close()
    return found


def _switch(operations: Operations) -> Callable[[str], None]:
    def switch(side: str) -> None:
        operations.schema.execution_context_class = SIDES[side]

    return switch


async def _compared(asking: Asking, switch: Callable[[str], None]) -> dict[str, Any]:
    answers = set()
    for side in SIDES:
        switch(side)
        for _ in range(5):
            answers.add(len(await asking.once()))
    gc.collect()
    gc.freeze()
    rounds: dict[str, Times] = {side: [] for side in SIDES}
    for _ in range(ROUNDS):
        for side, taken in rounds.items():
            switch(side)
            taken.append(await asking.times())
    subjects = {}
    for side in SIDES:
        switch(side)
        with Samples() as samples:
            for _ in range(ROUNDS * TIMES):
                await asking.once()
        subjects[side] = samples.shares()
    return {"sides": _medians(rounds), "bytes": sorted(answers), "subjects": subjects}


def _medians(rounds: dict[str, Times]) -> dict[str, dict[str, float]]:
    stock = next(iter(rounds.values()))
    return {
        side: {
            "cpu": statistics.median(cpu for cpu, _ in taken),
            "wall": statistics.median(wall for _, wall in taken),
            "cpu_ratio": statistics.median(other / own for (own, _), (other, _) in zip(taken, stock, strict=True)),
            "wall_ratio": statistics.median(other / own for (_, own), (_, other) in zip(taken, stock, strict=True)),
        }
        for side, taken in rounds.items()
    }


def _lines(results: dict[str, Any]) -> list[str]:
    pages, sides = results["pages"], list(SIDES)
    rows = [
        f"| {page} | {side} | {one['cpu']:.1f} | {one['cpu_ratio']:.2f} | {one['wall']:.1f} | {one['wall_ratio']:.2f} |"
        for page, found in pages.items()
        for side, one in found["sides"].items()
    ]
    first = next(iter(pages.values()))
    subjects = first["subjects"]
    return [
        "| the dashboard of | executed by | CPU ms | by CPU, as a ratio | ms | by time, as a ratio |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"| CPU ms of {next(iter(pages))}, by subject | {' | '.join(sides)} |",
        "|---|---|---|",
        *(
            f"| {subject} | {' | '.join(f'{_part(first, side, subject):.1f}' for side in sides)} |"
            for subject in dict.fromkeys(name for side in sides for name in subjects[side])
        ),
        "",
        f"{results['clicks']:,} clicks; an answer of the first has {max(first['bytes']):,} bytes.",
        "",
        taken_on(results["machine"], f"{results['rounds']} rounds of {results['times']} questions each"),
    ]


def _part(found: dict[str, Any], side: str, subject: str) -> float:
    share: float = found["subjects"][side].get(subject, 0)
    cpu: float = found["sides"][side]["cpu"]
    return share * cpu


if __name__ == "__main__":
    main()
