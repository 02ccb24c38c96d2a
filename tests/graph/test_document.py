"""Documents: which operation is meant, and what is too much to run."""

import pytest
from graphql import get_introspection_query, parse

from graph.document import CACHED_CHARACTERS, MOST_TOKENS, DocumentCache, guard
from graph.failures import ApiFailure
from tests.graph.api import Api, error_codes


def doubling(times: int) -> str:
    """Fragments that each spread the next one twice, under two names: 2 ** times fields in a few words."""
    levels = [
        f"fragment F{level} on Query {{ a: x {{ ...F{level + 1} }} b: x {{ ...F{level + 1} }} }}"
        for level in range(times)
    ]
    return " ".join(["{ ...F0 }", *levels, f"fragment F{times} on Query {{ x }}"])


TOO_MUCH = {
    "fields of doubling fragments": doubling(40),
    "root mutations": "mutation { " + " ".join(f"a{n}: x" for n in range(6)) + " }",
    "root mutations by a fragment": "mutation { ...F } fragment F on Mutation { " + "a: x " * 6 + "}",
    "root mutations by inline fragments": "mutation { " + "... { x } " * 6 + "}",
    "root fields": "{ " + " ".join(f"a{n}: x" for n in range(21)) + " }",
    "fields of one name": "{ x { " + "y " * 6 + "} }",
    "fields of one name, inline": "{ x { " + "... { y } " * 6 + "} }",
    "fields": "{ " + " ".join(f"a{n}: x {{ " + " ".join(f"b{m}" for m in range(60)) + " }" for n in range(18)) + " }",
}


def test_what_would_be_slow_is_refused_before_validation() -> None:
    for name, text in TOO_MUCH.items():
        with pytest.raises(ApiFailure) as refused:
            guard(parse(text))
        assert (refused.value.extensions or {})["code"] == "QUERY_TOO_COMPLEX", name


def test_ordinary_documents_pass() -> None:
    documents = [
        get_introspection_query(
            specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
        ),
        "{ " + " ".join(f"a{n}: x" for n in range(20)) + " }",
        "mutation { " + " ".join(f"a{n}: x" for n in range(5)) + " }",
        "{ ...A } fragment A on Query { ...A x }",
        "{ ...Missing }",
    ]
    for text in documents:
        guard(parse(text, max_tokens=MOST_TOKENS))


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache, document = DocumentCache(), parse("{ x }")
    texts = [f"{{ x }} # {number} " + "-" * (CACHED_CHARACTERS // 10) for number in range(30)]
    for text in texts:
        cache.keep(text, document)
        assert cache.find(texts[0]) is document

    assert sum(cache.find(text) is not None for text in texts) == 9


async def post(api: Api, document: str, name: str | None = None) -> list[str] | dict[str, object]:
    response = await api.client.post("/graphql", json={"query": document, "operationName": name})
    return error_codes(response) or response.json()["data"]


@pytest.mark.database
async def test_the_operation_meant_must_be_clear(api: Api) -> None:
    both = "query A { a: __typename } query B { b: __typename }"
    for _ in range(2):  # the second time from the cache
        assert await post(api, both) == ["BAD_REQUEST"]
        assert await post(api, both, "A") == {"a": "Query"}
        assert await post(api, both, "B") == {"b": "Query"}
        assert await post(api, both, "C") == ["BAD_REQUEST"]
        assert await post(api, both, "") == ["BAD_REQUEST"]
    assert await post(api, "query A { a: __typename }") == {"a": "Query"}


@pytest.mark.database
async def test_refused_documents_are_refused_each_time(api: Api) -> None:
    documents = {
        "too many tokens": ("{ " + " ".join(f"a{n}" for n in range(1_500)) + " }", "BAD_REQUEST"),
        "too deep": ("{ a " * 700 + "}" * 700, "BAD_REQUEST"),
        "a cycle": ("{ ...A } fragment A on Query { ...A }", "BAD_REQUEST"),
        "too many mutations": (
            "mutation { " + " ".join(f"a{n}: __typename" for n in range(6)) + " }",
            "QUERY_TOO_COMPLEX",
        ),
        "doubling": (doubling(40), "QUERY_TOO_COMPLEX"),
        "unknown field": ("{ nothing }", "BAD_REQUEST"),
        "many directives": ("{ __typename " + "@a " * 400 + "}", "BAD_REQUEST"),
    }
    for name, (document, code) in documents.items():
        for _ in range(2):
            response = await api.post(document)
            assert response.status_code in (400, 422), name
            assert set(error_codes(response)) == {code}, name


@pytest.mark.database
async def test_a_document_runs_with_other_variables_each_time(api: Api) -> None:
    await api.create(code="a", title="A")
    await api.create(code="b", title="B")
    document = "query ($code: String!) { link(by: {code: $code}) { title } }"

    for code in ("a", "b", "a"):
        assert (await api.ask(document, {"code": code}))["link"] == {"title": code.upper()}
