"""Erasing reaches the visitors: a workspace's links lead nowhere from the first moment, whatever is cached."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from models import erasure, link_deletion, workspaces
from models.actors import OPERATOR
from models.database import asyncpg_dsn
from models.instance import InstanceRecord
from models.links import ByCode
from models.workspace_erasure import erase_workspace
from tests.redirect.house import OLD, Owner, Visitor

pytestmark = pytest.mark.database


class Interrupted(Exception):  # noqa: N818 - it names what happens
    """Somebody pressed Ctrl-C."""


def interrupt(_gone: int) -> None:
    raise Interrupted


async def test_the_links_of_a_workspace_lead_nowhere_from_the_first_moment(
    owner: Owner, visitor: Visitor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given two workspaces on one domain, whose links are cached
    now = datetime.now(UTC)
    async with owner.database.write() as session:
        made = await workspaces.create(session, name="Shop", timezone="UTC", by=OPERATOR, now=now)
    shop = replace(owner, instance=InstanceRecord(made.id, owner.instance.domain_id))
    for code in ("one", "two"):
        await shop.make(code)
    await owner.make("other")
    assert [await visitor.visit(code) for code in ("one", "two", "other")] == [OLD] * 3

    # when it is interrupted after a single link
    monkeypatch.setattr(erasure, "LINKS_AT_ONCE", 1)
    monkeypatch.setattr("models.workspace_erasure.LINKS_AT_ONCE", 1)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    with pytest.raises(Interrupted):
        await erase_workspace(connection, made.id, now=now, on_links=interrupt)
    assert await connection.fetchval("select count(*) from link where workspace_id = $1", made.id) == 1
    await connection.close()

    # then
    for code in ("one", "two"):
        await visitor.sees(code, 404)
    assert await visitor.visit("other") == OLD


async def test_a_deleted_link_is_gone_and_an_erased_one_unknown(
    owner: Owner, visitor: Visitor, database_url: str
) -> None:
    await owner.make("abc")
    assert await visitor.visit("abc") == OLD
    await owner.deactivate("abc")
    now = datetime.now(UTC)
    async with owner.database.write() as session:
        lookup = ByCode(owner.instance.domain_id, "abc")
        await link_deletion.delete(
            session, workspace_id=owner.instance.workspace_id, lookup=lookup, by=OPERATOR, now=now
        )
    await visitor.sees("abc", 410)
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    assert await erasure.erase_overdue(connection, now=now + timedelta(days=31)) == 1
    await connection.close()
    await visitor.sees("abc", 404)
