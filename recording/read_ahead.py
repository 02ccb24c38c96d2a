"""Reading some files while those before them are being stored: the two keep different processes busy."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from itertools import pairwise
from typing import TypeVar

F = TypeVar("F")
R = TypeVar("R")


async def read_ahead(files: Iterable[F], read: Callable[[F], R]) -> AsyncGenerator[tuple[F, asyncio.Future[R]]]:
    """Each file with what reading it in a thread came to, never more than one file ahead; to be closed (aclosing).

    What `read` raises is raised by awaiting the future, so that it is known which file is to blame.
    """
    reading: asyncio.Future[R] | None = None
    try:
        for file, following in pairwise((*files, None)):
            assert file is not None
            done = reading or _begin(read, file)
            await asyncio.wait((done,))
            reading = None if following is None else _begin(read, following)
            yield file, done
    finally:
        if reading is not None:  # nobody will ask for it
            await asyncio.gather(reading, return_exceptions=True)


def _begin(read: Callable[[F], R], file: F) -> asyncio.Future[R]:
    return asyncio.ensure_future(asyncio.to_thread(read, file))
