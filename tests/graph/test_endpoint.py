"""GraphQL over HTTP: methods, media types, statuses and headers of the answers."""

import pytest

from graph.accept import GRAPHQL_JSON, JSON
from graph.requests import DELIBERATE_HEADERS
from tests.graph.api import Api, error_codes

pytestmark = pytest.mark.database


async def test_the_answers_type_is_the_one_accepted(api: Api) -> None:
    expected: dict[str, tuple[int, str]] = {
        GRAPHQL_JSON: (200, GRAPHQL_JSON),
        JSON: (200, JSON),
        "*/*": (200, JSON),
        "": (200, JSON),
        "application/*": (200, JSON),
        f"{JSON}, {GRAPHQL_JSON}": (200, GRAPHQL_JSON),
        f"{GRAPHQL_JSON.upper()}; charset=utf-8": (200, GRAPHQL_JSON),
        f"text/event-stream, {GRAPHQL_JSON}": (200, GRAPHQL_JSON),
        f"{GRAPHQL_JSON};q=0": (406, GRAPHQL_JSON),
        "*/*;q=0": (406, GRAPHQL_JSON),
        ";;,,": (406, GRAPHQL_JSON),
        f"{GRAPHQL_JSON}, {JSON};q=0.9": (200, GRAPHQL_JSON),
        f"{GRAPHQL_JSON};q=0.5, {JSON}": (200, JSON),
        f"{JSON}, text/plain, */*": (200, JSON),
        f"{JSON}; charset=utf-8": (200, JSON),
        f"{GRAPHQL_JSON};q=0, */*": (200, JSON),
        "text/html": (406, GRAPHQL_JSON),
        f"{JSON};q=0": (406, GRAPHQL_JSON),
        "application/json;q=junk": (406, GRAPHQL_JSON),
    }
    for accept, (status, media) in expected.items():
        response = await api.post("{ __typename }", accept=accept)
        assert (response.status_code, response.headers["content-type"]) == (status, media), accept


async def test_queries_may_come_by_get_and_mutations_never(api: Api) -> None:
    key = {"authorization": f"Bearer {api.key}"}
    mutation = 'mutation { createLink(input: {destinationUrl: "https://example.com/"}) { created } }'
    asked = {"query": "query A ($id: ID!) { node(id: $id) { id } }", "variables": '{"id": "x"}', "operationName": "A"}

    assert (await api.client.get("/graphql", params=asked, headers=key)).json()["data"] == {"node": None}
    for method in ("GET", "HEAD"):
        refused = await api.client.request(method, "/graphql", params={"query": mutation}, headers=key)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST"), method

    assert api.created == []
    bad: dict[str, tuple[dict[str, str], int]] = {
        "no query": ({}, 422),
        "empty query": ({"query": ""}, 422),
        "bad variables": ({"query": "{ __typename }", "variables": "{"}, 400),
        "variables are a list": ({"query": "{ __typename }", "variables": "[]"}, 422),
        "extensions are a number": ({"query": "{ __typename }", "extensions": "1"}, 422),
        "too long": ({"query": "{ __typename }" + " " * 16_000}, 414),
        "no UTF-8": ({"query": "{ \ud800 }".encode("utf-8", "surrogatepass").decode("latin-1")}, 400),
    }
    for name, (parameters, status) in bad.items():
        response = await api.client.get("/graphql", params=parameters, headers=key)
        assert (response.status_code, error_codes(response)) == (status, ["BAD_REQUEST"]), name


async def test_another_sites_page_cannot_make_a_browser_ask(api: Api) -> None:
    query = {"query": "{ __typename }"}
    simple = {"accept": "*/*", "content-type": "text/plain", "origin": "https://evil.example", "cookie": "a=b"}

    refused = await api.client.get("/graphql", params=query, headers=simple)
    assert (refused.status_code, error_codes(refused)) == (400, ["BAD_REQUEST"])
    for name in DELIBERATE_HEADERS:
        value = f"Bearer {api.key}" if name == "Authorization" else "1"
        allowed = await api.client.get("/graphql", params=query, headers={name: value})
        assert allowed.json()["data"] == {"__typename": "Query"}, name
    basic = await api.client.get("/graphql", params=query, headers={"authorization": "Basic a2V5OmtleQ=="})
    assert (basic.status_code, error_codes(basic)) == (401, ["UNAUTHENTICATED"])


async def test_a_browser_gets_the_page(api: Api) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

    for query in ({}, {"query": "{ __typename }"}):
        assert "the page" in (await api.client.get("/graphql", params=query, headers=browser)).text
    asked = {"query": "{ __typename }"}
    script = await api.client.get("/graphql", params=asked, headers={**browser, "x-requested-with": "fetch"})
    assert script.json()["data"] == {"__typename": "Query"}


async def test_other_methods_are_refused(api: Api) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "QUERY"):
        response = await api.client.request(method, "/graphql")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS"), method
        assert error_codes(response) == ["BAD_REQUEST"], method


async def test_options_says_what_is_allowed(api: Api) -> None:
    response = await api.client.options("/graphql")

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


async def test_answers_are_not_kept(api: Api) -> None:
    response = await api.post("{ __typename }")

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "accept, authorization"


async def test_data_with_errors_is_a_success(api: Api) -> None:
    partly = await api.post('{ __typename link(by: {code: "a"}) { id } }', key="")
    nothing = await api.post("{ viewer { scopes } }", key="")

    assert (partly.status_code, error_codes(partly)) == (200, ["UNAUTHENTICATED"])
    assert partly.json()["data"] == {"__typename": "Query", "link": None}
    assert (nothing.status_code, nothing.json()["data"]) == (200, None)


async def test_an_answer_tells_of_at_most_ten_errors(api: Api) -> None:
    refused = await api.post("{ " + " ".join(f"a{number}" for number in range(15)) + " }")
    fields = " ".join(f'a{number}: link(by: {{code: "a"}}) {{ id }}' for number in range(12))
    partly = await api.post("{ __typename " + fields + " }", key="")

    assert error_codes(refused) == ["BAD_REQUEST"] * 10
    assert partly.json()["data"]["__typename"] == "Query"
    assert error_codes(partly) == ["UNAUTHENTICATED"] * 10
