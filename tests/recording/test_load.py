"""A segment becomes clicks, sums and a row in the ledger: once, and all of it together."""

import asyncio
import os
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from models.database import asyncpg_dsn
from recording.classify import Classifier
from recording.load import Connection
from recording.segments import Key, State
from recording.visit import Hint
from tests.recording.agreement import difference, ledger
from tests.recording.writing import (
    LINK,
    NOW,
    OTHER_LINK,
    ROBOT,
    WORKSPACE,
    Offers,
    Writer,
    soon,
    states,
    stored,
    sums,
    visit,
    writer,
)

pytestmark = pytest.mark.database


async def test_every_fact_of_a_visit_is_in_its_row(
    worker: Writer, offers: Offers, connection: Connection, classifier: Classifier
) -> None:
    full = visit(
        version=3,
        country="DE",
        referrer="example.com",
        language="de",
        utm_source="mail",
        utm_medium="e-mail",
        utm_campaign="spring",
    )
    await offers.take(worker.write(full, visit(user_agent=ROBOT)))
    person, robot = [dict(row) for row in await stored(connection)]
    batch_id = person.pop("batch_id")
    assert person == {
        "occurred_at": NOW,
        "link_id": LINK,
        "workspace_id": WORKSPACE,
        "batch_row": 1,
        "link_version": 3,
        "kind": 0,
        "first": True,
        "time_replaced": False,
        "device": "DESKTOP",
        "country": "DE",
        "referrer": "example.com",
        "browser": "Firefox",
        "os": "Linux",
        "language": "de",
        "utm_source": "mail",
        "utm_medium": "e-mail",
        "utm_campaign": "spring",
        "bot": None,
    }
    assert (robot["kind"], robot["first"], robot["bot"], robot["browser"]) == (1, False, "Googlebot", None)
    [batch] = await ledger(connection)
    assert (batch["id"], batch["rows"], batch["rejected"], batch["position"]) == (batch_id, 2, 0, 1)
    assert batch["classifier"] == classifier.version
    assert (batch["occurred_from"], batch["occurred_until"]) == (NOW, NOW)


