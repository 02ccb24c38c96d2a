"""Waiting for what happens by itself, with a deadline no healthy machine needs."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within: float = 60.0, every: float = 0.02) -> None:
    """Returns once it is so; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not await is_so():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(every)
