"""Attacks through valid requests: injection, other people's things, leaks, floods. Where each known attack is tested.

Attacks by a document's shape are in test_guard.py, by a body in test_requests.py, by a socket in test_socket.py.
"""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.routing import Route

from graph import ids
from server.logs import QUIET, configure_logs
from server.request_id import RequestId
from tests.graph.api import CREATE, DEACTIVATE, LINK_FIELDS, REACTIVATE, UPDATE, Api, error_codes
from tests.graph.clicked import Clicked, at
from tests.graph.two_workspaces import ABOUT_WHO_ASKS

TESTS = Path(__file__).parents[1]
# Each attack on a GraphQL server that we know of, and the tests that make it.
WHERE = {
    "depth, recursive types": ["graph/test_guard.py::test_an_attack_is_refused_after_a_short_look"],
    "circular and doubling fragments": [
        "graph/test_guard.py::test_an_attack_is_refused_after_a_short_look",
        "graph/test_guard.py::test_a_fragment_is_measured_once_however_often_it_is_spread",
    ],
    "aliases, repeated fields, inline fragments": ["graph/test_guard.py::test_an_attack_is_refused_in_50_ms_of_cpu"],
    "many mutations in one document": ["graph/test_guard.py::test_attacks_are_answered_by_http_with_a_typed_error"],
    "array batching": ["graph/test_requests.py::test_bad_bodies_are_the_clients_mistake"],
    "cost of nested pages": [
        "graph/test_cost.py::test_an_operation_above_the_ceiling_does_not_run",
        "graph/test_rate.py::test_a_spent_budget_answers_429_and_when_to_come_back",
    ],
    "directive overload": ["graph/test_guard.py::test_an_attack_is_refused_after_a_short_look"],
    "large documents": ["graph/test_guard.py::test_an_attack_is_refused_after_a_short_look"],
    "large bodies, deep JSON, huge numbers, equal names": [
        "graph/test_requests.py::test_bad_bodies_are_the_clients_mistake",
        "graph/test_requests.py::test_a_body_without_length_is_cut_off_too",
        "graph/test_requests.py::test_the_last_of_two_equal_names_counts_and_unknown_ones_do_not",
    ],
    "large and deep variables": ["graph/test_guard.py::test_large_variables_are_refused"],
    "list arguments": [
        "graph/test_attacks.py::test_long_lists_are_refused",
        "graph/test_nodes.py::test_nodes_takes_at_most_100_ids",
    ],
    "introspection, suggestions": [
        "graph/test_trusted.py::test_a_hidden_schema_answers_no_introspection_and_suggests_nothing"
    ],
    "another site's form, page or GET": [
        "graph/test_endpoint.py::test_another_sites_page_cannot_make_a_browser_ask",
        "graph/test_endpoint.py::test_queries_may_come_by_get_and_mutations_never",
        "graph/test_requests.py::test_only_json_in_utf8_is_taken",
    ],
    "another site's WebSocket": ["graph/test_socket.py::test_pages_of_other_sites_cannot_connect"],
    "sockets without a key, late, revoked, too many": [
        "graph/test_socket.py::test_who_says_nothing_is_let_go",
        "graph/test_socket.py::test_a_revoked_key_ends_its_sockets_and_no_others",
        "graph/test_socket.py::test_sockets_of_one_key_are_bounded",
        "graph/test_socket.py::test_another_subprotocol_is_not_spoken",
    ],
    "sockets that do not read, speak no text, never end a message": [
        "graph/test_hostile_sockets.py::test_pings_of_a_client_that_does_not_read_are_not_kept",
        "graph/test_hostile_sockets.py::test_a_client_that_neither_reads_nor_answers_holds_no_place",
        "graph/test_hostile_sockets.py::test_a_message_of_fragments_without_end_is_given_up",
        "graph/test_hostile_sockets.py::test_what_is_no_text_closes_the_socket_and_is_not_logged",
    ],
    "dear messages": [
        "graph/test_live.py::test_a_subscription_whose_messages_may_be_too_dear_does_not_begin",
        "graph/test_live.py::test_a_message_pays_for_what_has_to_be_read_for_it",
    ],
    "many subscriptions": [
        "graph/test_socket.py::test_operations_of_one_socket_are_bounded",
        "graph/test_sse.py::test_streams_of_one_key_are_bounded",
    ],
    "slow resolvers": [
        "graph/test_deadlines.py::test_slow_analytics_are_null_and_stop_in_postgresql",
        "graph/test_deadlines.py::test_an_operation_asks_few_questions_at_once",
        "graph/test_deadlines.py::test_slow_analytics_leave_connections_to_everybody_else",
    ],
    "clients that leave": [
        "graph/test_departures.py::test_clients_that_leave_at_any_moment_leak_nothing",
        "graph/test_departures.py::test_ten_thousand_aborted_sockets_leak_nothing",
    ],
    "a question for each row": ["graph/test_attacks.py::test_a_request_has_the_same_few_statements_whatever_it_finds"],
    "SQL in strings, patterns in searches": [
        "graph/test_attacks.py::test_sql_in_a_string_is_just_a_string",
        "graph/test_attacks.py::test_patterns_match_themselves_alone",
    ],
    "other people's ids": [
        "graph/test_attacks.py::test_what_is_foreign_answers_as_what_is_not_there",
        "graph/test_nodes.py::test_unknown_malformed_and_foreign_ids_answer_alike",
    ],
    "details in errors": ["graph/test_attacks.py::test_no_error_of_ours_tells_what_is_behind"],
    "lines in logs": [
        "graph/test_attacks.py::test_what_a_client_sends_makes_no_log_line",
        "graph/test_attacks.py::test_an_error_is_one_log_line_however_many_fields_it_meets",
    ],
    "fields that are not the client's to set": ["graph/test_attacks.py::test_inputs_have_no_field_of_the_servers"],
    "script and private destinations": ["models/test_targets_blocked.py"],
    "persisted queries of others, federation": ["graph/test_trusted.py::test_what_no_id_names_is_not_found"],
}


