"""API keys: made once, kept as a hash, recognised until revoked or expired."""

import hashlib
from dataclasses import astuple, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from models import key_secrets, keys
from models.database import Database
from models.ids import KeyId
from models.instance import InstanceRecord
from models.key_secrets import DIGITS
from models.keys import KeyRecord, NewKey, Scope
from models.refusals import Refused
from tests.models.making import LATER, NOW, kinds

READ = frozenset({Scope.LINKS_READ})


async def make_key(
    database: Database, here: InstanceRecord, *, name: str = "ci", expires_in: int | None = None
) -> NewKey:
    expires_at = None if expires_in is None else NOW + timedelta(minutes=expires_in)
    async with database.write() as session:
        return await keys.create(
            session, workspace_id=here.workspace_id, name=name, scopes=READ, now=NOW, expires_at=expires_at
        )


async def recognise(database: Database, secret: str) -> KeyRecord | None:
    async with database.read() as conn:
        return await keys.authenticate(conn, secret, now=LATER)


@pytest.mark.database
async def test_a_new_key_is_recognised_by_its_secret(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here, name="  ci  ")
    assert await recognise(database, made.secret) == made.record
    assert (made.record.name, made.record.scopes) == ("ci", READ)


@pytest.mark.database
async def test_a_secret_has_its_public_id_and_256_random_bits(database: Database, here: InstanceRecord) -> None:
    made = [await make_key(database, here) for _ in range(3)]
    for key in made:
        prefix, public_id, tail = key.secret.split("_")
        assert (prefix, public_id) == ("kurz", key.record.public_id)
        assert len(DIGITS) ** (len(tail) - key_secrets.CHECKSUM_LENGTH) >= 2**256
    assert len({key.secret for key in made}) == 3


@pytest.mark.database
async def test_only_the_hash_is_stored(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here)
    core = made.secret.split("_")[2][: key_secrets.SECRET_LENGTH]
    async with database.read() as conn:
        row = (await conn.execute(text("select *, api_key::text as everything from api_key"))).one()
    assert row.secret_hash == hashlib.sha256(core.encode()).digest()
    assert core not in row.everything
    assert core not in repr(made.record)


@pytest.mark.database
async def test_a_wrong_secret_and_an_unknown_key_are_answered_alike(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here)
    _, public_id, tail = made.secret.split("_")
    other = tail[: key_secrets.SECRET_LENGTH][::-1]
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for guess in (key_secrets.secret_text(public_id, other), key_secrets.secret_text("A" * 12, other)):
        assert await recognise(database, guess) is None
    assert len(asked) == 2
    assert len(set(asked)) == 1, "the same question for both"


@pytest.mark.database
async def test_typing_errors_are_refused_without_asking(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here)
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    last = "0" if made.secret[-1] != "0" else "1"
    for typed in (made.secret[:-1] + last, made.secret[:-1], made.secret + "0", made.secret.upper(), made.secret[5:]):
        assert await recognise(database, typed) is None
    assert asked == []


JUNK = ["", "_", "__", "kurz__", "kurz_a_b", "kurz_" + "\x00" * 12 + "_x", "kurz_é_é", "kurz_\ud800_a", "Bearer x"]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_key(junk: str) -> None:
    assert key_secrets.secret_parts(junk) is None


@settings(max_examples=200, deadline=None)
@given(st.integers(0, key_secrets.SECRET_LENGTH + key_secrets.CHECKSUM_LENGTH - 1), st.sampled_from(DIGITS))
def test_one_changed_character_breaks_the_checksum(at: int, digit: str) -> None:
    # CRC-32 notices every change within 32 bits in a row, so any one character.
    whole = key_secrets.secret_text("A1b2C3d4E5f6", "x" * key_secrets.SECRET_LENGTH)
    head, tail = whole[:-49], whole[-49:]
    changed = head + tail[:at] + digit + tail[at + 1 :]
    assert (key_secrets.secret_parts(changed) is None) == (changed != whole)


async def revoke(database: Database, home: InstanceRecord, key_id: KeyId, *, now: datetime = LATER) -> KeyRecord | None:
    async with database.write() as session:
        return await keys.revoke(session, workspace_id=home.workspace_id, key_id=key_id, now=now)


