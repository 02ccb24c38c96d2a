"""Trusted documents: asked for by the hash of their text, and with `only` nothing else; the schema kept from view."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from graph.asked import asked_of
from graph.document_folder import BadDocuments, read_documents
from graph.operations import Caller
from graph.subscriptions import Subscriptions
from graph.trusted import TrustedDocuments
from models.database import Database
from tests.graph.api import Api, error_codes, make_api

VIEWER = "query Viewer { viewer { scopes } }"
TWO = "query A { a: __typename }\nquery B { b: __typename }\n"
CREATE = 'mutation { createLink(input: {destinationUrl: "https://example.com/"}) { created } }'
UNKNOWN = "{ __typename }"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}}


def by_id(text: str) -> dict[str, Any]:
    return {"documentId": f"sha256:{digest(text)}"}


DOCUMENTS = {digest(text): text for text in (VIEWER, TWO, CREATE)}
NOT_FOUND = (404, ["PERSISTED_QUERY_NOT_FOUND"])
REFUSED = (422, ["BAD_REQUEST"])


@pytest.fixture
async def only(database: Database) -> AsyncIterator[Api]:
    api = await make_api(database, trusted=TrustedDocuments(DOCUMENTS, only=True))
    async with api.client:
        yield api


@pytest.fixture
async def also(database: Database) -> AsyncIterator[Api]:
    api = await make_api(database, trusted=TrustedDocuments(DOCUMENTS, only=False))
    async with api.client:
        yield api


async def answer(api: Api, **body: Any) -> tuple[int, Any]:
    """The status, and what is in `data` or the errors' codes."""
    response = await api.client.post("/graphql", json=body, headers={"authorization": f"Bearer {api.key}"})
    return response.status_code, response.json().get("data") or error_codes(response)


@pytest.mark.database
async def test_known_documents_are_run_by_their_id(only: Api, also: Api) -> None:
    for api in (only, also):
        for name in (apollo, by_id):
            status, data = await answer(api, **name(VIEWER))
            assert status == 200 and data["viewer"]["scopes"], name
            assert await answer(api, **name(TWO), operationName="B") == (200, {"b": "Query"})
            assert await answer(api, **name(TWO)) == REFUSED
            assert await answer(api, **name(CREATE)) == (200, {"createLink": {"created": True}})
            assert (await answer(api, query=VIEWER, **name(VIEWER)))[0] == 200


@pytest.mark.database
async def test_what_no_id_names_is_not_found(only: Api, also: Api, api: Api) -> None:
    for asked in (only, also, api):
        for name in (apollo(UNKNOWN), by_id(UNKNOWN), {"documentId": "7"}, {"documentId": digest(VIEWER)}):
            assert await answer(asked, **name) == NOT_FOUND, name


@pytest.mark.database
async def test_only_trusted_documents_are_run(only: Api, also: Api) -> None:
    other: list[tuple[dict[str, Any], Any]] = [
        ({"query": UNKNOWN}, REFUSED),
        ({"query": VIEWER}, REFUSED),
        ({"query": UNKNOWN, **apollo(UNKNOWN)}, NOT_FOUND),
        ({"query": UNKNOWN, **by_id(VIEWER)}, REFUSED),
        ({"query": "{ __schema { types { name } } }"}, REFUSED),
    ]
    for body, refusal in other:
        assert await answer(only, **body) == refusal, body
    assert await answer(also, query=UNKNOWN) == (200, {"__typename": "Query"})
    assert await answer(also, query=UNKNOWN, **apollo(UNKNOWN)) == (200, {"__typename": "Query"})
    assert await answer(also, query=UNKNOWN, **by_id(VIEWER)) == REFUSED