@pytest.mark.parametrize("attack", WHERE)
def test_each_known_attack_has_a_test(attack: str) -> None:
    for name in WHERE[attack]:
        file, _, function = name.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert not function or function in names, name


ANALYTICS = """query ($filter: ClickFilter) { workspace {
  analytics(range: {days: {from: "2026-03-28", to: "2026-03-29"}}, filter: $filter) { totals { clicks } } } }"""
SEARCH = "query ($search: String) { links(search: $search) { nodes { code } totalCount } }"
HOSTILE = [
    "'",
    "''",
    "'; drop table link; --",
    "' or '1'='1",
    "x' union select secret_hash from api_key --",
    "\\'; select pg_sleep(600); --",
    "$1",
    "$$; drop table link; $$",
    ":workspace_id",
    "%(code)s",
    "{0}",
    '"; drop table link; --',
    "/* */ or true",
    "\u02bc or 1=1",
    "\uff07 or 1=1",
]


@pytest.mark.database
async def test_sql_in_a_string_is_just_a_string(api: Api, clicked: Clicked) -> None:
    await clicked.store(clicked.visit(await clicked.link("a", title="a title"), at(28), country="DE"))
    for hostile in HOSTILE:
        for document, variables in asked_with(hostile):
            response = await api.post(document, variables)
            assert set(error_codes(response)) <= {"BAD_REQUEST"}, (variables, response.text)
            assert '"clicks":1' not in response.text and '"code":"a"' not in response.text, (variables, response.text)

    for hostile in HOSTILE:
        made = await api.create(title=hostile, notes=hostile, externalId=hostile)
        assert (made["title"], made["notes"], made["externalId"]) == (hostile, hostile, hostile)
        found = (await api.ask(SEARCH, {"search": hostile}))["links"]["nodes"]
        assert made["code"] in [node["code"] for node in found]
        assert "a" not in [node["code"] for node in found]


def asked_with(hostile: str) -> list[tuple[str, dict[str, Any]]]:
    """Each place where a client's string comes near SQL."""
    return [
        (SEARCH, {"search": hostile}),
        (ANALYTICS, {"filter": {"country": [hostile]}}),
        (ANALYTICS, {"filter": {"referrer": [hostile]}}),
        (ANALYTICS, {"filter": {"utmSource": [hostile]}}),
        ("query ($by: LinkLookup!) { link(by: $by) { id } }", {"by": {"code": hostile}}),
        ("query ($by: LinkLookup!) { link(by: $by) { id } }", {"by": {"externalId": hostile}}),
        ("query ($code: String!) { codeAvailability(code: $code) { available } }", {"code": hostile}),
        ("query ($id: ID!) { node(id: $id) { id } }", {"id": f"lnk_{hostile}"}),
        ("query ($after: String) { links(after: $after) { nodes { id } } }", {"after": hostile}),
        ("query ($order: LinkOrder) { links(orderBy: $order) { nodes { id } } }", {"order": {"field": hostile}}),
        ("query ($zone: TimeZone) { workspace { analytics(timezone: $zone) { asOf } } }", {"zone": hostile}),
    ]


@pytest.mark.database
async def test_patterns_match_themselves_alone(api: Api) -> None:
    titles = ["100% off", "100 off", "snake_case", "snakeXcase", "back\\slash", "backslash", "a.*b", "aXXb", "[abc]"]
    for number, title in enumerate(titles):
        await api.create(code=f"n{number}", title=title)
    found = {}
    for search in ("100%", "%", "snake_", "_case", "k\\s", "\\", "a.*", "[ab", "^a", "b$", "%%%", "__"):
        nodes = (await api.ask(SEARCH, {"search": search}))["links"]["nodes"]
        found[search] = {titles[int(node["code"][1:])] for node in nodes}

    assert found == {search: {title for title in titles if search in title} for search in found}


