"""The loader: keys asked for together are looked up together, each once, and nobody's leaving harms the others."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

from graph.shared_loader import SharedLoader


class Shelf:
    """Looks up numbers: the double of each; a failure for those below zero, and for all when there is a 13."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.was_asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.may_answer.set()
        self.loader = SharedLoader[int, int](load_fn=self.look_up)

    async def look_up(self, numbers: list[int]) -> Sequence[int | BaseException]:
        self.asked.append(numbers)
        self.was_asked.set()
        await self.may_answer.wait()
        if 13 in numbers:
            raise LookupError("none today")
        return [2 * number if number >= 0 else LookupError(number) for number in numbers]


async def test_keys_are_looked_up_together_and_once() -> None:
    shelf = Shelf()

    async def later() -> int:
        return await shelf.loader.load(3)

    found = await asyncio.gather(shelf.loader.load(1), shelf.loader.load(2), shelf.loader.load(1), later())

    assert list(found) == [2, 4, 2, 6]
    assert await shelf.loader.load_many([2, 4]) == [4, 8]
    assert shelf.asked == [[1, 2, 3], [4]]


async def test_what_is_known_is_there_at_once() -> None:
    shelf = Shelf()
    await shelf.loader.load(1)

    assert shelf.loader.load(1).done()


async def test_one_who_leaves_does_not_harm_the_others() -> None:
    shelf = Shelf()
    shelf.may_answer.clear()
    one, other = (asyncio.create_task(asyncio.wait_for(shelf.loader.load(1), 60)) for _ in range(2))
    await shelf.was_asked.wait()
    one.cancel()
    with pytest.raises(asyncio.CancelledError):
        await one
    shelf.may_answer.set()

    assert await other == 2
    assert await shelf.loader.load(1) == 2


async def test_a_failure_is_that_of_its_key() -> None:
    shelf = Shelf()
    found = await asyncio.gather(shelf.loader.load(-1), shelf.loader.load(1), return_exceptions=True)

    assert isinstance(found[0], LookupError)
    assert found[1] == 2
    with pytest.raises(LookupError):
        await shelf.loader.load(-1)


async def test_a_question_that_fails_fails_for_all_its_keys() -> None:
    shelf = Shelf()
    found = await asyncio.gather(shelf.loader.load(1), shelf.loader.load(13), return_exceptions=True)

    assert [type(one) for one in found] == [LookupError, LookupError]


async def test_a_failure_that_nobody_waits_for_is_not_told() -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, given: told.append(given))
    shelf = Shelf()
    shelf.loader.load(13)
    await asyncio.gather(shelf.loader.load(13), return_exceptions=True)
    del shelf
    gc.collect()

    assert told == []
