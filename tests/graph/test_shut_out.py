"""Who is shut out changes nothing from that moment on: not in the same operation, nor while a worker remembers them."""

import pytest
from sqlalchemy import text

from graph import ids
from models.roles import Role
from tests.graph.api import Api
from tests.graph.changing import after_another, document
from tests.graph.test_audit_log import CASES, entries

pytestmark = pytest.mark.database

OWN_END = {
    "the key is revoked": ("revokeApiKey", {}, "UNAUTHENTICATED"),
    "the person is removed": ("removeMember", {}, "FORBIDDEN"),
    "the person is an owner no more": ("updateMember", {"role": "MEMBER"}, "FORBIDDEN"),
}


async def somebody(api: Api, first: str) -> tuple[str, str]:
    """The secret of a key or owner, and its id."""
    if first == "revokeApiKey":
        made = await api.new_key_record()
        return made.secret, ids.encode(ids.API_KEY, made.record.id)
    await api.new_member(Role.OWNER)  # another one stays
    owner = await api.new_member(Role.OWNER)
    return owner.token, ids.encode(ids.MEMBER, owner.record.id)


@pytest.mark.parametrize("how", OWN_END)
async def test_a_later_mutation_of_the_same_operation_does_nothing(api: Api, how: str) -> None:
    first, given, code = OWN_END[how]
    for name, case in CASES.items():
        secret, own = await somebody(api, first)
        wanted = {**await case.prepare(api), **case.given}
        before = await entries(api)

        variables = {"first": {"id": own, **given}, "input": wanted}
        answer = (await api.post(after_another(first, name), variables, key=secret)).json()

        assert answer["data"] == {"first": {"userErrors": []}, "then": None}, name
        (error,) = answer["errors"]
        assert (error["path"], error["extensions"]["code"]) == (["then"], code), name
        assert (await entries(api))[1:] == before, name


async def test_a_worker_that_remembers_somebody_changes_nothing_for_them(api: Api) -> None:
    key, owner = await api.new_key_record(), await api.new_member(Role.OWNER)
    prepared = {name: {**await case.prepare(api), **case.given} for name, case in CASES.items()}
    before = await entries(api)
    shut_out = {
        key.secret: (f"update api_key set revoked_at = created_at where id = {key.record.id}", "UNAUTHENTICATED"),
        owner.token: (f"update member set removed_at = joined_at where id = {owner.record.id}", "FORBIDDEN"),
    }

    for secret, (statement, code) in shut_out.items():
        await api.ask("{ viewer { scopes } }", key=secret)  # the door believes it for a second
        async with api.database.write() as session:
            await session.execute(text(statement))
        for name, given in prepared.items():
            answer = (await api.post(document(name), {"input": given}, key=secret)).json()
            assert [error["extensions"]["code"] for error in answer["errors"]] == [code], name
            assert (answer.get("data") or {}).get(name) is None, name
    assert await entries(api) == before