@pytest.mark.database
async def test_long_lists_are_refused(api: Api) -> None:
    link = (await api.create())["id"]
    for document, variables in (
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [link] * 101}),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [link] * 10_000}),
        (ANALYTICS, {"filter": {"country": ["DE"] * 101}}),
        (ANALYTICS, {"filter": {"link": [link] * 10_000}}),
        ("query ($n: Int) { links(first: $n) { nodes { id } } }", {"n": 101}),
        ("query ($n: Int) { links(last: $n) { nodes { id } } }", {"n": 2**31 - 1}),
    ):
        assert set(await api.codes(document, variables)) <= {"BAD_REQUEST", "QUERY_TOO_COMPLEX"}, variables
        assert await api.codes(document, variables), variables


def changing(name: str) -> str:
    return f"""mutation ($x: ID!) {{ {name}(input: {{link: {{id: $x}}}}) {{
      link {{ id }} userErrors {{ __typename code message path }} }} }}"""


# A document, and what of a link it names by its variable.
NAMED: dict[str, tuple[str, str]] = {
    "node": ("query ($x: ID!) { node(id: $x) { __typename id } }", "id"),
    "nodes": ("query ($x: ID!) { nodes(ids: [$x]) { __typename id } }", "id"),
    "link by id": ("query ($x: ID!) { link(by: {id: $x}) { id code clickCount } }", "id"),
    "link by external id": ("query ($x: String!) { link(by: {externalId: $x}) { id code } }", "externalId"),
    "analytics of a link": (
        ANALYTICS.replace("$filter: ClickFilter", "$x: ID!").replace("$filter", "{link: [$x]}"),
        "id",
    ),
    "a click": ("query ($x: ID!) { node(id: $x) { ... on Click { occurredAt link { code } } } }", "click"),
    **{name: (changing(name), "id") for name in ("updateLink", "deactivateLink", "reactivateLink")},
}


@pytest.mark.database
async def test_what_is_foreign_answers_as_what_is_not_there(api: Api, clicked: Clicked) -> None:
    await clicked.store(clicked.visit(await clicked.link("theirs", externalId="theirs"), at(29)))
    found = await api.ask(
        """{ link(by: {code: "theirs"}) { id
          clicks(range: {days: {from: "2026-03-29", to: "2026-03-29"}}) { nodes { id } } } }"""
    )
    theirs = {"id": found["link"]["id"], "externalId": "theirs", "click": found["link"]["clicks"]["nodes"][0]["id"]}
    missing = {"id": ids.encode(ids.LINK, 1), "externalId": "nobodys", "click": "clk_" + "0" * 33}
    foreign = await api.new_key(workspace_id=await api.new_workspace())

    for name, (document, kind) in NAMED.items():
        answers = [(await api.post(document, {"x": of[kind]}, key=foreign)).text for of in (theirs, missing)]
        assert answers[0] == answers[1], name
        assert (await api.post(document, {"x": theirs[kind]})).text != answers[0], f"{name} is there for its owner"


BROKEN = {
    "a table that is gone": ["drop table link cascade"],
    "a table that was renamed": ["alter table link rename to hush"],
    "a column that is gone": ["alter table link drop column title cascade"],
    "a column of another type": [
        "alter table link drop column code cascade",
        "alter table link add column code bytea",
    ],
    "a trigger that fails": [
        """create function fail() returns trigger language plpgsql as $$ begin
           raise exception 'hush /etc/passwd' using detail = 'hush', hint = 'hush'; end $$""",
        "create trigger fail before insert on link for each row execute function fail()",
    ],
    "a constraint of somebody": ["alter table link add constraint hush check (code <> code) not valid"],
}
LEAKS = ("hush", "select", "insert", "update ", "relation", "column", "asyncpg", "sqlalchemy", "psycopg", "traceback",
         "postgres", "/tmp", "/work", "/usr", ".py", "site-packages", "localhost", "constraint")  # fmt: skip


