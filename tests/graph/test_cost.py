"""What operations cost: the price list, what variables and fragments do to it, and what an answer gives back."""

from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
    validate,
)

from graph import cost, schema
from graph.cost import CostPlan
from graph.document import ValidDocument
from models.database import Database
from tests.graph.api import CREATE, Api, make_api
from tests.graph.operations import OPERATIONS

PAGED = "query ($n: Int, $m: Int = 5) { links(first: $n) { nodes { id clicks(first: $m) { nodes { id } } } } }"


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return schema.build_schema()._schema


def plan_of(ours: GraphQLSchema, document: str, name: str | None = None) -> CostPlan:
    node = parse(document)
    assert validate(ours, node) == []
    return ValidDocument(ours, node).plan(name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_cost_of_named_operations_stays_as_it_is_known(ours: GraphQLSchema, name: str) -> None:
    priced = OPERATIONS[name]
    assert plan_of(ours, priced.document).requested(priced.variables) == priced.cost


def test_twenty_operations_have_a_known_cost() -> None:
    assert len(OPERATIONS) >= 20


def test_every_list_of_objects_has_its_place_in_the_price_list(ours: GraphQLSchema) -> None:
    """A list whose length nobody knows would make what is selected below it nearly free."""
    known = {*cost.SIZED, *cost.FREE, *cost.LISTS}
    unknown = [
        f"{parent.name}.{name}"
        for parent in ours.type_map.values()
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) and not parent.name.startswith("__")
        if parent is not ours.subscription_type and not parent.name.endswith("Connection")
        for name, field in parent.fields.items()
        if is_list_type(get_nullable_type(field.type)) and not is_leaf_type(get_named_type(field.type))
        if f"{parent.name}.{name}" not in known and name != cost.ERRORS
    ]
    assert unknown == []


def test_every_priced_type_is_there(ours: GraphQLSchema) -> None:
    assert set(cost.BY_TYPE) <= set(ours.type_map)
    for coordinate in {*cost.FREE, *cost.SIZED, *cost.LISTS}:
        parent, field = coordinate.split(".")
        assert field in ours.type_map[parent].fields  # type: ignore[attr-defined]


SAME = {
    "a default": ("query ($n: Int = 10) { links(first: $n) { nodes { id } } }", None, 11),
    "a variable that beats the default": ("query ($n: Int = 10) { links(first: $n) { nodes { id } } }", {"n": 3}, 4),
    "null, which is left out": ("query ($n: Int = 10) { links(first: $n) { nodes { id } } }", {"n": None}, 26),
    "a size that will be refused": ("query ($n: Int) { links(first: $n) { nodes { id } } }", {"n": 10**9}, 101),
    "a size below zero": ("{ links(first: -5) { nodes { id } } }", None, 1),
    "no number": ("query ($n: Int) { links(first: $n) { nodes { id } } }", {"n": "many"}, 101),
    "only the page's place": ("{ links(first: 50) { pageInfo { hasNextPage } } }", None, 51),
    "the same field twice": ("{ viewer { scopes } viewer { actor { id } } }", None, 2),
    "the same field by fragments": (
        (
            "{ ...A ...B } fragment A on Query { viewer { actor { id } } } "
            "fragment B on Query { viewer { actor { name } } }"
        ),
        None,
        2,
    ),
    "the same field under two names": ("{ a: viewer { scopes } b: viewer { scopes } }", None, 2),
    "an interface's field": (
        ('{ node(id: "a") { ... on HasAnalytics { analytics { asOf } } ... on Link { analytics { asOf } } } }'),
        None,
        3,
    ),
    "what is skipped": (
        "query ($s: Boolean!) { viewer @skip(if: $s) { scopes actor { id } } workspace { name } }",
        {"s": True},
        1,
    ),
    "what is included": (
        "query ($s: Boolean!) { ... @include(if: $s) { workspace { name defaultDomain { id } } } }",
        {"s": True},
        2,
    ),
    "what is not included": (
        (
            "query ($s: Boolean!) { viewer { scopes } ...F @include(if: $s) } "
            "fragment F on Query { workspace { defaultDomain { id } } }"
        ),
        {"s": False},
        1,
    ),
    "rows of a top": (
        "{ workspace { analytics { top(dimension: LINK, first: 9) { rows { node { id } } } } } }",
        None,
        15,
    ),
    "an id alone for a list": ('{ nodes(ids: "a") { id } }', None, 1),
    "ids in a list with a variable": ('query ($a: ID!) { nodes(ids: [$a, "b"]) { id } }', {"a": "a"}, 2),
    "a page in a page": (PAGED, {"n": 10}, 1 + 10 * (1 + 1 + 5)),
}


@pytest.mark.parametrize("name", SAME)
def test_variables_fragments_and_directives_count_as_they_will_run(ours: GraphQLSchema, name: str) -> None:
    document, variables, expected = SAME[name]
    assert plan_of(ours, document).requested(variables) == expected


