"""Many links at once, in the data layer: random codes, totals, the log, announcements, and what is gone."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import select
from sqlmodel import col

from models import audit_entries, link_deletion
from models.actors import OPERATOR
from models.bulk import NothingDone
from models.codes import CodeSpace
from models.database import Database, asyncpg_dsn
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_creation import LinkDraft
from models.links import LINK_CHANNEL, ByCode, ByExternalId, ById, LinkLookup, LinkRecord, LinkTotal
from models.refusals import Problem, Refused
from tests.models.batches import ALL, SKIP, URL, create_all, deactivate_all, made, named, update_all
from tests.models.making import LATER, deactivate, kinds, make_link
from tests.models.test_link_creation import occupy
from tests.models.test_link_switching import database_says_goodbye

pytestmark = pytest.mark.database


async def test_random_codes_differ_also_in_a_nearly_full_space(database: Database, here: InstanceRecord) -> None:
    await occupy(database, here, ["a", "ab"])
    space = CodeSpace(alphabet="abcd", length=1)
    codes = made(await create_all(database, here, [LinkDraft(URL)] * 10, ALL, space=space))
    assert len(set(codes)) == 10 and not {"a", "ab"} & set(codes)
    assert {len(code) for code in codes} <= {1, 2}


async def test_a_space_too_full_for_all_is_told_of_those_that_got_none(
    database: Database, here: InstanceRecord
) -> None:
    space = CodeSpace(alphabet="ab", length=1)
    await occupy(database, here, ["aa", "ab", "ba", "bb"])
    outcomes = await create_all(database, here, [LinkDraft(URL)] * 3, space=space)
    assert len(made(outcomes)) == 2
    assert [kinds(one) for one in outcomes if isinstance(one, Refused)] == [{(Problem, "CONFLICT", ("code",))}]


async def test_every_new_link_has_its_totals_and_its_entry(database: Database, here: InstanceRecord) -> None:
    outcomes = await create_all(database, here, named(["b", "a", "c"]))
    ids = [one.id for one in outcomes if isinstance(one, LinkRecord)]
    async with database.read() as conn:
        totals = (await conn.execute(select(col(LinkTotal.link_id)).order_by(col(LinkTotal.link_id)))).scalars()
        entries = await audit_entries.page(conn, workspace_id=here.workspace_id, after=None, size=3)
        assert list(totals) == sorted(ids)
    assert [entry.target.id for entry in entries] == ids[::-1]
    assert [entry.after and entry.after["code"] for entry in entries] == ["c", "a", "b"]


async def test_changes_are_announced_and_creations_are_not(
    database: Database, database_url: str, here: InstanceRecord
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(asyncpg_dsn(database_url))
    await listener.add_listener(LINK_CHANNEL, lambda *call: heard.put_nowait(str(call[3])))
    await create_all(database, here, named("abc"))
    lookups = [ByCode(here.domain_id, code) for code in "abc"]
    await update_all(database, here, [(lookup, LinkChanges(title="t")) for lookup in lookups[:2]])
    await update_all(database, here, [(lookup, LinkChanges(title="t")) for lookup in lookups[:2]])  # changes nothing
    await deactivate_all(database, here, lookups[1:])
    with pytest.raises(NothingDone):
        await deactivate_all(database, here, [lookups[0], ByCode(here.domain_id, "unknown")])
    await database_says_goodbye(database)
    async with asyncio.timeout(60):
        messages = [await heard.get() for _ in range(5)]
    assert sorted(messages[:2]) == [f"{here.domain_id} {code}" for code in "ab"]
    assert sorted(messages[2:4]) == [f"{here.domain_id} {code}" for code in "bc"]
    assert messages[4] == "goodbye"
    await listener.close()


async def test_what_a_deleted_link_had_stays_taken(database: Database, here: InstanceRecord) -> None:
    gone = await make_link(database, here, code="gone", external_id="x")
    link = await make_link(database, here)
    await deactivate(database, here, ById(gone.id))
    async with database.write() as session:
        await link_deletion.delete(
            session, workspace_id=here.workspace_id, lookup=ById(gone.id), by=OPERATOR, now=LATER
        )
    drafts = [LinkDraft(URL, code="gone"), LinkDraft(URL, external_id="x"), LinkDraft(URL, code="fresh")]
    assert made(await create_all(database, here, drafts)) == ["fresh"]
    changes: list[tuple[LinkLookup, LinkChanges]] = [
        (ByExternalId("x"), LinkChanges(title="t")),
        (ById(link.id), LinkChanges(external_id="x")),
    ]
    missing, taken = await update_all(database, here, changes)
    assert isinstance(missing, Refused) and kinds(missing) == {(Problem, "NOT_FOUND", ("link",))}
    assert isinstance(taken, Refused) and kinds(taken) == {(Problem, "TAKEN", ("externalId",))}


async def test_links_of_another_workspace_are_as_missing_and_their_external_ids_as_free(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    theirs = await make_link(database, elsewhere, code="theirs", external_id="x")
    own = await make_link(database, here, code="own")
    named_ones = (ById(theirs.id), ByCode(theirs.domain_id, "theirs"), ByExternalId("x"))
    outcomes = await update_all(database, here, [(lookup, LinkChanges(title="t")) for lookup in named_ones])
    assert [isinstance(one, Refused) and kinds(one) for one in outcomes] == [{(Problem, "NOT_FOUND", ("link",))}] * 3
    (renamed,) = await update_all(database, here, [(ById(own.id), LinkChanges(external_id="x"))], ALL)
    assert isinstance(renamed, LinkRecord) and renamed.external_id == "x"
    assert made(await create_all(database, elsewhere, named(["own"]), SKIP)) == ["own"]
