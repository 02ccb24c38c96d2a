"""One file is read while another is being stored, and never more than one."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from recording.read_ahead import read_ahead
from tests.eventually import eventually


class Reader:
    """Reads numbers and notes which; one of them cannot be read."""

    def __init__(self, *, broken: int | None = None) -> None:
        self.begun: list[int] = []
        self.broken = broken

    def read(self, number: int) -> int:
        self.begun.append(number)
        if number == self.broken:
            raise ValueError(number)
        return number * 10

    def has_begun(self, number: int) -> Callable[[], Awaitable[bool]]:
        async def has_it() -> bool:
            return number in self.begun

        return has_it


async def test_every_file_comes_once_and_in_order_with_what_was_read() -> None:
    reader = Reader()
    async with aclosing(read_ahead([1, 2, 3], reader.read)) as readings:
        assert [(file, await reading) async for file, reading in readings] == [(1, 10), (2, 20), (3, 30)]
    assert reader.begun == [1, 2, 3]


async def test_without_files_there_is_nothing() -> None:
    nothing: list[int] = []
    assert [one async for one in read_ahead(nothing, Reader().read)] == []


async def test_the_next_file_is_read_while_one_is_stored_and_no_further_one() -> None:
    reader = Reader()
    async with aclosing(read_ahead([1, 2, 3], reader.read)) as readings:
        async for file, _ in readings:
            await eventually(reader.has_begun(min(file + 1, 3)))
            assert reader.begun == [1, 2, 3][: file + 1]


async def test_a_file_that_cannot_be_read_is_no_other_files_failure() -> None:
    read, failed = [], []
    async with aclosing(read_ahead([1, 2, 3], Reader(broken=2).read)) as readings:
        async for file, reading in readings:
            try:
                read.append(await reading)
            except ValueError:
                failed.append(file)
    assert (read, failed) == ([10, 30], [2])


async def test_who_gives_up_waits_for_the_file_being_read_and_hears_nothing_of_it() -> None:
    reader = Reader(broken=2)
    with pytest.raises(ConnectionResetError):
        async with aclosing(read_ahead([1, 2, 3], reader.read)) as readings:
            async for _ in readings:
                raise ConnectionResetError
    assert reader.begun in ([1], [1, 2])
