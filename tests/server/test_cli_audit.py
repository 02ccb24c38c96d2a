"""Every command that changes something leaves its entries in the audit log, as the operator's; a new one fails here."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from server.cli import app

pytestmark = pytest.mark.database

# What changes nothing; `load` and a plain `audit` only do what the loader does all the time.
READS = {
    *("version", "audit", "workspaces list", "workspaces export", "members list", "keys list", "links deleted"),
    "load",  # visits: recorded by visitors, and told by the ledger
    "serve",  # starts as `migrate` does; its key: tests/server/test_first_start.py
}
ENTRIES = "select action, actor_key, actor_user, workspace_id from audit_entry where id > $1 order by id"


@dataclass(frozen=True)
class Case:
    """A command, those that come before it, and what its entries say; `{0}` is what the first of those has printed."""

    command: str
    actions: tuple[str, ...]
    before: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    in_default: bool = field(default=True, kw_only=True)


SHOP = "workspaces create Shop --owner ann@example.com"
CHANGES = {
    "migrate": Case("migrate", ("workspace.create", "domain.create")),
    "workspaces create": Case(
        f"{SHOP} --links 5",
        ("workspace.create", "member.add", "workspace.limit"),
        ("migrate",),
        in_default=False,
    ),
    "workspaces limit": Case(
        "workspaces limit {0} --links 5 --items 9", ("workspace.limit", "workspace.limit"), (SHOP,), in_default=False
    ),
    "workspaces erase": Case("workspaces erase {0} --yes", ("workspace.erase",), (SHOP,)),
    "members add": Case("members add ben@example.com", ("member.add",), ("migrate",)),
    "members update": Case(
        "members update ben@example.com --role READER", ("member.update",), ("members add ben@example.com",)
    ),
    "members remove": Case("members remove ben@example.com", ("member.remove",), ("members add ben@example.com",)),
    "keys create": Case("keys create app", ("key.create",), ("migrate",)),
    "keys revoke": Case(
        "keys revoke app000000000",
        ("key.revoke",),
        ("keys create app",),
        ("update api_key set public_id = 'app000000000'",),
    ),
    "links restore": Case(
        "links restore gone",
        ("link.restore",),
        ("migrate",),
        (
            """insert into link (id, workspace_id, domain_id, code, destination_url, created_at, updated_at,
                 deactivated_at, deleted_at, version)
               select 1, workspace_id, domain_id, 'gone', 'https://example.com/', now(), now(), now(), now(), 1
                 from instance""",
            """insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks, hidden_at)
               select 1, workspace_id, 0, 0, 0, now() from instance""",
        ),
    ),
    "audit --repair": Case(
        "audit --repair",
        ("clicks.repair",),
        ("migrate",),
        ("insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks) values (1, 1, 5, 0, 0)",),
    ),
    "demo": Case("demo --clicks 1", (*["link.create"] * 12, "workspace.update"), ("migrate",)),
}


def commands(group: Any, path: str = "") -> Iterator[str]:
    """The names of all commands, as they are typed."""
    within: dict[str, Any] | None = getattr(group, "commands", None)
    if within is None:
        yield path
    else:
        for name, command in within.items():
            yield from commands(command, f"{path} {name}".strip())


def test_every_command_is_known_to_change_something_or_not() -> None:
    assert {*CHANGES} - {"audit --repair"} | READS == {*commands(get_command(app))}
    assert not {*CHANGES} & READS


@pytest.fixture
def run(bare: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Runs a command and answers what it has printed."""
    monkeypatch.setenv("KURZ_DATABASE_URL", database_url)
    monkeypatch.setenv("KURZ_DATA_DIR", str(bare))

    def run(line: str) -> str:
        done = CliRunner().invoke(app, line.split(), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    return run


async def rows(url: str, question: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(question, *values)
    finally:
        await connection.close()


@pytest.mark.parametrize("name", CHANGES)
def test_a_command_that_changes_something_is_in_the_audit_log(
    name: str, run: Callable[[str], str], database_url: str
) -> None:
    case = CHANGES[name]
    printed = [run(line) for line in case.before]
    for statement in case.statements:
        asyncio.run(rows(database_url, statement))
    ((last,),) = asyncio.run(rows(database_url, "select coalesce(max(id), 0) from audit_entry")) or ((0,),)

    run(case.command.format(*printed))

    told = asyncio.run(rows(database_url, ENTRIES, last))
    ((default,),) = asyncio.run(rows(database_url, "select workspace_id from instance"))
    assert tuple(row["action"] for row in told) == case.actions
    assert {(row["actor_key"], row["actor_user"]) for row in told} == {(None, None)}
    assert {row["workspace_id"] == default for row in told} == {case.in_default}