LINK_ANALYTICS = "analytics { totals { clicks } timeseries { points { clicks } } }"
OF_LINK = f"node {{ link {{ {LINK_ANALYTICS} }} }}"
EVENTS = {
    "a click": ("subscription { clickRecorded { cursor node { id link { code domain { id } } } } }", 0, 0),
    "a click's link": (f"subscription {{ clickRecorded {{ {OF_LINK} }} }}", 5, 5),
    "other clicks": ("subscription { clickRecorded { node { link { clicks(first: 9) { nodes { id } } } } } }", 9, 9),
    "links": ("subscription ($ids: [ID!]!) { linksClicked(ids: $ids) { id domain { id } } }", 0, 0),
    "links' numbers": (f"subscription ($ids: [ID!]!) {{ linksClicked(ids: $ids) {{ {LINK_ANALYTICS} }} }}", 15, 5),
    "parts that may be left out": (
        f"subscription ($s: Boolean!) {{ clickRecorded {{ cursor ... @include(if: $s) {{ {OF_LINK} }} }} }}",
        5,
        5,
    ),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_message_costs_what_has_to_be_read_for_it(ours: GraphQLSchema, name: str) -> None:
    document, most, of_one = EVENTS[name]
    plan, variables = plan_of(ours, document), {"ids": ["a", "b", "c"], "s": True}
    assert plan.requested(variables) == cost.SUBSCRIPTION
    assert plan.message(variables) == most
    assert [plan.message(variables, things) for things in (1, 2)] == [of_one, 2 * of_one]


def test_each_operation_of_a_document_has_its_own_cost(ours: GraphQLSchema) -> None:
    document = ValidDocument(ours, parse("query A { viewer { scopes } } query B { links { nodes { id } } }"))
    assert [document.plan(name).requested(None) for name in ("A", "B", "A")] == [1, 26, 1]


MANY = "mutation ($i: CreateLinksInput!) { createLinks(input: $i) { results { created link { id } } } }"
OF_ONE = 'mutation ($c: String) { createLinks(input: {items: {destinationUrl: "a", code: $c}}) { results { %s } } }'


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        (MANY, {"i": {"items": [{}] * 500}}, 10 + 100 + 500),
        (MANY, {"i": {"items": {}}}, 10 + 1 + 1),  # one alone is read as a list of one
        (MANY, {"i": {"items": []}}, 10),
        (OF_ONE % "created", {"c": "a"}, 10 + 1),
        (OF_ONE % "link { id analytics { totals { clicks } } }", {"c": "a"}, 10 + 1 + 1 + 3),
        (
            (
                "mutation ($l: [DeactivateLinkInput!]!) { deactivateLinks(input: {items: $l}) "
                "{ results { link { clicks(first: 9) { nodes { id } } domain { id } } } } }"
            ),
            {"l": [{}, {}, {}]},
            10 + 1 + 3 * (1 + 1 + 9 + 1),
        ),
    ],
)
def test_many_changes_cost_what_is_asked_for_each(
    ours: GraphQLSchema, document: str, variables: dict[str, Any], expected: int
) -> None:
    assert plan_of(ours, document).requested(variables) == expected


def test_results_that_are_not_there_are_given_back(ours: GraphQLSchema) -> None:
    plan = plan_of(ours, MANY)
    variables: dict[str, Any] = {"i": {"items": [{}] * 20}}
    assert plan.actual(variables, {"createLinks": {"results": []}}) == 10 + 4
    results = [{"created": True, "link": {"id": "a"}}] * 20
    assert plan.actual(variables, {"createLinks": {"results": results}}) == plan.requested(variables) == 34


TO_COME = build_schema(
    """
    type Query { links(first: Int, filter: LinkFilter): LinkConnection }
    type LinkConnection { nodes: [Link] }
    type Link { id: ID }
    input LinkFilter { code: StringFilter and: [LinkFilter!] }
    input StringFilter { eq: String contains: String }
    type Mutation { createLinks(input: Items): Payload }
    input Items { items: [Int] }
    type Payload { done: Int }
    type Subscription { told: Link }
    """
)


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        ('{ links(first: 1, filter: {code: {eq: "a"}}) { nodes { id } } }', None, 2),
        ('{ links(first: 1, filter: {code: {contains: "a"}}) { nodes { id } } }', None, 7),
        ("query ($f: LinkFilter) { links(first: 1, filter: $f) { nodes { id } } }", None, 2),
        (
            "query ($f: LinkFilter) { links(first: 1, filter: $f) { nodes { id } } }",
            {"f": {"and": [{"code": {"contains": "a"}}]}},
            7,
        ),
        ("mutation ($i: Items) { createLinks(input: $i) { done } }", {"i": {"items": [1] * 500}}, 110),
        ("mutation { createLinks(input: {items: [1, 2, 3]}) { done } }", None, 11),
        ("subscription { told { id } }", None, 10),
    ],
)
def test_prices_for_what_the_schema_will_have(document: str, variables: dict[str, Any] | None, expected: int) -> None:
    assert plan_of(TO_COME, document).requested(variables) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"links": {"nodes": []}}, 1),
        ({"links": {"nodes": [{"clicks": {"nodes": [{}, {}]}}, {"clicks": {"nodes": []}}]}}, 1 + (1 + 1 + 2) + (1 + 1)),
        ({"links": {"nodes": [{"clicks": None}]}}, 1 + 1 + 1 + 5),  # it failed, and may have cost all it was asked for
        ({"links": None}, 71),
        (None, 71),
        ({"links": {"nodes": [{"clicks": {"nodes": [{}] * 5}}] * 10}}, 71),
    ],
)
def test_an_answer_costs_what_its_pages_hold(ours: GraphQLSchema, data: Any, expected: int) -> None:
    plan = plan_of(ours, PAGED)
    assert plan.requested({"n": 10}) == 71
    assert plan.actual({"n": 10}, data) == expected