@pytest.mark.database
async def test_a_revoked_key_is_not_recognised(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here)
    assert await revoke(database, here, made.record.id) == replace(made.record, revoked_at=LATER)
    assert await recognise(database, made.secret) is None


@pytest.mark.database
async def test_revoking_twice_keeps_the_first_time(database: Database, here: InstanceRecord) -> None:
    made = await make_key(database, here)
    await revoke(database, here, made.record.id, now=NOW)
    assert await revoke(database, here, made.record.id, now=LATER) == replace(made.record, revoked_at=NOW)


@pytest.mark.database
async def test_a_key_of_another_workspace_cannot_be_revoked(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    made = await make_key(database, here)
    assert await revoke(database, elsewhere, made.record.id) is None
    assert await revoke(database, here, KeyId(1)) is None
    assert await recognise(database, made.secret) is not None


@pytest.mark.database
async def test_a_key_is_recognised_until_it_expires(database: Database, here: InstanceRecord) -> None:
    for minutes, is_recognised in ((4, False), (5, False), (6, True)):
        made = await make_key(database, here, expires_in=minutes)
        assert (await recognise(database, made.secret) is not None) == is_recognised


@pytest.mark.database
async def test_everything_wrong_with_a_new_key_is_told_at_once(database: Database, here: InstanceRecord) -> None:
    with pytest.raises(Refused) as refusal:
        async with database.write() as session:
            await keys.create(session, workspace_id=here.workspace_id, name=" ", scopes=[], now=NOW, expires_at=NOW)
    assert {path for _, _, path in kinds(refusal.value)} == {("name",), ("scopes",), ("expiresAt",)}


@pytest.mark.database
@pytest.mark.parametrize("expires_at", [None, LATER + timedelta(microseconds=1)])
async def test_a_key_does_not_outlast_its_maker(
    database: Database, here: InstanceRecord, expires_at: datetime | None
) -> None:
    wanted = {"workspace_id": here.workspace_id, "name": "k", "scopes": READ, "now": NOW, "until": LATER}
    async with database.write() as session:
        with pytest.raises(Refused) as refusal:
            await keys.create(session, **wanted, expires_at=expires_at)  # type: ignore[arg-type]
        made = await keys.create(session, **wanted, expires_at=LATER)  # type: ignore[arg-type]
    assert [problem.path for problem in refusal.value.problems] == [("expiresAt",)]
    assert made.record.expires_at == LATER


@pytest.mark.database
async def test_keys_come_newest_first_a_page_at_a_time(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    made = [(await make_key(database, here)).record for _ in range(3)]
    await make_key(database, elsewhere)
    async with database.read() as conn:
        first = await keys.page(conn, workspace_id=here.workspace_id, after=None, size=2)
        rest = await keys.page(conn, workspace_id=here.workspace_id, after=first[-1].id, size=2)
    assert [*first, *rest] == made[::-1]


@pytest.mark.database
async def test_lists_stay_within_the_workspace(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    mine = [(await make_key(database, here, name=name)).record for name in ("a", "b")]
    theirs = (await make_key(database, elsewhere)).record
    async with database.read() as conn:
        assert await keys.list_all(conn, workspace_id=here.workspace_id) == mine
        found = await keys.by_ids(conn, workspace_id=here.workspace_id, ids=[mine[1].id, theirs.id, KeyId(1)])
        assert found == {mine[1].id: mine[1]}
        assert await keys.by_ids(conn, workspace_id=here.workspace_id, ids=[]) == {}
    assert bytes not in {type(value) for value in astuple(mine[0])}


@pytest.mark.database
async def test_a_use_is_noted_at_most_once_a_minute(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    key = (await make_key(database, here)).record

    async def note(home: InstanceRecord, seconds: float) -> datetime | None:
        now = NOW + timedelta(seconds=seconds)
        async with database.write() as session:
            await keys.note_use(session, workspace_id=home.workspace_id, key_id=key.id, now=now)
        async with database.read() as conn:
            (found,) = await keys.list_all(conn, workspace_id=here.workspace_id)
        assert keys.is_use_due(found, now=now) == (home is elsewhere)
        return found.last_used_at

    assert await note(elsewhere, 0) is None
    assert [await note(here, seconds) for seconds in (0, 59, 60)] == [NOW, NOW, NOW + timedelta(minutes=1)]
