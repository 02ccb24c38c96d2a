"""Changing links: versions, locks, announcements, and switching off and on."""

import asyncio
from datetime import timedelta

import pytest

from models.database import Database
from models.instance import InstanceRecord
from models.link_changes import UNCHANGED, LinkChanges
from models.links import ByCode, ByExternalId, ById, LinkLookup, LinkRecord
from models.refusals import LimitReached, Problem, Refused, VersionConflict
from tests.models.making import LATER, NOW, kinds, make_link, reread, together, update, update_in

pytestmark = pytest.mark.database


async def test_only_what_is_given_changes(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, title="old", notes="keep", external_id="x")
    changes = LinkChanges(destination_url="https://new.example", title=None)
    changed = await update(database, here, ById(link.id), changes)
    assert (changed.destination_url, changed.title, changed.notes, changed.external_id) == (
        "https://new.example/",
        None,
        "keep",
        "x",
    )
    assert (changed.version, changed.updated_at, changed.created_at, changed.code) == (2, LATER, NOW, link.code)
    assert await reread(database, here, link) == changed


async def test_a_link_is_changed_by_any_of_its_names(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, code="a", external_id="x")
    lookups: tuple[LinkLookup, ...] = (ById(link.id), ByCode(here.domain_id, "a"), ByExternalId("x"))
    versions = [
        (await update(database, here, lookup, LinkChanges(title=str(number)))).version
        for number, lookup in enumerate(lookups)
    ]
    assert versions == [2, 3, 4]


NOTHING_NEW = [
    LinkChanges(),
    LinkChanges(title=UNCHANGED),
    LinkChanges(title=" t "),
    LinkChanges(notes="  "),
    LinkChanges(destination_url="HTTPS://EXAMPLE.com:443", title="t", external_id="x"),
]


async def test_writing_what_is_there_already_keeps_the_version(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, title="t", external_id="x")
    for changes in NOTHING_NEW:
        assert await update(database, here, ById(link.id), changes) == link
        assert await update(database, here, ById(link.id), changes, expected_version=1) == link


async def test_another_version_than_expected_is_a_conflict_that_tells_the_current_one(
    database: Database, here: InstanceRecord
) -> None:
    link = await make_link(database, here)
    await update(database, here, ById(link.id), LinkChanges(title="first"), expected_version=1)
    with pytest.raises(Refused) as refusal:
        await update(database, here, ById(link.id), LinkChanges(title="second"), expected_version=1)
    (problem,) = refusal.value.problems
    assert isinstance(problem, VersionConflict)
    assert (problem.current_version, problem.path) == (2, ("expectedVersion",))
    kept = await reread(database, here, link)
    assert kept is not None
    assert kept.title == "first"


async def test_of_many_who_expect_the_same_version_one_writes(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    numbers = iter(range(40))

    async def write() -> LinkRecord | Refused:
        try:
            changes = LinkChanges(title=f"t{next(numbers)}")
            return await update(database, here, ById(link.id), changes, expected_version=1)
        except Refused as refused:
            return refused

    outcomes = await together(40, write)
    winners = [outcome for outcome in outcomes if isinstance(outcome, LinkRecord)]
    assert len(winners) == 1
    assert await reread(database, here, link) == winners[0]


async def test_no_update_of_many_at_once_is_lost(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    numbers = iter(range(40))

    async def write() -> LinkRecord:
        number = next(numbers)
        changes = LinkChanges(title=f"t{number}") if number % 2 else LinkChanges(notes=f"n{number}")
        return await update(database, here, ById(link.id), changes)

    outcomes = await together(40, write)
    last = await reread(database, here, link)
    assert last is not None
    assert sorted(outcome.version for outcome in outcomes) == list(range(2, 42))
    # The last writer of the title saw the last notes before it, and the other way round.
    by_version = {outcome.version: outcome for outcome in outcomes}
    for version in range(3, 42):
        before, after = by_version[version - 1], by_version[version]
        assert (before.title == after.title) != (before.notes == after.notes)


async def test_a_writer_waits_for_the_one_before_and_sees_its_version(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    async with database.write() as session:
        await update_in(session, here, ById(link.id), LinkChanges(title="a"), expected_version=1)
        second = asyncio.create_task(update(database, here, ById(link.id), LinkChanges(title="b"), expected_version=1))
        await wait_until_somebody_waits_for_a_lock(database)
    with pytest.raises(Refused) as refusal:
        await second
    assert {type(problem) for problem in refusal.value.problems} == {VersionConflict}


WAITING = "select count(*) from pg_locks where not granted"


async def wait_until_somebody_waits_for_a_lock(database: Database) -> None:
    async with asyncio.timeout(60), database.read() as conn:
        while not (await conn.exec_driver_sql(WAITING)).scalar_one():  # noqa: ASYNC110 - PostgreSQL tells nobody
            await asyncio.sleep(0.01)


async def test_every_broken_rule_is_told_at_once_and_nothing_changes(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, title="t")
    changes = LinkChanges(destination_url=None, title="t" * 201, notes="\x00", external_id="ok")
    with pytest.raises(Refused) as refusal:
        await update(database, here, ById(link.id), changes, expected_version=9)
    assert kinds(refusal.value) == {
        (Problem, "INVALID", ("destinationUrl",)),
        (LimitReached, "LIMIT_REACHED", ("title",)),
        (Problem, "INVALID", ("notes",)),
        (VersionConflict, "VERSION_CONFLICT", ("expectedVersion",)),
    }
    assert await reread(database, here, link) == link


async def test_a_taken_external_id_is_refused_and_leaves_the_transaction_usable(
    database: Database, here: InstanceRecord
) -> None:
    await make_link(database, here, external_id="taken")
    link = await make_link(database, here)
    async with database.write() as session:
        with pytest.raises(Refused) as refusal:
            await update_in(session, here, ById(link.id), LinkChanges(external_id="taken", title="lost"))
        await update_in(session, here, ById(link.id), LinkChanges(notes="kept"), expected_version=1)
    assert kinds(refusal.value) == {(Problem, "TAKEN", ("externalId",))}
    kept = await reread(database, here, link)
    assert kept is not None
    assert (kept.title, kept.notes, kept.external_id, kept.version) == (None, "kept", None, 2)


async def test_a_clock_set_back_does_not_take_updated_at_back(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here)
    early = NOW - timedelta(hours=1)
    changed = await update(database, here, ById(link.id), LinkChanges(title="t"), now=early)
    assert (changed.version, changed.updated_at) == (2, NOW)
