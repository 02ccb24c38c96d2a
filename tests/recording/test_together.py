"""Segments stored in one transaction: the same as one after the other, and each for itself where one is bad."""

import pytest

from recording.load import Connection
from recording.segments import Key, State
from recording.together import BYTES_TOGETHER, SEGMENTS_TOGETHER, together
from tests.recording.agreement import difference, ledger
from tests.recording.writing import LINK, NOW, OTHER_LINK, ROBOT, Offers, Writer, states, stored, sums, visit

pytestmark = pytest.mark.database


async def test_together_is_the_same_as_one_after_the_other(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    await offers.take_together(
        worker.write(visit(), visit(visitor=2), visit(visitor=2)),
        worker.write(visit(at=NOW), visit(link_id=OTHER_LINK), visit(user_agent=ROBOT)),
        worker.write(visit(visitor=3), visit(visitor=None), b"junk\n"),
    )
    first, second, third = await ledger(connection)
    assert [(row["position"], row["rows"], row["rejected"]) for row in (first, second, third)] == [
        (1, 3, 0),
        (2, 3, 0),
        (3, 3, 1),
    ]
    flags = [(row["batch_id"], row["batch_row"]) for row in await stored(connection, "batch_id, batch_row", "first")]
    assert flags == [(first["id"], 1), (first["id"], 2), (second["id"], 2), (third["id"], 1)]
    assert await sums(connection) == (6, 3, 1)
    assert offers.loader.tally.segments == 3
    assert states(worker.folder) == {State.LOADED: 3, State.BAD: 1}
    assert not await difference(connection)


async def test_an_earlier_segment_has_the_first_visit_whatever_the_clocks_say(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    later = NOW.replace(second=30)
    await offers.take_together(worker.write(visit(at=later), sealed_at=later), worker.write(visit(at=NOW)))
    assert [row["first"] for row in await stored(connection)] == [True, False]


async def test_what_is_known_does_not_come_again(worker: Writer, offers: Offers, connection: Connection) -> None:
    known = worker.write(visit())
    copy = known.path.read_bytes()
    await offers.take(known)
    known.path.write_bytes(copy)
    await offers.take_together(worker.write(visit(visitor=2)), known, worker.write(visit(visitor=3)))
    assert await sums(connection) == (3, 3, 0)
    assert (offers.loader.tally.segments, offers.loader.tally.known) == (3, 1)
    assert [row["position"] for row in await ledger(connection)] == [1, 2, 3]


async def test_a_segment_twice_is_stored_once(worker: Writer, offers: Offers, connection: Connection) -> None:
    file = worker.write(visit())
    await offers.take_together(file, file)
    assert await sums(connection) == (1, 1, 0)
    assert (offers.loader.tally.segments, offers.loader.tally.known) == (1, 1)


async def test_other_content_under_a_known_key_is_set_aside_alone(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    key = Key(worker.producer, 7_777)
    await offers.take(worker.write(visit(), key=key))
    await offers.take_together(worker.write(visit(visitor=2)), worker.write(visit(visitor=3), key=key))
    assert await sums(connection) == (2, 2, 0)
    assert states(worker.folder) == {State.LOADED: 2, State.ASIDE: 1}


async def test_rows_that_do_not_fit_are_rejected_from_their_segments(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    files = [
        worker.write(visit(), visit(utm_source="\0"), visit(visitor=2)),
        worker.write(visit(visitor=3)),
        worker.write(visit(country="\0"), visit(version=2**40)),
        worker.write(visit(visitor=4), visit(visitor=2)),
    ]
    await offers.take_together(*files)
    assert await sums(connection) == (5, 4, 0)
    batches = await ledger(connection)
    assert [(row["segment"], row["rejected"]) for row in batches] == [
        (file.key.segment, rejected) for file, rejected in zip(files, (1, 0, 2, 0), strict=True)
    ]
    assert len(list((worker.folder / State.BAD).iterdir())) == 2
    assert not await difference(connection)


async def test_what_was_erased_is_counted_for_its_segment(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    await connection.execute("insert into erased_link (id, erased_at) values ($1, now())", OTHER_LINK)
    gone, both = worker.write(visit(link_id=OTHER_LINK)), worker.write(visit(), visit(link_id=OTHER_LINK))
    await offers.take_together(worker.write(visit()), gone, both)
    batches = await ledger(connection)
    assert [(row["rows"], row["erased"]) for row in batches] == [(1, 1), (2, 1), (1, 0)]
    assert [row["occurred_from"] for row in batches] == [None, NOW, NOW]
    assert await sums(connection, LINK) == (2, 1, 0)
    assert not await difference(connection)


async def test_the_workspaces_sums_are_without_hidden_links(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    await offers.take(worker.write(visit(), visit(link_id=OTHER_LINK)))
    await connection.execute("update link_total set hidden_at = now() where link_id = $1", OTHER_LINK)
    await offers.take_together(worker.write(visit(visitor=2)), worker.write(visit(visitor=2, link_id=OTHER_LINK)))
    rows = await connection.fetch("select scope, scope_id, clicks from click_slot order by 1, 2")
    assert [tuple(row) for row in rows] == [(1, LINK, 2), (1, OTHER_LINK, 2), (2, 11, 3)]


async def test_what_cannot_be_put_aside_stands_in_no_other_segments_way(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    worker.folder.mkdir(parents=True)
    (worker.folder / State.BAD).write_text("a file where the folder should be")
    good, bad = worker.write(visit()), worker.write(visit(visitor=2), b"junk\n")
    read = offers.loader.read([bad, good], now=NOW)
    failures = await offers.loader.store(connection, read, now=NOW)
    assert [failure.file for failure in failures] == [bad]
    assert await sums(connection) == (1, 1, 0)
    assert (bad.path.exists(), good.path.exists()) == (True, False)


async def test_groups_keep_the_order_and_are_bounded(worker: Writer) -> None:
    small = [worker.write(visit()) for _ in range(SEGMENTS_TOGETHER + 1)]
    assert list(together(small)) == [small[:-1], small[-1:]]
    huge = [worker.write(visit(), tail=b"x" * (BYTES_TOGETHER // 2)) for _ in range(2)]
    assert list(together([*huge, small[0]])) == [[huge[0]], [huge[1], small[0]]]
    assert list(together([])) == []


async def test_a_file_that_is_gone_is_in_its_group(worker: Writer) -> None:
    files = [worker.write(visit()) for _ in range(2)]
    files[0].path.unlink()
    assert list(together(files)) == [files]
