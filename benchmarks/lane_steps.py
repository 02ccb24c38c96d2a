"""Where the time of a request goes that the lane takes: its steps in one process, without network and recording.

Writes its table to docs/performance.md; PRINT=1 only prints it.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.server import ServerState

from benchmarks.report import write_figures
from redirect.cache import LinkCache
from redirect.entry import LOCATION, make_entry
from redirect.hearing import Hearing
from redirect.lane import Lane, LaneConnection
from server.request_heads import BoundedHeads, connections_with

TIMES, BEST_OF = 20_000, 9
CODE = "f000000"
HEADERS = (
    b"Host: go.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    b"Chrome/140.0.0.0 Safari/537.36\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
)
KNOWN = HEADERS + b"\r\n"
NEW = [HEADERS + b"X-Forwarded-For: 81.0.%d.%d\r\n\r\n" % (n >> 8, n & 255) for n in range(TIMES)]
DATE = (b"date", b"Sat, 21 Nov 2026 18:00:00 GMT")


class Nowhere(asyncio.Transport):
    """Where answers go."""

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


def main() -> None:
    """Measures on this process's processor; takes some seconds."""
    rows = [f"| {step} | {cost:.2f} |" for step, cost in uvloop.run(_steps()).items()]
    lines = ["| step | us |", "|---|---|", *rows]
    if os.environ.get("PRINT"):
        print("\n".join(lines))
    else:
        write_figures("lane's steps", lines)


async def _steps() -> dict[str, float]:
    lane = Lane(_cached(), recorder=None, now=time.time_ns)
    connection = _connection(lane)
    entry = lane.current(CODE)
    assert entry is not None
    known = b"GET /" + CODE.encode() + b" HTTP/1.1\r\n" + KNOWN
    other = known.replace(CODE.encode(), b"unknown")
    found = {
        "all of it, with the headers of the last request on the connection": _each(
            connection.data_received, [known] * TIMES
        ),
        "of this: the first line, and looking up its code in vain; so much do requests pay that are not taken": _each(
            connection.takes, [other] * TIMES
        ),
        "of this: the link, and that it is current": _each(lane.current, [CODE] * TIMES),
        "of this: the answer, counters and keep-alive": _each(
            lambda location: connection._answer(location, lane, is_last=False), [entry[LOCATION]] * TIMES
        ),
        "more, with other headers whose lines are known": _each(lane.lines.read, [KNOWN] * TIMES),
        "more, with a line among them that is not: X-Forwarded-For": _each(lane.lines.read, NEW),
    }
    connection.connection_lost(None)
    return found


def _cached() -> Callable[[str], Any]:
    """What `LinkFinder.current` does, with one link."""
    hearing = Hearing(lost_after=3_600.0, fresh_for=5.0)
    hearing.begin(0.0)
    hearing.beat(sent_at=time.monotonic(), now=time.monotonic())
    cache = LinkCache(max_entries=10, max_bytes=2**20, max_unknown=10, unknown_for=1.0)
    entry = make_entry(
        link_id=1,
        workspace_id=1,
        version=1,
        destination="https://example.com/a/page?of=some&length=1",
        is_deactivated=False,
        read_at=1.0,
    )
    cache.settle(CODE, cache.claim([CODE]), entry, read_at=1.0)

    def current(code: str) -> Any:
        found = cache.get(code)
        return found if found is not None and hearing.is_current(found[0], time.monotonic()) else None

    return current


def _connection(lane: Lane) -> LaneConnection:
    config = uvicorn.Config(Starlette(), lifespan="off", log_config=None, access_log=False)
    state = ServerState()
    state.default_headers = [DATE]
    protocol: Callable[..., BoundedHeads] = connections_with(lane)
    connection = protocol(config=config, server_state=state, app_state={})
    assert isinstance(connection, LaneConnection)
    connection.connection_made(Nowhere({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 80)}))
    return connection


def _each(step: Callable[[bytes], Any] | Callable[[str], Any], given: list[Any]) -> float:
    """Microseconds of CPU a call, at best."""
    best = float("inf")
    for _ in range(BEST_OF):
        begun = time.process_time()
        for one in given:
            step(one)
        best = min(best, time.process_time() - begun)
    return best / len(given) * 1e6


if __name__ == "__main__":
    main()
