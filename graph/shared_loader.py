"""The loader that all our nested fields use."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class _Answer(Generic[Found]):
    """What is found by one key, and who waits for it."""

    __slots__ = ("_outcome", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[Found]] = []
        self._outcome: tuple[Found | BaseException] | None = None

    def promise(self, loop: asyncio.AbstractEventLoop) -> "asyncio.Future[Found]":
        waiter: asyncio.Future[Found] = loop.create_future()
        if self._outcome is None:
            self._waiting.append(waiter)
        else:
            _tell(waiter, self._outcome[0])
        return waiter

    def tell(self, found: Found | BaseException) -> None:
        self._outcome = (found,)
        for waiter in self._waiting:
            _tell(waiter, found)
        self._waiting.clear()


class SharedLoader(Generic[Key, Found]):
    """Keys that are asked for at about the same time are looked up together, and each once.

    `load_fn` answers what it found in the order of the keys; an exception in the place of one is raised to those who
    asked for that key. Every caller has a future of its own, which may be cancelled alone: when a field fails where
    null is not allowed, graphql-core cancels its siblings, and what they wait for may be waited for elsewhere too.
    """

    def __init__(self, *, load_fn: Callable[[list[Key]], Awaitable[Sequence[Found | BaseException]]]) -> None:
        self._look_up = load_fn
        self._answers: dict[Key, _Answer[Found]] = {}
        self._next: list[tuple[Key, _Answer[Found]]] = []
        self._running = set[asyncio.Task[None]]()

    def load(self, key: Key) -> "asyncio.Future[Found]":
        """What is found by the key; of a failure that nobody waits for any more, nobody hears."""
        loop = asyncio.get_running_loop()
        fresh: _Answer[Found] = _Answer()
        answer = self._answers.setdefault(key, fresh)
        if answer is fresh:
            if not self._next:
                loop.call_soon(self._begin)  # the batch is closed when its task begins: others have asked by then
            self._next.append((key, answer))
        return answer.promise(loop)

    def load_many(self, keys: Iterable[Key]) -> "asyncio.Future[list[Found]]":
        """What is found by each of the keys."""
        return asyncio.gather(*map(self.load, keys))

    def _begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._answer_next())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer_next(self) -> None:
        batch, self._next = self._next, []
        try:
            found = await self._look_up([key for key, _ in batch])
            for (_, answer), one in zip(batch, found, strict=True):
                answer.tell(one)
        except Exception as error:  # noqa: BLE001 - raised where the answer is waited for
            for _, answer in batch:
                answer.tell(error)


def _tell(waiter: "asyncio.Future[Found]", found: Found | BaseException) -> None:
    if waiter.done():  # cancelled
        return
    if isinstance(found, BaseException):
        waiter.set_exception(found)
        waiter.exception()  # else it is logged when nobody waits for it
    else:
        waiter.set_result(found)