@pytest.mark.database
async def test_sockets_and_streams_run_no_others_either(only: Api) -> None:
    async def told(body: dict[str, Any]) -> tuple[bool, Any]:
        """Whether the first message is a refusal, and what is in it."""
        caller = Caller(principal=await only.operations.sign_in.principal(only.key), request_id="", client="")
        async with aclosing(Subscriptions(only.operations).answers(asked_of(body), caller=caller)) as messages:
            message = await anext(messages)
            return message.is_refusal, json.loads(message.body)

    refused, _ = await told(by_id(VIEWER))
    assert not refused
    for document in (UNKNOWN, "subscription { clickRecorded { cursor } }"):
        for body, code in (({"query": document}, "BAD_REQUEST"), (apollo(document), "PERSISTED_QUERY_NOT_FOUND")):
            refused, answer = await told(body)
            assert refused and [error["extensions"]["code"] for error in answer["errors"]] == [code]


@pytest.mark.database
async def test_ids_come_by_get_too_but_for_mutations(only: Api) -> None:
    key = {"authorization": f"Bearer {only.key}"}
    extensions = json.dumps(apollo(VIEWER)["extensions"])
    for parameters in (by_id(VIEWER), {"extensions": extensions}):
        assert (await only.client.get("/graphql", params=parameters, headers=key)).status_code == 200
    refused = await only.client.get("/graphql", params=by_id(CREATE), headers=key)

    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.database
async def test_a_hidden_schema_answers_no_introspection_and_suggests_nothing(database: Database, api: Api) -> None:
    hidden = await make_api(database, shows_schema=False)
    asked = {"schema": "{ __schema { types { name } } }", "type": '{ __type(name: "Link") { name } }'}
    wrong = {"field": "{ viewr { scopes } }", "argument": "{ link(bye: 1) { id } }", "type": "{ ... on Quer { a } }"}
    wrong["input"] = '{ link(by: {cod: "a"}) { id } }'

    async with hidden.client:
        for name, document in (asked | wrong).items():
            for _ in range(2):  # the second time from the cache, if it were there
                refused = await hidden.post(document)
                assert (refused.status_code, set(error_codes(refused))) == (422, {"BAD_REQUEST"}), name
                assert "Did you mean" not in refused.text, name
        assert await hidden.ask("{ __typename viewer { __typename } }")
    for document in asked.values():
        assert await api.ask(document)
    assert "Did you mean" in (await api.post(wrong["field"])).text


def test_documents_are_read_from_files_and_manifests(tmp_path: Path) -> None:
    for name, text in (("README.md", "not a document"), (f"{digest(VIEWER)}.graphql", VIEWER)):
        (tmp_path / name).write_text(text)
    (tmp_path / "persisted-documents.json").write_text(json.dumps({digest(TWO): TWO, digest(CREATE): CREATE}))

    assert read_documents(tmp_path) == DOCUMENTS


BAD_FILES: dict[str, tuple[str, bytes]] = {
    "another hash": (f"{digest(VIEWER)}.graphql", VIEWER.encode() + b"\n"),
    "no hash": ("viewer.graphql", VIEWER.encode()),
    "upper case": (f"{digest(VIEWER).upper()}.graphql", VIEWER.encode()),
    "no UTF-8": (f"{digest(VIEWER)}.graphql", b"\xff"),
    "no JSON": ("a.json", b"{"),
    "a list": ("a.json", b"[]"),
    "no text": ("a.json", json.dumps({digest(VIEWER): {"body": VIEWER}}).encode()),
    "SHA-1 in a manifest": ("a.json", json.dumps({hashlib.sha1(VIEWER.encode()).hexdigest(): VIEWER}).encode()),
    "another hash in a manifest": ("a.json", json.dumps({digest(TWO): VIEWER}).encode()),
}


@pytest.mark.parametrize(("name", "content"), BAD_FILES.values(), ids=BAD_FILES)
def test_documents_that_are_not_what_they_say_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(BadDocuments):
        read_documents(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a.json").mkdir()

    for folder in (tmp_path / "nowhere", tmp_path / "file", tmp_path):
        with pytest.raises(BadDocuments):
            read_documents(folder)
