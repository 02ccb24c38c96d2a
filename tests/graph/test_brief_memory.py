"""What is remembered of who asks: for a second, and not one too many."""

from datetime import timedelta

import pytest

from graph import brief_memory
from graph.brief_memory import KEPT_S, BriefMemory
from models import keys
from models.ids import KeyId, WorkspaceId
from models.keys import KeyRecord, Scope
from tests.graph.api import BEGINNING, Api


def record(number: int) -> KeyRecord:
    return KeyRecord(
        KeyId(number), WorkspaceId(1), "a", "0" * 12, frozenset(Scope), BEGINNING, None, None, None
    )  # fmt: skip


def test_a_key_is_known_for_a_second_from_when_it_was_read() -> None:
    now = [100.0]
    memory = BriefMemory[KeyRecord](clock=lambda: now[0])
    memory.keep("secret", record(1), read_at=99.5)

    assert memory.find("secret") == record(1)
    assert memory.find("Secret") is None
    now[0] = 99.5 + KEPT_S
    assert memory.find("secret") is None


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief_memory, "MOST_ENTRIES", 2)
    memory = BriefMemory[KeyRecord](clock=lambda: 0.0)
    for number in (1, 2, 1, 3):
        memory.keep(f"secret {number}", record(number), read_at=0)

    assert [memory.find(f"secret {number}") is not None for number in (1, 2, 3)] == [True, False, True]


def test_a_key_kept_too_late_is_not_known() -> None:
    memory = BriefMemory[KeyRecord](clock=lambda: 10.0)
    memory.keep("secret", record(1), read_at=0)

    assert memory.find("secret") is None


def test_a_forgotten_key_is_read_anew() -> None:
    memory = BriefMemory[KeyRecord](clock=lambda: 0.0)
    memory.keep("one", record(1), read_at=0)
    memory.keep("two", record(2), read_at=0)
    memory.forget(lambda key: key.id == 1)

    assert memory.find("one") is None
    assert memory.find("two") == record(2)


@pytest.mark.database
async def test_a_remembered_key_is_refused_from_its_last_instant_on(api: Api) -> None:
    ends = api.clock.now + timedelta(minutes=1)
    async with api.database.write() as session:
        key = await keys.create(
            session, workspace_id=api.instance.workspace_id, name="a", scopes=Scope, now=api.clock.now, expires_at=ends
        )

    assert (await api.post("{ viewer { __typename } }", key=key.secret)).status_code == 200
    api.clock.advance(60)
    assert (await api.post("{ viewer { __typename } }", key=key.secret)).status_code == 401
