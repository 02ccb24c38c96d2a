"""The backstop of `make versions`: what a question forgets, row-level security keeps back."""

import inspect
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

import models
from models import audit_entries
from models.audit_log import AuditEntry
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.links import Link, LinkTotal
from tests import row_security
from tests.clicks_data import Visit, load
from tests.models.making import NOW, make_link

pytestmark = pytest.mark.database

TABLES_WITH = """
select c.relname, c.relrowsecurity, exists (select from pg_policy p where p.polrelid = c.oid) as has_policy,
       pg_get_userbyid(c.relowner) as owner
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = any($1) and not a.attisdropped
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"""
# What says whose a row is.
OWNERS = ["workspace_id", "link_id", "domain_id", "user_id", "scope_id"]
# Given a question or a record as a whole, with its workspace in it.
TAKES_IT_WHOLE = {
    *("models.click_sums.read_sums", "models.locking.locked", "models.links.announce", "models.statements.fetch"),
}


@pytest.fixture
async def guarded(database: Database, database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """The test's database under row-level security, also when this is the ordinary run."""
    if row_security.is_on_for(request.path):
        yield database
        return
    await row_security.enable(database_url)
    with row_security.guarding(database.engine.sync_engine):
        yield database


@pytest.fixture
async def visited(
    guarded: Database, raw: asyncpg.Connection, here: InstanceRecord, elsewhere: InstanceRecord
) -> list[WorkspaceId]:
    """Two workspaces with a link each that was visited, one once and the other twice."""
    for number, place in enumerate((here, elsewhere)):
        link = await make_link(guarded, place, code=f"code{number}")
        visit = Visit(occurred_at=NOW, link_id=link.id, workspace_id=place.workspace_id)
        await load(raw, [visit] * (number + 1), segment=number)
    return [here.workspace_id, elsewhere.workspace_id]


async def forgetful(conn: AsyncConnection, statement: str, *, workspace_id: WorkspaceId) -> list[Any]:
    """A question about a workspace that forgot to say so."""
    return list((await conn.execute(text(statement))).scalars())


async def forgetful_change(session: AsyncSession, *, workspace_id: WorkspaceId) -> None:
    await session.execute(update(Link).values(title="changed"))


async def mistaken(conn: AsyncConnection, *, workspace_id: WorkspaceId, instead: WorkspaceId) -> int:
    """A question that was given one workspace and asks about another."""
    question = select(func.count()).select_from(LinkTotal).where(col(LinkTotal.workspace_id) == instead)
    return int((await conn.execute(question)).scalar_one())


async def misfiled(session: AsyncSession, *, workspace_id: WorkspaceId, instead: WorkspaceId) -> None:
    """A change that was given one workspace and writes into another."""
    row = {"id": 1, "created_at": NOW, "action": "x", "target_kind": "y", "target_id": 1}
    await session.execute(insert(AuditEntry).values(workspace_id=instead, **row))


@pytest.mark.parametrize(
    "table", ["link", "link_total", "click", "audit_entry", "domain", "erased_link", "click_slot", "click_day"]
)
async def test_a_question_without_a_condition_sees_nothing_foreign(
    guarded: Database, raw: asyncpg.Connection, visited: list[WorkspaceId], table: str
) -> None:
    # given a row of each workspace in the tables that have none yet
    await raw.execute("insert into erased_link select id, now() from link")
    await raw.execute("insert into click_day select scope, scope_id, '2026-11-21', 1, '{}' from click_slot")
    # when the whole table is asked for
    whole = f"select {table}::text from {table}"
    async with guarded.read() as conn:
        seen = [set(await forgetful(conn, whole, workspace_id=one)) for one in visited]
        none = await forgetful(conn, whole, workspace_id=WorkspaceId(1))
    # then each workspace gets its own, and one without rows gets at most what is everyone's
    everything = {row[0] for row in await raw.fetch(whole)}
    assert seen[0] | seen[1] == everything
    assert seen[0] & seen[1] == set(none) < everything
    assert (none != []) == (table == "domain")


async def test_a_workspace_sees_itself_alone(guarded: Database, visited: list[WorkspaceId]) -> None:
    async with guarded.read() as conn:
        for one in visited:
            assert await forgetful(conn, "select id from workspace", workspace_id=one) == [one]


async def test_a_change_without_a_condition_changes_nothing_foreign(
    guarded: Database, raw: asyncpg.Connection, visited: list[WorkspaceId]
) -> None:
    async with guarded.write() as session:
        await forgetful_change(session, workspace_id=visited[0])
    assert [row[0] for row in await raw.fetch("select workspace_id from link where title = 'changed'")] == visited[:1]


async def test_a_question_about_another_workspace_than_was_said_finds_nothing(
    guarded: Database, visited: list[WorkspaceId]
) -> None:
    mine, theirs = visited
    async with guarded.read() as conn:
        assert await mistaken(conn, workspace_id=mine, instead=mine) == 1
        assert await mistaken(conn, workspace_id=mine, instead=theirs) == 0


async def test_a_row_of_another_workspace_cannot_be_written(guarded: Database, visited: list[WorkspaceId]) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with guarded.write() as session:
            await misfiled(session, workspace_id=visited[0], instead=visited[1])
    assert getattr(refused.value.orig, "sqlstate", None) == "42501"


async def test_partitions_and_visitors_are_asked_by_nobody(guarded: Database, visited: list[WorkspaceId]) -> None:
    for table in ("click_2026_11", "click_slot_2026_11", "visitor", "visitor_salt"):
        async with guarded.read() as conn:
            with pytest.raises(DBAPIError) as refused:
                await forgetful(conn, f"select 1 from {table}", workspace_id=visited[0])
        assert getattr(refused.value.orig, "sqlstate", None) == "42501", table


async def test_a_function_of_the_models_must_know_its_workspace(guarded: Database, here: InstanceRecord) -> None:
    async with guarded.read() as conn:
        with pytest.raises(row_security.NoWorkspace):
            await audit_entries.page(conn, workspace_id=None, after=None, size=1)  # type: ignore[arg-type]


async def test_every_table_of_a_workspace_is_guarded(guarded: Database, raw: asyncpg.Connection) -> None:
    tables = {row["relname"]: row for row in await raw.fetch(TABLES_WITH, OWNERS)}
    assert {"link", "click", "click_slot", "api_key", "member", "audit_entry", "instance"} <= set(tables)
    # Who was seen: nobody but the loader may ask at all.
    not_asked = {"visitor"}
    unguarded = {name for name, row in tables.items() if not (row["relrowsecurity"] and row["has_policy"])}
    assert unguarded == not_asked, "add it to tests/rls.sql"
    assert not any(
        await raw.fetch("select 1 from pg_roles where rolname = 'kurz_plain' and (rolsuper or rolbypassrls)")
    )
    assert "kurz_plain" not in {row["owner"] for row in tables.values()}


def asking() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions of the data layer that are given a connection or session of SQLAlchemy's."""
    for info in pkgutil.iter_modules(models.__path__):
        module = import_module(f"models.{info.name}")
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            if any(one.annotation in (AsyncConnection, AsyncSession) for one in parameters(function).values()):
                yield f"{module.__name__}.{name}", function


def parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def test_every_question_and_change_takes_a_workspace_or_is_listed_with_its_reason() -> None:
    without = {name for name, function in asking() if "workspace_id" not in parameters(function)}
    listed = {name for name in row_security.SPANNING if not name.startswith(("models.database.", "models.upgrade."))}
    assert without - TAKES_IT_WHOLE == listed
