"""Batches at the same time: one winner for each code and external id, and nobody waits in a circle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain

import asyncpg
import pytest

from models.bulk import NothingDone, Outcome
from models.database import Database
from models.ids import new_id
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_creation import LinkDraft
from models.links import ByCode, ById, LinkRecord
from models.refusals import CodeTaken, LimitReached, Refused
from tests.eventually import eventually
from tests.models.batches import ALL, URL, create_all, made, named, update_all
from tests.models.making import NOW, kinds, make_link, reread, update
from tests.models.test_link_quota import limit

pytestmark = pytest.mark.database

WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
INSERT = """insert into link (id, workspace_id, domain_id, code, external_id, destination_url, created_at, updated_at,
  version) values ($1, $2, $3, $4, $5, 'https://example.com/', $6, $6, 1)"""
CODE_TAKEN = {(CodeTaken, "TAKEN", ("code",))}


@pytest.fixture
def neighbour(here: InstanceRecord, elsewhere: InstanceRecord) -> InstanceRecord:
    """Another workspace, on the same domain."""
    return InstanceRecord(elsewhere.workspace_id, here.domain_id)


@dataclass
class Rival:
    """Somebody else at work at the same time: with a link that is not committed until someone waits for it."""

    connection: asyncpg.Connection
    watcher: asyncpg.Connection
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def until_waited_for(self, waiting: int) -> None:
        """Returns once so many wait for somebody."""

        async def all_wait() -> bool:
            async with self.turns:
                return bool(await self.watcher.fetchval(WAITING) >= waiting)

        await eventually(all_wait)

    @asynccontextmanager
    async def at_work(
        self,
        place: InstanceRecord,
        *,
        code: str = "theirs",
        external_id: str | None = None,
        keeps: bool = True,
        waiting: int = 1,
    ) -> AsyncIterator[None]:
        """The link is committed, or given up, as soon as so many of those in the block wait."""
        transaction = self.connection.transaction()
        await transaction.start()
        named = (place.workspace_id, place.domain_id, code, external_id)
        await self.connection.execute(INSERT, new_id(), *named, NOW)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end(transaction, keeps=keeps, waiting=waiting))
            yield

    async def _end(self, transaction: asyncpg.transaction.Transaction, *, keeps: bool, waiting: int) -> None:
        await self.until_waited_for(waiting)
        await (transaction.commit() if keeps else transaction.rollback())


@pytest.fixture
def rival(raw: asyncpg.Connection, other: asyncpg.Connection) -> Rival:
    return Rival(raw, other)


@pytest.mark.parametrize("keeps", [True, False], ids=["kept", "given up"])
async def test_a_code_that_somebody_is_about_to_have_is_waited_for(
    database: Database, rival: Rival, here: InstanceRecord, neighbour: InstanceRecord, keeps: bool
) -> None:
    async with rival.at_work(neighbour, keeps=keeps, code="b"):
        outcomes = await create_all(database, here, named("cba"))
    assert made(outcomes) == (["c", "a"] if keeps else ["c", "b", "a"])
    assert [kinds(one) for one in outcomes if isinstance(one, Refused)] == [CODE_TAKEN] * keeps


async def test_a_code_lost_meanwhile_leaves_nothing_of_all_or_nothing(
    database: Database, rival: Rival, here: InstanceRecord, neighbour: InstanceRecord
) -> None:
    async with rival.at_work(neighbour, code="b"):
        with pytest.raises(NothingDone) as nothing:
            await create_all(database, here, named("abc"), ALL)
    assert [one and kinds(one) for one in nothing.value.refusals] == [None, CODE_TAKEN, None]
    assert made(await create_all(database, here, named("ac"), ALL)) == ["a", "c"]


async def test_room_that_a_lost_code_leaves_is_taken_by_the_next(
    database: Database, rival: Rival, here: InstanceRecord, neighbour: InstanceRecord
) -> None:
    await limit(database, here, 2)
    async with rival.at_work(neighbour, code="b"):
        outcomes = await create_all(database, here, named("abcd"))
    assert made(outcomes) == ["a", "c"]
    assert [kinds(one) for one in outcomes if isinstance(one, Refused)] == [
        CODE_TAKEN,
        {(LimitReached, "LIMIT_REACHED", ())},
    ]


async def test_an_external_id_lost_meanwhile_is_told_of_its_item(
    database: Database, rival: Rival, here: InstanceRecord
) -> None:
    first, second = [await make_link(database, here, code=code) for code in "ab"]
    changes = [(ById(first.id), LinkChanges(title="t")), (ById(second.id), LinkChanges(external_id="x"))]
    async with rival.at_work(here, external_id="x"):
        done, refused = await update_all(database, here, changes)
    assert isinstance(done, LinkRecord) and done.title == "t"
    assert isinstance(refused, Refused) and {kind[1:] for kind in kinds(refused)} == {("TAKEN", ("externalId",))}
    assert await reread(database, here, second) == second


async def test_who_waits_for_a_code_has_none_that_others_wait_for(
    database: Database, rival: Rival, here: InstanceRecord, neighbour: InstanceRecord
) -> None:
    async def later() -> list[Outcome]:
        await rival.until_waited_for(1)  # by the first, which has "a" and will want "z"
        return await create_all(database, neighbour, named(["z", "a"]))

    async with rival.at_work(neighbour, code="m", waiting=2):
        first, second = await asyncio.gather(create_all(database, here, named("amz")), later())
    assert sorted(made(first) + made(second)) == ["a", "z"]


async def test_each_code_has_one_winner_in_whatever_order_the_batches_have_them(
    database: Database, here: InstanceRecord, neighbour: InstanceRecord
) -> None:
    codes = [f"code{number}" for number in range(40)]
    batches = [(here, codes), (neighbour, codes[::-1]), (here, codes[20:] + codes[:20]), (neighbour, codes)]
    done = await asyncio.gather(*(create_all(database, place, named(batch)) for place, batch in batches))
    assert Counter(chain.from_iterable(map(made, done))) == Counter(codes)
    lost = [one for outcomes in done for one in outcomes if isinstance(one, Refused)]
    assert [kinds(refused) for refused in lost] == [CODE_TAKEN] * (3 * len(codes))


async def test_of_equal_batches_that_are_all_or_nothing_one_is_made(
    database: Database, here: InstanceRecord, neighbour: InstanceRecord
) -> None:
    codes = [f"code{number}" for number in range(20)]
    batches = [(here, codes), (neighbour, codes[::-1]), (neighbour, codes), (here, codes[::-1])]
    attempts = (create_all(database, place, named(batch), ALL) for place, batch in batches)
    done = await asyncio.gather(*attempts, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["NothingDone"] * 3 + ["list"]


async def test_codes_and_external_ids_that_cross_are_no_circle(database: Database, here: InstanceRecord) -> None:
    def drafts(codes: list[int], externals: list[int]) -> list[LinkDraft]:
        pairs = zip(codes, externals, strict=True)
        return [LinkDraft(URL, code=f"c{code}", external_id=f"x{external}") for code, external in pairs]

    up, down = list(range(30)), list(range(29, -1, -1))
    batches = [drafts(up, up), drafts(up, down), drafts([n + 30 for n in up], down), drafts([n + 30 for n in up], up)]
    done = await asyncio.gather(*(create_all(database, here, batch) for batch in batches))
    winners = [one for outcomes in done for one in outcomes if isinstance(one, LinkRecord)]
    assert Counter(link.external_id for link in winners) == Counter(f"x{number}" for number in range(30))


async def test_links_changed_by_batches_and_alone_keep_every_change(database: Database, here: InstanceRecord) -> None:
    links = [await make_link(database, here) for _ in range(8)]

    async def batch(name: str, order: list[LinkRecord]) -> list[Outcome]:
        return await update_all(database, here, [(ById(link.id), LinkChanges(title=name)) for link in order])

    async def alone(link: LinkRecord) -> LinkRecord:
        return await update(database, here, ById(link.id), LinkChanges(notes=link.code))

    await asyncio.gather(batch("one", links), batch("two", links[::-1]), *map(alone, links[::3]))
    for place, link in enumerate(links):
        found = await reread(database, here, link)
        assert found and found.version == (4 if place % 3 == 0 else 3)


async def test_external_ids_that_are_exchanged_at_once_are_no_circle(database: Database, here: InstanceRecord) -> None:
    for name in "abcd":
        await make_link(database, here, code=name, external_id=name)

    def to(code: str, external_id: str | None) -> tuple[ByCode, LinkChanges]:
        return ByCode(here.domain_id, code), LinkChanges(external_id=external_id)

    async def alone(code: str, external_id: str) -> LinkRecord | Refused:
        try:
            return await update(database, here, *to(code, external_id))
        except Refused as refused:
            return refused

    await asyncio.gather(
        update_all(database, here, [to("a", None), to("b", "a"), to("a", "b")]),
        update_all(database, here, [to("d", None), to("c", "d"), to("d", "c")]),
        *(alone(code, external_id) for code, external_id in ("ab", "ba", "cd")),
    )
