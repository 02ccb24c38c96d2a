"""Turns: so many at once of each, and nothing kept of those who are done."""

import asyncio
import gc

from models.turns import Turns


async def test_of_one_key_only_so_many_go_at_once_and_of_another_as_many() -> None:
    turns, going, most = Turns(2), {"a": 0, "b": 0}, {"a": 0, "b": 0}

    async def go(key: str) -> None:
        async with turns.of(key):
            going[key] += 1
            most[key] = max(most[key], going[key])
            await asyncio.sleep(0)
            going[key] -= 1

    await asyncio.gather(*(go(key) for key in "ab" * 50))
    assert most == {"a": 2, "b": 2}


async def test_a_key_that_nobody_waits_for_is_forgotten() -> None:
    turns = Turns(1)

    async def wait(key: int) -> None:
        async with turns.of(key):
            await asyncio.sleep(0)

    waiting = [asyncio.create_task(wait(number % 100)) for number in range(1_000)]
    await asyncio.sleep(0)
    assert len(turns) == 100
    for task in waiting[::2]:
        task.cancel()  # of whom some hold it and some wait
    await asyncio.gather(*waiting, return_exceptions=True)
    waiting.clear()
    del task
    await asyncio.sleep(0)  # the loop lets go of what it has just passed on
    gc.collect()
    assert len(turns) == 0