@pytest.mark.database
@pytest.mark.parametrize("broken", BROKEN)
async def test_no_error_of_ours_tells_what_is_behind(api: Api, caplog: pytest.LogCaptureFixture, broken: str) -> None:
    await api.create(code="a")
    async with api.database.write() as session:
        for statement in BROKEN[broken]:
            await session.execute(text(statement))
    asked: list[tuple[str, dict[str, Any]]] = [
        ("{ links { nodes { id code title } totalCount } }", {}),
        (CREATE, {"input": {"destinationUrl": "https://example.com/", "title": "t"}}),
        *((document, {"input": {"link": {"code": "a"}}}) for document in (UPDATE, DEACTIVATE, REACTIVATE)),
        ('{ link(by: {code: "a"}) { ...LinkFields } }' + LINK_FIELDS.partition("fragment Errors")[0], {}),
    ]

    answers = [await api.post(document, variables) for document, variables in asked]

    assert any("INTERNAL" in error_codes(answer) for answer in answers)
    for answer in answers:
        told = [{**error, "locations": None} for error in answer.json().get("errors", [])]
        shown = f"{told} {answer.headers}".lower()
        assert not [leak for leak in LEAKS if leak in shown], answer.text


@pytest.mark.database
async def test_a_request_has_the_same_few_statements_whatever_it_finds(api: Api, clicked: Clicked) -> None:
    for number in range(30):
        link = await clicked.link(f"n{number}")
        await clicked.store(clicked.visit(link, at(29, 9, number)))
    found = await api.ask(
        """{ links(first: 30) { nodes { id } } workspace {
          clicks(first: 30, range: {days: {from: "2026-03-29", to: "2026-03-29"}}) { nodes { id } } } }"""
    )
    links, clicks = ([node["id"] for node in page["nodes"]] for page in (found["links"], found["workspace"]["clicks"]))
    document = """query ($ids: [ID!]!, $n: Int) { nodes(ids: $ids) { ... on Link { domain { hostname } createdBy { id }
      clickCount clicks(first: 1) { nodes { id } } } ... on Click { link { code domain { id } } } }
      links(first: $n) { nodes { domain { hostname } lastClickedAt } } }"""
    statements = api.statements()
    counts = {}
    for size in (2, 30):
        asked = [*links[:size], *clicks[:size]]
        statements.clear()
        await api.ask(document, {"ids": asked, "n": size})
        counts[size] = sum(not any(mark in one for mark in ABOUT_WHO_ASKS) for one in statements)

    assert counts[2] == counts[30] <= 12, counts


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What would stand in the log, written as the server writes it."""
    stream, root = io.StringIO(), logging.getLogger()
    before = root.handlers, root.level, {name: logging.getLogger(name).level for name in QUIET}
    configure_logs(form="json", level="info")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    handler.addFilter(lambda record: record.name != "httpx")  # the client's own lines
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = before[0], before[1]
    for name, level in before[2].items():
        logging.getLogger(name).setLevel(level)


HOSTILE_LINES = ["a\nb", 'x\r\n{"event": "forged"}', "\x1b[31mred", "\u2028next", "\0", "a" * 5_000, "%s%n{}"]


@pytest.mark.database
async def test_what_a_client_sends_makes_no_log_line(api: Api, logged: io.StringIO) -> None:
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/graphql", RequestId(api.endpoint))]))
    async with httpx.AsyncClient(transport=transport, base_url="https://sho.rt") as client:
        for hostile in HOSTILE_LINES:
            harmless = "".join(char if char.isascii() and char not in "\r\n\0" else "?" for char in hostile)
            headers = {"authorization": f"Bearer {harmless}", "x-request-id": harmless, "user-agent": harmless}
            for body in (
                {"query": "{ __typename }", "operationName": hostile},
                {"query": "{ " + hostile + " }"},
                {"query": 'query A { link(by: {code: "\\u0041"}) { id } }', "variables": {hostile: hostile}},
                {"query": "query ($s: String) { links(search: $s) { nodes { id } } }", "variables": {"s": hostile}},
            ):
                for key in (headers, {**headers, "authorization": f"Bearer {api.key}"}):
                    answer = await client.post("/graphql", json=body, headers=key)
                    assert answer.status_code in (200, 400, 401, 422), answer.text
                    assert answer.headers["x-request-id"].isascii() and len(answer.headers["x-request-id"]) <= 64

    assert logged.getvalue() == ""


@pytest.mark.database
async def test_an_error_is_one_log_line_however_many_fields_it_meets(api: Api, logged: io.StringIO) -> None:
    for number in range(20):
        await api.create(code=f"n{number}")
    async with api.database.write() as session:
        await session.execute(text("drop table click_slot"))

    answer = await api.post("query Hostile { links { nodes { analytics { totals { clicks } } } } }")

    lines = logged.getvalue().splitlines()
    assert set(error_codes(answer)) == {"INTERNAL"}
    assert len(lines) == 1 and json.loads(lines[0])["level"] == "error", [line[:200] for line in lines]


@pytest.mark.database
async def test_inputs_have_no_field_of_the_servers(api: Api) -> None:
    for name in ("id", "workspaceId", "workspace_id", "createdAt", "createdBy", "version", "clickCount", "status"):
        given = {"destinationUrl": "https://example.com/", name: "1"}
        assert await api.codes(CREATE, {"input": given}) == ["BAD_REQUEST"], name
