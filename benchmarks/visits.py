"""Where the microseconds of a recorded visit go, in one process; writes results/visits.json and docs/performance.md.

CPU time of one thread, the median of the rounds; the steps of a round follow one another. Header values are new objects
each time, as a parser makes them.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.report import taken_on, write_figures
from benchmarks.wrk import HEADERS
from recording.client import ClientRule, Headers, Peer
from recording.geo import Registrations
from recording.spool import Spool, Sync
from recording.visit import Utm
from recording.visit_line import link_parts
from recording.visitor import Visitors

RESULTS = Path(__file__).parent / "results" / "visits.json"
ROUNDS = int(os.environ.get("ROUNDS", "15"))
VISITS = 2_000  # of a round: a segment of the spool holds them
PROXY = "127.0.0.1"
LINK = link_parts(link_id=123_456, workspace_id=1, version=1, utm=Utm())
SALT = b"s" * 32

Request = tuple[Headers, Peer]
Step = Callable[[Request], object]


def main() -> None:
    """Measures the steps and writes both files; takes some seconds."""
    with tempfile.TemporaryDirectory() as folder, _spool(Path(folder)) as spool:
        steps = _steps(spool, Path(folder))
        rounds = [[_cpu(step, requests()) for _, requests, step in steps] for _ in range(ROUNDS)]
    medians = [statistics.median(figures) for figures in zip(*rounds, strict=True)]
    idle = medians[0]
    found = {name: median - idle for (name, _, _), median in zip(steps[1:], medians[1:], strict=True)}
    ran_on = machine()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": ran_on, "rounds": ROUNDS, "us": found}, indent=1) + "\n")
    rows = [f"| {name} | {us:.2f} |" for name, us in found.items()]
    how = f"{ROUNDS} rounds of {VISITS:,} visits"
    write_figures("visits", ["| step of a visit | us |", "|---|---|", *rows, "", taken_on(ran_on, how)])


def _steps(spool: Spool, folder: Path) -> list[tuple[str, Callable[[], list[Request]], Step]]:
    visitors = Visitors(client_rule=ClientRule((PROXY,)), countries=Registrations(), salt_of=lambda _day: SALT)
    rule, countries, key = ClientRule((PROXY,)), Registrations(), blake2b(digest_size=8, key=SALT)
    file = os.open(folder / "written", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def line(request: Request) -> bytes:
        headers, client = request
        return visitors.line(headers, client, b"", LINK, time.time_ns(), False)

    def keyed(request: Request) -> bytes:
        copy = key.copy()
        copy.update(request[0][0][1])
        return copy.digest()

    def again(_: Request) -> bytes | None:
        return visitors.line_of(met, b"", LINK, time.time_ns(), False)

    headers, client = _request(1, 1)
    visit, met = visitors.meet(headers, client, b"", LINK, time.time_ns(), False, None)
    return [
        ("nothing", _kept, lambda _: None),
        ("the line of a visitor who stays on a connection, by the lane", _kept, again),
        ("the line of a visitor who stays on a connection, by the route", _kept, line),
        ("the line of a visitor never seen", _Strangers(), line),
        ("of that: the address behind a proxy", _kept, lambda _: rule.judge(PROXY, b"81.2.3.4", None)),
        ("of that: the country", _kept, lambda _: countries.country("81.2.3.4")),
        ("of that: the keyed hash", _kept, keyed),
        ("putting it into the file, by the spool", _kept, lambda _: spool.append(visit)),
        (
            "what one write() instead would take, of a kernel that does little else",
            _kept,
            lambda _: os.write(file, visit),
        ),
    ]


def _request(visitor: int, connection: int) -> Request:
    told = [header.split(": ", 1) for header in HEADERS]
    told.append(["x-forwarded-for", f"81.{visitor // 65536 % 256}.{visitor // 256 % 256}.{visitor % 256}"])
    return [(name.lower().encode(), value.encode()) for name, value in told], (PROXY, connection)


def _kept() -> list[Request]:
    """64 visitors, each on a connection of their own, in turn."""
    return [_request(number % 64, number % 64) for number in range(VISITS)]


class _Strangers:
    """Another visitor each time, never one that came before."""

    def __init__(self) -> None:
        self._met = 1_000

    def __call__(self) -> list[Request]:
        self._met += VISITS
        return [_request(self._met + number, 200 + number % 61) for number in range(VISITS)]


def _cpu(step: Step, requests: list[Request]) -> float:
    begun = time.thread_time()
    for request in requests:
        step(request)
    return (time.thread_time() - begun) / VISITS * 1e6


@contextmanager
def _spool(folder: Path) -> Iterator[Spool]:
    """A spool whose thread does nothing but make segments; it is left to end with the process."""
    spool = Spool(
        folder / "spool",
        producer=1,
        instance_id=1,
        sync=Sync.NEVER,
        max_bytes=2**40,
        clock=lambda: datetime.now(UTC),
        segment_bytes=2**25,
    )
    spool.start()
    yield spool


if __name__ == "__main__":
    main()
