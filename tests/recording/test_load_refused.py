"""What cannot be loaded is put aside and counted, and stops nothing else."""

from datetime import timedelta

import pytest

from recording.load import Connection
from recording.segments import State, listed
from recording.visit import Dropped
from tests.recording.agreement import difference, ledger
from tests.recording.writing import NOW, Offers, Writer, states, sums, visit

pytestmark = pytest.mark.database


async def test_visits_that_do_not_fit_stop_no_other(worker: Writer, offers: Offers, connection: Connection) -> None:
    good = [visit(visitor=number) for number in range(9)]
    bad = [visit(utm_source="nul \x00 inside"), visit(version=2**40), visit(country="\x00")]
    file = worker.write(*good[:4], bad[0], *good[4:8], bad[1], good[8], bad[2])
    raw = file.path.read_bytes().split(b"\n")
    await offers.take(file)
    assert await sums(connection) == (9, 9, 0)
    [batch] = await ledger(connection)
    assert (batch["rows"], batch["rejected"]) == (12, 3)
    [put_aside] = (worker.folder / "bad").iterdir()
    assert put_aside.read_bytes().split(b"\n")[:-1] == [raw[5], raw[10], raw[12]]
    assert not await difference(connection)


async def test_lines_that_cannot_be_read_go_to_a_file_of_their_own(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    junk = [b"\xff\xfe\n", b"{}\n", b'{"line":"visit"}\n', b'{"line":"visit","at":"yesterday","link_id":1}\n', b"\n"]
    await offers.take(worker.write(visit(), *junk, visit(visitor=2), tail=b'{"line":"visit","at'))
    assert await sums(connection) == (2, 2, 0)
    assert offers.loader.tally.rejected == 5
    [put_aside] = (worker.folder / "bad").iterdir()
    assert put_aside.read_bytes() == b"".join(junk)
    assert not await difference(connection)


async def test_all_rows_may_be_bad(worker: Writer, offers: Offers, connection: Connection) -> None:
    await offers.take(worker.write(visit(version=2**40), b"junk\n"), worker.write(visit()))
    assert await sums(connection) == (1, 1, 0)
    assert [(row["rows"], row["rejected"]) for row in await ledger(connection)] == [(2, 2), (1, 0)]


async def test_what_a_worker_dropped_is_counted(worker: Writer, offers: Offers) -> None:
    await offers.take(worker.write(visit(), Dropped(5), visit(visitor=2), Dropped(2)))
    assert (offers.loader.tally.clicks, offers.loader.tally.dropped) == (2, 7)


async def test_what_is_no_segment_of_ours_is_set_aside(worker: Writer, offers: Offers, connection: Connection) -> None:
    too_old = NOW - timedelta(days=31)
    empty = worker.write()
    empty.path.write_bytes(b"")
    headless = worker.write()
    headless.path.write_bytes(b"hello\nworld\n")
    misnamed = worker.write(visit())
    misnamed.path.rename(worker.folder / f"{misnamed.key.producer:016x}-{999_999:010d}.sealed")
    foreign = worker.of_another_instance().write(visit())
    old = worker.write(visit(at=too_old), opened_at=too_old, sealed_at=too_old)
    await offers.take(*listed(worker.folder, State.SEALED))
    assert offers.loader.tally.aside == 5
    assert states(worker.folder) == {State.ASIDE: 5}
    assert await sums(connection) == (0, 0, 0)
    assert {foreign.key, old.key} <= {file.key for file in listed(worker.folder, State.ASIDE)}


async def test_an_old_segment_is_loaded_by_force(worker: Writer, offers: Offers, connection: Connection) -> None:
    then = NOW - timedelta(days=31)
    await offers.take(worker.write(visit(at=then), opened_at=then, sealed_at=then), force=True)
    assert await sums(connection) == (1, 0, 0)
