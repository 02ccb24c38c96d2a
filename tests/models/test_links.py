"""Finding links: by id, code and external id, within one workspace only."""

import asyncpg
import pytest

from models import links
from models.database import Database, asyncpg_dsn
from models.ids import LinkId
from models.instance import InstanceRecord
from models.links import REDIRECT_SQL, ByCode, ByExternalId, ById, LinkLookup, LinkRecord
from tests.models.making import make_link

pytestmark = pytest.mark.database


async def find(database: Database, home: InstanceRecord, lookup: LinkLookup) -> LinkRecord | None:
    async with database.read() as conn:
        return await links.find(conn, workspace_id=home.workspace_id, lookup=lookup)


async def test_a_link_is_found_by_each_of_its_names(database: Database, here: InstanceRecord) -> None:
    link = await make_link(database, here, code="Spring", external_id="shop/4711", title="t", notes="n")
    for lookup in (ById(link.id), ByCode(here.domain_id, "Spring"), ByExternalId("shop/4711")):
        assert await find(database, here, lookup) == link


async def test_codes_are_found_in_their_exact_form_only(database: Database, here: InstanceRecord) -> None:
    lower = await make_link(database, here, code="spring")
    upper = await make_link(database, here, code="SPRING")
    assert await find(database, here, ByCode(here.domain_id, "spring")) == lower
    assert await find(database, here, ByCode(here.domain_id, "SPRING")) == upper
    assert await find(database, here, ByCode(here.domain_id, "Spring")) is None


async def test_a_foreign_link_answers_as_a_missing_one(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    theirs = await make_link(database, elsewhere, code="theirs", external_id="x")
    for lookup in (ById(theirs.id), ByCode(elsewhere.domain_id, "theirs"), ByExternalId("x")):
        assert await find(database, elsewhere, lookup) == theirs
        assert await find(database, here, lookup) is None


async def test_junk_finds_nothing(database: Database, here: InstanceRecord) -> None:
    await make_link(database, here, code="a")
    for junk in ("", "\x00", "a\x00", "a b", "ä", "\ud800", "a" * 5_000, "'; drop table link; --", "%"):
        assert await find(database, here, ByCode(here.domain_id, junk)) is None
        assert await find(database, here, ByExternalId(junk)) is None


async def test_many_are_found_at_once_and_only_mine(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    mine = [await make_link(database, here) for _ in range(3)]
    theirs = await make_link(database, elsewhere)
    async with database.read() as conn:
        wanted = [mine[0].id, mine[2].id, theirs.id, LinkId(1)]
        found = await links.by_ids(conn, workspace_id=here.workspace_id, ids=wanted)
        assert await links.by_ids(conn, workspace_id=here.workspace_id, ids=[]) == {}
    assert found == {mine[0].id: mine[0], mine[2].id: mine[2]}


async def test_the_redirects_statement_answers_several_codes_of_a_domain(
    database: Database, database_url: str, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    link = await make_link(database, here, code="a", url="https://example.com/ü")
    await make_link(database, elsewhere, code="b")
    conn = await asyncpg.connect(asyncpg_dsn(database_url))
    rows = await conn.fetch(REDIRECT_SQL, here.domain_id, ["a", "A", "b"])
    await conn.close()
    destination = "https://example.com/%C3%BC"
    assert [tuple(row) for row in rows] == [("a", link.id, destination, None, here.workspace_id, 1)]