def test_edges_and_rows_count_as_nodes_do(ours: GraphQLSchema) -> None:
    edges = plan_of(ours, "{ l: links { e: edges { n: node { clicks { nodes { id } } } } } }")
    click: dict[str, Any] = {"nodes": [{}]}
    assert edges.actual(None, {"l": {"e": [{"n": {"clicks": click}}]}}) == 1 + 1 + 1 + 1
    rows = plan_of(ours, "{ workspace { analytics { top(dimension: LINK) { rows { node { id } } } } } }")
    assert rows.requested(None) == 16
    assert rows.actual(None, {"workspace": {"analytics": {"top": {"rows": [{}, {}]}}}}) == 8


async def cost_of(api: Api, document: str, variables: dict[str, Any] | None = None, **given: str) -> Any:
    return (await api.post(document, variables, **given)).json()["extensions"]["cost"]


@pytest.mark.database
async def test_every_answer_says_what_it_cost(api: Api) -> None:
    await api.create(code="a")
    unlimited = {"limit": None, "remaining": None, "restoreRate": None}
    for _ in range(2):  # the second time from the cache
        assert await cost_of(api, "{ links { nodes { id } } }") == {"requested": 26, "actual": 2, **unlimited}
    for ill_formed in ("{", "{ nothing }", "{ viewer { nothing } }", "{ ...A } fragment A on Query { ...A }"):
        assert await cost_of(api, ill_formed) == {"requested": 1, "actual": 1, **unlimited}
    assert await cost_of(api, "query ($n: Int!) { links(first: $n) { nodes { id } } }", {"n": "x"}) == {
        "requested": 101,
        "actual": 1,
        **unlimited,
    }
    assert (await cost_of(api, "{ viewer { scopes } }", key=""))["actual"] == 1


@pytest.mark.database
async def test_a_long_document_costs_more_until_it_is_known(api: Api) -> None:
    long = "{ viewer { scopes } } # " + "-" * 5_000
    assert [(await cost_of(api, long))["actual"] for _ in range(3)] == [6, 1, 1]
    assert (await cost_of(api, "{ nothing } # " + "-" * 5_000))["actual"] == 6


@pytest.mark.database
async def test_an_operation_above_the_ceiling_does_not_run(database: Database) -> None:
    api = await make_api(database, max_query_cost=100)
    document = "query ($n: Int) { links(first: $n) { nodes { id } } }"
    assert (await api.post(document, {"n": 99})).status_code == 200
    for _ in range(2):
        refused = await api.post(document, {"n": 100})
        assert refused.status_code == 422
        assert "data" not in refused.json()
        extensions = refused.json()["errors"][0]["extensions"]
        assert extensions == {"code": "QUERY_TOO_COMPLEX", "requested": 101, "limit": 100}


@pytest.mark.database
async def test_a_mutation_above_the_ceiling_changes_nothing(database: Database) -> None:
    api = await make_api(database, max_query_cost=10)
    assert await api.codes(CREATE, {"input": {"destinationUrl": "https://example.com/"}}) == ["QUERY_TOO_COMPLEX"]
    assert await api.ask("{ links(first: 0) { totalCount } }") == {"links": {"totalCount": 0}}


@pytest.mark.database
async def test_the_workspace_says_what_requests_are_bound_by(database: Database) -> None:
    api = await make_api(database, max_query_cost=1_500, click_retention_days=30)
    limits = "{ workspace { limits { maxPageSize maxBulkItems maxQueryCost maxTimeseriesPoints clickRetentionDays } } }"
    assert (await api.ask(limits))["workspace"]["limits"] == {
        "maxPageSize": 100,
        "maxBulkItems": 500,
        "maxQueryCost": 1_500,
        "maxTimeseriesPoints": 2_000,
        "clickRetentionDays": 30,
    }
