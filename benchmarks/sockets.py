"""Live clicks over WebSockets: what a thousand idle ones weigh, and how soon a hundred subscribers hear of a click."""

import asyncio
import math
import socket
import time
from contextlib import AsyncExitStack
from datetime import datetime

import orjson
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.contestants import kurz
from benchmarks.processes import cpu_seconds, resident_mb

SOCKETS = 1_000
SUBSCRIBERS = 100
CLICKS_A_SECOND = 200
SETTINGS = {"KURZ_LIVE_CONNECTIONS_PER_KEY": "5000"}
SUBSCRIBE = orjson.dumps({
    "id": "1",
    "type": "subscribe",
    "payload": {"query": "subscription { clickRecorded { cursor node { occurredAt } } }"},
}).decode()  # fmt: skip


def measure_sockets(database_url: str, key: str, code: str, *, seconds: float) -> dict[str, float]:
    """Kilobytes of the worker per socket, idle and subscribed; milliseconds from redirect to message; messages."""
    with kurz(database_url, **SETTINGS) as ours:
        weight = asyncio.run(_weigh(ours.port, ours.pids[0], key))
    with kurz(database_url, **SETTINGS) as ours:
        return weight | asyncio.run(_fan_out(ours.port, ours.pids[0], key, code, seconds=seconds))


async def _weigh(port: int, worker: int, key: str) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        await _opened(stack, port, key)  # what the first one needs is not the others'
        before = resident_mb(worker)
        sockets = [await _opened(stack, port, key) for _ in range(SOCKETS)]
        await asyncio.sleep(1)
        idle = resident_mb(worker)
        cpu = cpu_seconds([worker])
        await asyncio.sleep(5)
        idle_cpu = (cpu_seconds([worker]) - cpu) / 5
        for one in sockets:
            await one.send(SUBSCRIBE)
        await asyncio.sleep(5)
        subscribed = resident_mb(worker)
    return {
        "idle_kb": (idle - before) * 1000 / SOCKETS,
        "subscribed_kb": (subscribed - before) * 1000 / SOCKETS,
        "idle_cpu": idle_cpu,
    }


async def _opened(stack: AsyncExitStack, port: int, key: str) -> ClientConnection:
    address = f"ws://127.0.0.1:{port}/graphql"
    one = await stack.enter_async_context(
        connect(address, subprotocols=["graphql-transport-ws"], compression=None, ping_interval=None, max_queue=None)  # type: ignore[list-item]
    )
    await one.send(orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}).decode())
    answer = orjson.loads(await one.recv())
    if answer["type"] != "connection_ack":
        raise RuntimeError(answer)
    return one


async def _fan_out(port: int, worker: int, key: str, code: str, *, seconds: float) -> dict[str, float]:
    delays: list[float] = []
    async with AsyncExitStack() as stack:
        sockets = [await _opened(stack, port, key) for _ in range(SUBSCRIBERS)]
        for one in sockets:
            await one.send(SUBSCRIBE)
        await asyncio.sleep(3)
        listening = [asyncio.create_task(_listen(one, delays)) for one in sockets]
        cpu = cpu_seconds([worker])
        clicks = await asyncio.to_thread(_visit, port, code, seconds)
        expected = clicks * SUBSCRIBERS
        last = -1
        while len(delays) < expected and len(delays) != last:
            last = len(delays)
            await asyncio.sleep(5)
        cpu = cpu_seconds([worker]) - cpu
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    delays.sort()
    return {
        "rate": clicks / seconds,
        "expected": expected,
        "messages": len(delays),
        "p50": _part(delays, 0.5),
        "p99": _part(delays, 0.99),
        "most": delays[-1],
        "cpu_us": cpu / len(delays) * 1e6,
    }


async def _listen(one: ClientConnection, delays: list[float]) -> None:
    async for text in one:
        message = orjson.loads(text)
        if message["type"] != "next" or "errors" in message["payload"]:
            raise RuntimeError(message)
        at = message["payload"]["data"]["clickRecorded"]["node"]["occurredAt"]
        delays.append((time.time() - datetime.fromisoformat(at).timestamp()) * 1000)


def _visit(port: int, code: str, seconds: float) -> int:
    """So many redirects a second, evenly, over one connection; how many there were."""
    request = (
        f"GET /{code} HTTP/1.1\r\nHost: localhost:{port}\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
        "Safari/537.36\r\n\r\n"
    ).encode()
    begin, count = time.monotonic(), math.floor(seconds * CLICKS_A_SECOND)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for number in range(count):
            time.sleep(max(0, begin + number / CLICKS_A_SECOND - time.monotonic()))
            connection.sendall(request)
            if not connection.recv(4096).startswith(b"HTTP/1.1 302"):
                raise RuntimeError("this was no redirect")
    return count


def _part(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]
