"""Clients that leave before their answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive


@asynccontextmanager
async def noticing_departure(receive: Receive, left: Callable[[], None]) -> AsyncIterator[None]:
    """Call `left` if the client leaves meanwhile; the request's body must have been read from `receive`."""
    watch = asyncio.create_task(_watch(receive, left))
    try:
        yield
    finally:
        watch.cancel()


async def _watch(receive: Receive, left: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left()
