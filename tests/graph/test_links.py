"""Links over GraphQL: made, changed, deactivated, and what is refused."""

import asyncio
import re
from typing import Any

import pytest

from tests.graph.api import CREATE, DEACTIVATE, REACTIVATE, UPDATE, Api

pytestmark = pytest.mark.database

LINK = "query ($by: LinkLookup!) { link(by: $by) { id code version destinationUrl } }"


def reasons(payload: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """What a client can match on in the user errors of a payload."""
    return [(error["__typename"], error["code"], error["path"]) for error in payload["userErrors"]]


async def create(api: Api, **given: Any) -> Any:
    variables = {"input": {"destinationUrl": "https://example.com/", **given}}
    return (await api.ask(CREATE, variables))["createLink"]


async def update(api: Api, code: str, **given: Any) -> Any:
    return (await api.ask(UPDATE, {"input": {"link": {"code": code}, **given}}))["updateLink"]


async def test_create_link_answers_the_whole_link(api: Api) -> None:
    payload = await create(
        api,
        destinationUrl="HTTPS://Example.com/a b?ü",
        code="Spring-1",
        title=" Spring ",
        notes="one\ntwo",
        externalId="crm-7",
    )

    link = payload["link"]
    assert payload["created"] is True and payload["userErrors"] == []
    assert re.fullmatch("lnk_[0-9A-Za-z]{11}", link.pop("id"))
    assert link == {
        "code": "Spring-1",
        "shortUrl": "https://sho.rt/Spring-1",
        "destinationUrl": "https://example.com/a%20b?%C3%BC",
        "title": "Spring",
        "notes": "one\ntwo",
        "externalId": "crm-7",
        "status": "ACTIVE",
        "createdAt": "2026-03-29T08:00:00.000Z",
        "updatedAt": "2026-03-29T08:00:00.000Z",
        "deactivatedAt": None,
        "deactivationReason": None,
        "version": 1,
    }
    assert api.created == ["Spring-1"]


async def test_a_link_without_a_code_gets_a_random_one(api: Api) -> None:
    given: list[dict[str, Any]] = [{}, {"code": None}, {"code": ""}]
    codes = [(await create(api, **one))["link"]["code"] for one in given]

    assert len(set(codes)) == 3 and all(re.fullmatch("[A-Za-z0-9]{7}", code) for code in codes)
    assert api.created == codes


async def test_null_and_blank_texts_read_as_left_out(api: Api) -> None:
    link = (await create(api, title=None, notes="  ", externalId=""))["link"]

    assert (link["title"], link["notes"], link["externalId"]) == (None, None, None)


REFUSED_FIELDS = {
    "no URL": ({"destinationUrl": "nonsense"}, "InputError", "INVALID", "destinationUrl"),
    "empty URL": ({"destinationUrl": ""}, "InputError", "INVALID", "destinationUrl"),
    "not http": ({"destinationUrl": "javascript:alert(1)"}, "InputError", "INVALID", "destinationUrl"),
    "credentials": ({"destinationUrl": "https://a:b@example.com/"}, "InputError", "INVALID", "destinationUrl"),
    "back to ourselves": ({"destinationUrl": "https://SHO.rt/x"}, "InputError", "BLOCKED", "destinationUrl"),
    "private": ({"destinationUrl": "http://127.1/"}, "InputError", "BLOCKED", "destinationUrl"),
    "NUL in URL": ({"destinationUrl": "https://example.com/\0"}, "InputError", "INVALID", "destinationUrl"),
    "long URL": (
        {"destinationUrl": "https://example.com/" + "a" * 8_192},
        "LimitReachedError",
        "LIMIT_REACHED",
        "destinationUrl",
    ),
    "odd code": ({"code": "no spaces"}, "InputError", "INVALID", "code"),
    "NUL in code": ({"code": "a\0"}, "InputError", "INVALID", "code"),
    "reserved code": ({"code": "GraphQL"}, "InputError", "RESERVED", "code"),
    "long code": ({"code": "a" * 65}, "LimitReachedError", "LIMIT_REACHED", "code"),
    "long title": ({"title": "ü" * 201}, "LimitReachedError", "LIMIT_REACHED", "title"),
    "title of two lines": ({"title": "a\nb"}, "InputError", "INVALID", "title"),
    "long notes": ({"notes": "a" * 4_001}, "LimitReachedError", "LIMIT_REACHED", "notes"),
    "NUL in notes": ({"notes": "a\0b"}, "InputError", "INVALID", "notes"),
    "long external id": ({"externalId": "a" * 201}, "LimitReachedError", "LIMIT_REACHED", "externalId"),
    "NUL in external id": ({"externalId": "a\0b"}, "InputError", "INVALID", "externalId"),
}


async def test_each_field_says_what_is_wrong_with_it_and_where(api: Api) -> None:
    for name, (given, kind, code, path) in REFUSED_FIELDS.items():
        payload = await create(api, **given)
        assert (payload["link"], payload["created"]) == (None, False), name
        assert reasons(payload) == [(kind, code, [path])], name
    assert api.created == []


async def test_limits_themselves_are_allowed(api: Api) -> None:
    given = {"code": "a" * 64, "title": "ü" * 200, "notes": "n" * 4_000, "externalId": "x" * 200}
    given["destinationUrl"] = "https://example.com/" + "a" * (8_192 - len("https://example.com/"))

    payload = await create(api, **given)

    assert payload["userErrors"] == [] and payload["link"]["destinationUrl"] == given["destinationUrl"]


async def test_all_that_is_wrong_is_said_at_once(api: Api) -> None:
    payload = await create(api, destinationUrl="nonsense", code="no spaces", title="a" * 201)

    assert sorted(error["path"][0] for error in payload["userErrors"]) == ["code", "destinationUrl", "title"]


async def test_a_taken_code_comes_with_free_suggestions(api: Api) -> None:
    await create(api, code="sale")
    payload = await create(api, code="sale")

    assert reasons(payload) == [("CodeTakenError", "TAKEN", ["code"])]
    suggestions = payload["userErrors"][0]["suggestions"]
    assert len(set(suggestions)) == 3
    for suggestion in suggestions:
        assert (await create(api, code=suggestion))["userErrors"] == []


async def test_of_many_who_want_one_code_one_gets_it(api: Api) -> None:
    variables = {"input": {"destinationUrl": "https://example.com/", "code": "sale"}}

    responses = await asyncio.gather(*(api.post(CREATE, variables) for _ in range(20)))

    assert {response.status_code for response in responses} == {200}
    payloads = [response.json()["data"]["createLink"] for response in responses]
    losers = [payload for payload in payloads if not payload["created"]]
    assert len(losers) == 19 and api.created == ["sale"]
    for payload in losers:
        assert reasons(payload) == [("CodeTakenError", "TAKEN", ["code"])]
        assert payload["userErrors"][0]["suggestions"]


async def test_a_taken_external_id_is_refused(api: Api) -> None:
    await create(api, externalId="crm-1")

    assert reasons(await create(api, externalId="crm-1")) == [("InputError", "TAKEN", ["externalId"])]


async def test_codes_differ_by_case(api: Api) -> None:
    assert (await create(api, code="Sale"))["userErrors"] == []
    assert (await create(api, code="sale"))["userErrors"] == []


async def test_a_link_is_found_by_everything_that_names_it(api: Api) -> None:
    made = await api.create(code="sale", externalId="crm-1")
    names: list[dict[str, str]] = [
        {"id": made["id"]},
        {"code": "sale"},
        {"externalId": "crm-1"},
        {"shortUrl": "https://sho.rt/sale"},
        {"shortUrl": "http://SHO.RT/sale/?utm_source=x#top"},
    ]
    for by in names:
        assert (await api.ask(LINK, {"by": by}))["link"]["id"] == made["id"], by


NAMES_OF_NOTHING: list[dict[str, str]] = [
    {"id": "lnk_00000000000"},
    {"id": "lnk_zzzzzzzzzzz"},
    {"id": "nonsense"},
    {"id": ""},
    {"id": "7"},
    {"code": "unknown"},
    {"code": ""},
    {"code": "a\0"},
    {"code": "x" * 10_000},
    {"externalId": "unknown"},
    {"externalId": ""},
    {"externalId": "\0"},
    {"shortUrl": "https://sho.rt/"},
    {"shortUrl": "https://sho.rt/sale/more"},
    {"shortUrl": "https://other.example/sale"},
    {"shortUrl": "nonsense"},
    {"shortUrl": ""},
]


async def test_what_names_no_link_is_null_in_queries_and_not_found_in_mutations(api: Api) -> None:
    await api.create(code="sale")
    for by in NAMES_OF_NOTHING:
        assert await api.ask(LINK, {"by": by}) == {"link": None}, by
        for mutation in (UPDATE, DEACTIVATE, REACTIVATE):
            (payload,) = (await api.ask(mutation, {"input": {"link": by}})).values()
            assert payload["link"] is None, by
            assert reasons(payload) == [("InputError", "NOT_FOUND", ["link"])], by


async def test_a_link_of_another_workspace_is_not_there(api: Api) -> None:
    made = await api.create(code="sale", externalId="crm-1")
    foreign = await api.new_key(workspace_id=await api.new_workspace())

    for by in ({"id": made["id"]}, {"code": "sale"}, {"externalId": "crm-1"}, {"shortUrl": made["shortUrl"]}):
        assert await api.ask(LINK, {"by": by}, key=foreign) == {"link": None}
        for mutation in (UPDATE, DEACTIVATE, REACTIVATE):
            (payload,) = (await api.ask(mutation, {"input": {"link": by}}, key=foreign)).values()
            assert reasons(payload) == [("InputError", "NOT_FOUND", ["link"])]
    assert (await api.ask(LINK, {"by": {"code": "sale"}}))["link"]["version"] == 1


async def test_a_lookup_takes_exactly_one_name(api: Api) -> None:
    made = await api.create(code="sale")
    lookups: list[dict[str, Any]] = [
        {},
        {"code": "sale", "id": made["id"]},
        {"code": None},
        {"code": "sale", "id": None},
    ]
    for by in lookups:
        response = await api.post(LINK, {"by": by})
        assert response.status_code == 422 and "data" not in response.json(), by


async def test_update_leaves_what_is_left_out_and_clears_what_is_null(api: Api) -> None:
    before = await api.create(code="sale", title="Sale", notes="n", externalId="crm-1")
    api.clock.advance()

    after = (await update(api, "sale", title=None, notes="m"))["link"]

    changed = {"title": None, "notes": "m", "version": 2, "updatedAt": "2026-03-29T08:00:01.000Z"}
    assert after == {**before, **changed}


async def test_update_tells_null_from_left_out_in_literals_and_variables(api: Api) -> None:
    await api.create(code="sale", title="Sale", notes="Notes")
    literal = 'mutation { updateLink(input: {link: {code: "sale"}, title: null}) { link { title notes } } }'
    variable = 'mutation ($n: String) { updateLink(input: {link: {code: "sale"}, notes: $n}) { link { title notes } } }'

    assert (await api.ask(literal))["updateLink"]["link"] == {"title": None, "notes": "Notes"}
    assert (await api.ask(variable))["updateLink"]["link"] == {"title": None, "notes": "Notes"}
    assert (await api.ask(variable, {"n": None}))["updateLink"]["link"] == {"title": None, "notes": None}


async def test_update_is_held_to_the_same_rules(api: Api) -> None:
    await api.create(code="sale")
    await api.create(code="other", externalId="crm-1")

    assert reasons(await update(api, "sale", destinationUrl=None)) == [("InputError", "INVALID", ["destinationUrl"])]
    assert reasons(await update(api, "sale", externalId="crm-1")) == [("InputError", "TAKEN", ["externalId"])]
    for name, (given, kind, code, path) in REFUSED_FIELDS.items():
        if path != "code":
            assert reasons(await update(api, "sale", **given)) == [(kind, code, [path])], name
    assert (await api.ask(LINK, {"by": {"code": "sale"}}))["link"]["version"] == 1


async def test_an_update_that_comes_too_late_is_refused(api: Api) -> None:
    await api.create(code="sale")
    first = await update(api, "sale", title="mine", expectedVersion=1)
    late = await update(api, "sale", title="yours", expectedVersion=1)

    assert first["link"]["version"] == 2
    assert reasons(late) == [("VersionConflictError", "VERSION_CONFLICT", ["expectedVersion"])]
    assert late["userErrors"][0]["currentVersion"] == 2
    assert reasons(await update(api, "sale", expectedVersion=0))[0][1] == "VERSION_CONFLICT"
    assert (await update(api, "sale", title="yours", expectedVersion=None))["link"]["version"] == 3


async def test_deactivating_twice_succeeds_and_changes_nothing(api: Api) -> None:
    await api.create(code="sale")
    api.clock.advance()
    first = (await api.ask(DEACTIVATE, {"input": {"link": {"code": "sale"}, "reason": "over"}}))["deactivateLink"]
    api.clock.advance()
    again = (await api.ask(DEACTIVATE, {"input": {"link": {"code": "sale"}, "reason": "really"}}))["deactivateLink"]

    link = first["link"]
    assert (link["status"], link["deactivationReason"], link["version"]) == ("DEACTIVATED", "over", 2)
    assert link["deactivatedAt"] == "2026-03-29T08:00:01.000Z"
    assert again == first


async def test_a_reactivated_link_is_active_again(api: Api) -> None:
    made = await api.create(code="sale")
    await api.ask(DEACTIVATE, {"input": {"link": {"code": "sale"}}})

    link = (await api.ask(REACTIVATE, {"input": {"link": {"id": made["id"]}}}))["reactivateLink"]["link"]
    again = (await api.ask(REACTIVATE, {"input": {"link": {"id": made["id"]}}}))["reactivateLink"]["link"]

    assert (link["status"], link["deactivatedAt"], link["deactivationReason"]) == ("ACTIVE", None, None)
    assert again == link


async def test_a_reason_is_held_to_its_limit(api: Api) -> None:
    await api.create(code="sale")
    payload = (await api.ask(DEACTIVATE, {"input": {"link": {"code": "sale"}, "reason": "a" * 501}}))["deactivateLink"]

    assert reasons(payload) == [("LimitReachedError", "LIMIT_REACHED", ["reason"])]


async def test_a_refused_mutation_does_not_undo_the_ones_before_it(api: Api) -> None:
    both = """mutation {
      good: createLink(input: {destinationUrl: "https://example.com/", code: "good"}) { created }
      bad: createLink(input: {destinationUrl: "nonsense"}) { created }
    }"""

    assert await api.ask(both) == {"good": {"created": True}, "bad": {"created": False}}
    assert (await api.ask(LINK, {"by": {"code": "good"}}))["link"] is not None


async def test_a_link_knows_its_domain_and_its_maker(api: Api) -> None:
    made = await api.create(code="sale")
    asked = await api.ask(
        """query ($by: LinkLookup!) {
          link(by: $by) { domain { hostname } createdBy { __typename id } } viewer { actor { id } }
        }""",
        {"by": {"id": made["id"]}},
    )

    assert asked["link"]["domain"] == {"hostname": "sho.rt"}
    assert asked["link"]["createdBy"] == {"__typename": "ApiKey", "id": asked["viewer"]["actor"]["id"]}
