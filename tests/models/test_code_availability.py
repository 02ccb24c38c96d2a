"""Whether a code can be had."""

import pytest

from models.code_availability import UnavailableReason, availability
from models.codes import problem_of
from models.database import Database
from models.instance import InstanceRecord
from tests.models.making import make_link

pytestmark = pytest.mark.database


CASES = [
    ("free", None),
    (" free ", None),
    ("Taken", None),
    ("taken", UnavailableReason.TAKEN),
    ("graphql", UnavailableReason.RESERVED),
    ("GraphQL", UnavailableReason.RESERVED),
    ("", UnavailableReason.INVALID),
    ("two words", UnavailableReason.INVALID),
    ("\x00", UnavailableReason.INVALID),
    ("\ud800", UnavailableReason.INVALID),
    ("a" * 65, UnavailableReason.INVALID),
]


async def test_a_code_can_be_had_or_there_is_a_reason_and_something_else(
    database: Database, here: InstanceRecord
) -> None:
    await make_link(database, here, code="taken")
    for code, reason in CASES:
        async with database.read() as conn:
            answer = await availability(conn, domain_id=here.domain_id, code=code)
        assert (answer.code, answer.available, answer.reason) == (code.strip(), reason is None, reason)
        assert len(set(answer.suggestions)) == (0 if reason is None else 3)
        assert all(problem_of(suggestion) is None for suggestion in answer.suggestions)


async def test_what_is_taken_on_another_domain_is_free_here(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    await make_link(database, elsewhere, code="taken")
    async with database.read() as conn:
        assert (await availability(conn, domain_id=here.domain_id, code="taken")).available


async def test_suggestions_are_free(database: Database, here: InstanceRecord) -> None:
    taken = ["launch", *(f"launch-{number}" for number in range(2, 7))]
    for code in taken:
        await make_link(database, here, code=code)
    async with database.read() as conn:
        answer = await availability(conn, domain_id=here.domain_id, code="launch")
    assert len(answer.suggestions) == 3
    assert not set(answer.suggestions) & set(taken)
