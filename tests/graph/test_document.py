"""Documents: which operation is meant, what is remembered of one, and that a refused one is not."""

import statistics
import time
from collections.abc import Iterator
from typing import ClassVar

import pytest
from graphql import parse

from graph.asked import Asked
from graph.document import CACHED_CHARACTERS, DocumentCache, DocumentGate, ValidDocument
from graph.failures import ApiFailure, FailureCode
from graph.operations import QUERIES_AND_MUTATIONS, Caller
from graph.rate import RateLimit, RateLimiter
from graph.schema import build_schema
from models.database import Database
from tests.graph.api import Api, error_codes, make_api
from tests.graph.operations import OPERATIONS


def test_the_cache_is_bounded_and_keeps_what_is_used() -> None:
    cache, document = DocumentCache(), ValidDocument(build_schema()._schema, parse("{ __typename }"))
    texts = [f"{{ x }} # {number} " + "-" * (CACHED_CHARACTERS // 10) for number in range(30)]
    for text in texts:
        cache.keep(text, document)
        assert cache.find(texts[0]) is document

    assert sum(cache.find(text) is not None for text in texts) == 9


@pytest.mark.database
async def test_plans_are_kept_with_their_documents_and_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graph.document.CACHED_PLANS", 20)
    documents = [f"{{ viewer {{ scopes a{number}: scopes }} }}" for number in range(10)]
    for text in documents:
        await api.ask(text)
    cache = gate_of(api).cache
    kept = [found.plans.size for text in documents if (found := cache.find(text))]

    assert len(kept) == len(documents)
    assert sum(kept) <= 20 < 10 * kept[-1]
    assert kept[0] == 0 < kept[-1]


def gate_of(api: Api) -> DocumentGate:
    return next(one for one in api.operations.schema.get_extensions() if isinstance(one, DocumentGate))


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
        "unknown field": ("{ nothing }", "BAD_REQUEST"),
        "many directives": ("{ __typename " + "@a " * 400 + "}", "QUERY_TOO_COMPLEX"),
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


class TimedGate(DocumentGate):
    """A gate that notes the CPU time at which the operation would begin to run, and stops it there."""

    began: ClassVar[list[float]] = []

    def on_execute(self) -> Iterator[None]:
        self.began.append(time.process_time())
        raise ApiFailure(FailureCode.BAD_REQUEST, "Stopped here.")
        yield


@pytest.mark.nightly
@pytest.mark.database
async def test_a_repeated_document_costs_under_a_third_of_a_millisecond_before_it_runs(database: Database) -> None:
    api = await make_api(database, rate_limiter=RateLimiter(RateLimit(10**9, 10**9)))
    cache, used = DocumentCache(), []
    api.operations.schema.extensions = (lambda: TimedGate(cache),)
    caller = Caller(principal=await api.operations.sign_in.principal(api.key), request_id="", client="")
    dashboard = OPERATIONS["dashboard of 20 links"].document
    for number in range(2_000):
        asked = Asked(query=dashboard, variables={"n": number % 20}, operation_name=None)
        started = time.process_time()
        await api.operations.run(asked, caller=caller, kinds=QUERIES_AND_MUTATIONS)
        used.append((TimedGate.began[-1] - started) * 1_000)
    assert statistics.mean(used[100:]) < 0.3
