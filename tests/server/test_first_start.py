"""What a start makes in a new database, and finds in one that it knows."""

import asyncio
import stat
from datetime import datetime

import asyncpg
import pytest

from models import domains, keys
from models.database import Database
from server.database_state import DatabaseUnusable, Schema, examine
from server.first_start import Prepared, prepare
from server.keys import create_key, key_lines, revoke_key, scopes_named
from server.settings import Settings
from server.start_error import UsageError

pytestmark = pytest.mark.database


async def start(settings: Settings, now: datetime) -> Prepared:
    return await prepare(settings, keeps_first_key=True, now=now)


async def test_two_starts_at_once_make_one_installation_with_one_key(
    settings: Settings, database: Database, now: datetime
) -> None:
    first, second = await asyncio.gather(start(settings, now), start(settings, now))
    assert first == second
    assert await start(settings, now) == first
    async with database.read() as connection:
        found = await keys.list_all(connection, workspace_id=first.instance.workspace_id)
        assert [key.scopes for key in found] == [frozenset(keys.Scope)]
        assert first.first_key
        assert await keys.authenticate(connection, first.first_key, now=now)


async def test_the_first_key_is_kept_for_its_owner_until_it_is_revoked(settings: Settings, now: datetime) -> None:
    prepared = await start(settings, now)
    file = settings.data_dir / "first-key"
    assert file.read_text() == f"{prepared.first_key}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await revoke_key(settings, public_id=str(prepared.first_key).split("_")[1], now=now)
    assert not file.exists()
    assert (await start(settings, now)).first_key is None
    assert not file.exists()


@pytest.mark.parametrize("content", ["kurz_of_another_database", "", "kurz_" + "A" * 12 + "_" + "B" * 49])
async def test_a_kept_key_that_is_not_valid_is_replaced(settings: Settings, now: datetime, content: str) -> None:
    file = settings.data_dir / "first-key"
    file.write_text(content)
    assert file.read_text() == content
    prepared = await start(settings, now)
    assert prepared.first_key
    assert file.read_text() == f"{prepared.first_key}\n"


async def test_a_first_key_that_was_lost_is_not_made_again(settings: Settings, now: datetime) -> None:
    await start(settings, now)
    (settings.data_dir / "first-key").unlink()
    assert (await start(settings, now)).first_key is None


async def test_the_default_domain_follows_the_base_url(settings: Settings, database: Database, now: datetime) -> None:
    before = await start(settings, now)
    moved = settings.model_copy(update={"base_url": "https://go.example.com"})
    assert (await start(moved, now)).instance == before.instance
    async with database.read() as connection:
        found = await domains.by_ids(
            connection, workspace_id=before.instance.workspace_id, ids=[before.instance.domain_id]
        )
    assert [domain.hostname for domain in found.values()] == ["go.example.com"]


async def test_keys_are_made_listed_and_revoked(settings: Settings, database: Database, now: datetime) -> None:
    secret = await create_key(settings, name="Reports", scopes=scopes_named(["analytics_read"]), now=now)
    other = await create_key(settings, name="All", scopes=scopes_named(None), now=now)
    async with database.read() as connection:
        found = await keys.authenticate(connection, secret, now=now)
        assert found
        assert found.scopes == {keys.Scope.ANALYTICS_READ}
        await revoke_key(settings, public_id=found.public_id, now=now)
        assert await keys.authenticate(connection, secret, now=now) is None
        assert await keys.authenticate(connection, other, now=now)
    assert [line.split()[1] for line in await key_lines(settings, now=now)] == ["revoked", "valid"]


async def test_what_a_key_command_cannot_do_is_refused(settings: Settings, now: datetime) -> None:
    with pytest.raises(UsageError):
        scopes_named(["everything"])
    with pytest.raises(UsageError):
        await create_key(settings, name=" ", scopes=scopes_named(None), now=now)
    with pytest.raises(UsageError):
        await revoke_key(settings, public_id="unknown", now=now)


async def test_the_schema_is_known_or_refused(settings: Settings, now: datetime) -> None:
    assert await examine(settings.database_address) is Schema.CURRENT
    for statement, expected in (
        ("update alembic_version set version_num = '0001'", Schema.OLDER),
        ("delete from alembic_version", Schema.MISSING),
        ("drop table alembic_version", Schema.MISSING),
    ):
        await _execute(settings, statement)
        assert await examine(settings.database_address) is expected


async def test_a_newer_schema_stops_the_start(settings: Settings, now: datetime) -> None:
    await _execute(settings, "update alembic_version set version_num = 'from the future'")
    with pytest.raises(DatabaseUnusable):
        await start(settings, now)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://kurz:hush@127.0.0.1:1/kurz",
        "postgresql://kurz:hush@no-such-host.invalid/kurz",
        "postgresql://kurz:hush@/kurz?host=/nowhere",
        "postgresql://kurz:hush@127.0.0.1:port/kurz",
    ],
)
async def test_a_database_that_cannot_be_reached_is_named_without_its_password(address: str) -> None:
    with pytest.raises(DatabaseUnusable) as refused:
        await examine(address)
    assert "hush" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


async def _execute(settings: Settings, statement: str) -> None:
    connection = await asyncpg.connect(settings.database_address)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