async def test_sums_are_kept_by_link_and_workspace_and_quarter(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    later = NOW + timedelta(minutes=16)
    await offers.take(
        worker.write(
            visit(), visit(visitor=2, link_id=OTHER_LINK), visit(at=later), visit(user_agent=ROBOT), sealed_at=later
        )
    )
    rows = await connection.fetch("select * from click_slot order by scope, scope_id, slot")
    assert [tuple(row) for row in rows] == [
        (1, LINK, NOW, 1, 1, 1),
        (1, LINK, NOW + timedelta(minutes=15), 1, 0, 0),
        (1, OTHER_LINK, NOW, 1, 1, 0),
        (2, WORKSPACE, NOW, 2, 2, 1),
        (2, WORKSPACE, NOW + timedelta(minutes=15), 1, 0, 0),
    ]
    assert await sums(connection) == (2, 1, 1)
    assert await connection.fetchval("select last_clicked_at from link_total where link_id = $1", LINK) == later
    assert not await difference(connection)


async def test_a_robot_leaves_no_last_click(worker: Writer, offers: Offers, connection: Connection) -> None:
    await offers.take(worker.write(visit(user_agent=ROBOT)))
    assert await connection.fetchval("select last_clicked_at from link_total") is None


async def test_a_visitor_is_unique_once_a_day_and_link(worker: Writer, offers: Offers, connection: Connection) -> None:
    yesterday = NOW - timedelta(days=1)
    await offers.take(
        worker.write(visit(), visit(), visit(visitor=2), visit(link_id=OTHER_LINK)),
        worker.write(visit(), visit(visitor=3)),
        worker.write(visit(at=yesterday), opened_at=yesterday, sealed_at=yesterday),
    )
    assert await sums(connection) == (6, 4, 0)
    assert await sums(connection, OTHER_LINK) == (1, 1, 0)
    assert not await difference(connection)


async def test_within_a_segment_the_earliest_visit_is_the_first(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    await offers.take(worker.write(visit(at=NOW), visit(at=NOW - timedelta(seconds=9))))
    assert [row["first"] for row in await stored(connection, "first")] == [False, True]


@pytest.mark.parametrize("robot_first", [True, False])
async def test_a_robot_with_a_persons_hash_takes_nothing_from_it(
    worker: Writer, offers: Offers, connection: Connection, robot_first: bool
) -> None:
    earlier = NOW - timedelta(seconds=1)
    robot = visit(user_agent=ROBOT, at=earlier if robot_first else NOW)
    head = visit(hint=Hint.HEAD, at=earlier if robot_first else NOW)
    person = visit(at=NOW if robot_first else earlier)
    await offers.take(worker.write(robot, head, person), worker.write(robot, person))
    assert await sums(connection) == (2, 1, 3)
    assert not await difference(connection)


async def test_visits_without_a_hash_count_but_never_as_unique(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    await offers.take(worker.write(visit(visitor=None), visit(visitor=None), visit()))
    assert await sums(connection) == (3, 1, 0)
    assert not await difference(connection)


async def test_a_segment_offered_again_changes_nothing(worker: Writer, offers: Offers, connection: Connection) -> None:
    file = worker.write(visit(), visit(visitor=2))
    copy = file.path.read_bytes()
    await offers.take(file)
    for _ in range(3):
        file.path.write_bytes(copy)
        await offers.take(file)
    assert await sums(connection) == (2, 2, 0)
    assert (offers.loader.tally.segments, offers.loader.tally.known) == (1, 3)
    assert states(worker.folder) == {State.LOADED: 1}


async def test_other_content_under_a_known_key_is_set_aside(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    key = Key(worker.producer, 7_777)
    await offers.take(worker.write(visit(), key=key))
    await offers.take(worker.write(visit(visitor=2), key=key))
    assert await sums(connection) == (1, 1, 0)
    assert offers.loader.tally.aside == 1
    assert states(worker.folder) == {State.LOADED: 1, State.ASIDE: 1}


async def test_late_visits_keep_their_time_and_are_not_unique(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    then = NOW - timedelta(days=9)
    await offers.take(worker.write(visit(at=then), visit(at=then, visitor=2), opened_at=then, sealed_at=then))
    assert [row["occurred_at"] for row in await stored(connection)] == [then, then]
    assert await sums(connection) == (2, 0, 0)
    [batch] = await ledger(connection)
    assert batch["late"] == offers.loader.tally.late == 2
    assert not await difference(connection)


async def test_visitors_of_the_last_eight_days_are_still_told_apart(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    then = NOW - timedelta(days=8)
    segments = [worker.write(visit(at=then), opened_at=then, sealed_at=then) for _ in range(2)]
    await offers.take(*segments)
    assert await sums(connection) == (2, 1, 0)


async def test_a_time_outside_the_segments_life_is_replaced(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    kept = [NOW, NOW + timedelta(minutes=4), NOW - timedelta(minutes=5, seconds=1)]
    wrong = [
        NOW + timedelta(minutes=5, seconds=1),
        NOW - timedelta(minutes=5, seconds=2),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ]
    await offers.take(worker.write(*(visit(at=at) for at in [*kept, *wrong])), now=NOW + timedelta(days=3))
    rows = [tuple(row) for row in await stored(connection, "occurred_at, time_replaced")]
    assert rows == [(at, False) for at in kept] + [(NOW, True) for _ in wrong]


async def test_a_clock_set_back_within_a_segment_keeps_the_times(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    before, after = NOW, NOW - timedelta(hours=2)
    await offers.take(worker.write(visit(at=before), visit(at=after), opened_at=before, sealed_at=after))
    assert [tuple(row) for row in await stored(connection, "occurred_at, time_replaced")] == [
        (before, False),
        (after, False),
    ]
    partitions = await connection.fetchval("select count(*) from pg_inherits where inhparent = 'click'::regclass")
    assert partitions == 1


async def test_without_a_last_line_the_files_own_time_is_the_sealing(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    file = worker.write(visit(at=datetime(1999, 1, 1, tzinfo=UTC)), sealed_at=None)
    os.utime(file.path, (NOW.timestamp(), NOW.timestamp()))
    await offers.take(file)
    assert [row["occurred_at"] for row in await stored(connection)] == [NOW]


async def test_a_load_makes_the_day_cache_forget_what_it_touches(
    worker: Writer, offers: Offers, connection: Connection
) -> None:
    today, other_day = NOW.date(), date(2026, 11, 20)
    for scope, scope_id, day in [(1, LINK, today), (2, WORKSPACE, today), (1, LINK, other_day), (1, OTHER_LINK, today)]:
        await connection.execute(
            "insert into click_day (scope, scope_id, day, rows, dimensions) values ($1, $2, $3, 0, '{}')",
            scope,
            scope_id,
            day,
        )
    await offers.take(worker.write(visit()))
    kept = await connection.fetch("select scope, scope_id, day from click_day order by 1, 2, 3")
    assert [tuple(row) for row in kept] == [(1, LINK, other_day), (1, OTHER_LINK, today)]


async def test_positions_are_gapless_and_announced(
    worker: Writer, offers: Offers, connection: Connection, database_url: str
) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(asyncpg_dsn(database_url))
    await listener.add_listener("kurz_click", lambda *message: heard.append(message[-1]))
    repeated = worker.write(visit())
    again = repeated.path.read_bytes()
    await offers.take(repeated, worker.write(visit()))
    repeated.path.write_bytes(again)
    await offers.take(repeated, worker.write(visit()))
    assert [row["position"] for row in await ledger(connection)] == [1, 2, 3]
    await soon(lambda: len(heard) == 3)
    assert heard == ["1", "2", "3"]
    await listener.close()


async def test_loaders_side_by_side_store_everything_once(
    folder: Path, instance_id: int, database_url: str, connection: Connection
) -> None:
    """Two hosts with the same visitors, each segment offered five times by each of four processes in random order."""
    chance = random.Random(4)
    for host in ("a", "b"):
        worker = writer(folder / host, instance_id)
        for _ in range(5):
            who = [(chance.randrange(30), chance.choice([LINK, OTHER_LINK])) for _ in range(50)]
            worker.write(*(visit(visitor=visitor, link_id=link_id) for visitor, link_id in who))
    await asyncio.to_thread(offer_everywhere, asyncpg_dsn(database_url), folder, instance_id)
    assert await connection.fetchval("select count(*) from click") == 2 * 5 * 50
    assert await connection.fetchval("select sum(unique_clicks) from link_total") == 60
    assert sorted(row["position"] for row in await ledger(connection)) == list(range(1, 11))
    assert not await difference(connection)


def offer_everywhere(dsn: str, folder: Path, instance_id: int) -> None:
    command = [sys.executable, "-m", "tests.recording.offering", dsn, str(folder), str(instance_id)]
    subprocess.run(command, cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL, timeout=300, check=True)
