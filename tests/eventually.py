"""Waiting for what happens by itself, with a deadline no healthy machine needs."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOKS = 50


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within: float = 60.0, every: float = 0.02) -> None:
    """Returns once it is so; fails after `within` seconds.

    Not before it has looked some times, though: a machine that stood still for a minute has given nobody a chance.
    """
    deadline, looks = time.monotonic() + within, 0
    while not await is_so():
        looks += 1
        assert time.monotonic() < deadline or looks < LOOKS, "it never came true"
        await asyncio.sleep(every)
