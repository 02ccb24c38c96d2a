"""The page about limits says what the code holds to."""

import re

import pytest
from graphql import parse

from graph import charges, click_filters, cost, guard
from graph.answer_size import MOST_POINTS, MOST_ROWS
from graph.api_config import DEADLINE_S
from graph.connections import LARGEST_PAGE, USUAL_PAGE
from graph.document import MOST_ERRORS, ValidDocument
from graph.nodes import LARGEST_REQUEST
from graph.rate import SETS, SLOTS_PER_SET
from graph.requests import LARGEST_BODY
from graph.schema import build_schema
from graph.socket_messages import MOST_OPERATIONS
from graph.top import LARGEST_TOP
from models.click_reads import MAX_CLICKS_READ
from models.intervals import MAX_POINTS
from models.workspaces import LARGEST_BATCH
from server.api_settings import rate_in
from server.request_heads import LARGEST_HEAD
from server.settings import Settings
from tests.graph.operations import OPERATIONS
from tests.serving import PROJECT

PAGE = (PROJECT / "docs" / "limits.md").read_text()
RATE = rate_in(Settings.model_fields["rate_limit"].default)

LIMITS = {
    "Characters": guard.MOST_CHARACTERS,
    "Tokens": guard.MOST_TOKENS,
    "Fields, counted as often as their fragments are used": guard.MOST_FIELDS,
    "Aliases, counted as often as their fragments are used": guard.MOST_ALIASES,
    "Levels of fields": guard.MOST_DEPTH,
    "Levels of introspection": guard.MOST_INTROSPECTION_DEPTH,
    "Levels of selections and fragments within each other": guard.MOST_NESTING,
    "Fields at one place of the answer": guard.MOST_REPEATS,
    "Root fields of a query": guard.MOST_ROOT_QUERIES,
    "Root fields of a mutation": guard.MOST_ROOT_MUTATIONS,
    "Fragments": guard.MOST_FRAGMENTS,
    "Directives": guard.MOST_DIRECTIVES,
    "Characters of a number": guard.MOST_DIGITS,
    "Errors in an answer": MOST_ERRORS,
    "Values in a list": guard.MOST_ITEMS,
    "Levels of lists and objects within each other": guard.MOST_VALUE_DEPTH,
    "Values in all variables": guard.MOST_VALUES,
    "Bytes of its first line and headers": LARGEST_HEAD,
    "Bytes of a body": LARGEST_BODY,
    "Seconds for an operation (`KURZ_API_DEADLINE`)": DEADLINE_S,
    "Points for an operation (`KURZ_MAX_QUERY_COST`)": Settings.model_fields["max_query_cost"].default,
    "Items of a page": LARGEST_PAGE,
    "Ids for `nodes`": LARGEST_REQUEST,
    "Items of a mutation of many links (`kurz workspaces limit`)": LARGEST_BATCH,
    "Rows of a `top`": LARGEST_TOP,
    "Rows of all `top` together": MOST_ROWS,
    "Points of a time series": MAX_POINTS,
    "Points of all time series together": MOST_POINTS,
    "Values in a field of a click filter": click_filters.MOST_VALUES,
    "Clicks read by one statement (`KURZ_MAX_CLICKS_READ`)": MAX_CLICKS_READ,
    "Points of a budget (`KURZ_RATE_LIMIT`)": RATE.capacity,
    "Points that come back each second (`KURZ_RATE_LIMIT`)": RATE.per_second,
    "Subscriptions on one WebSocket": MOST_OPERATIONS,
}

PRICES = {
    "an object": cost.OBJECT,
    "a connection": cost.OBJECT,
    "`totalCount`": cost.TOTAL_COUNT,
    "`analytics`": cost.BY_TYPE["Analytics"],
    "`totals`": cost.OBJECT,
    "`timeseries`": cost.BY_TYPE["TimeSeries"],
    "`top`": cost.BY_TYPE["TopValues"],
    "`search`, or `contains` in a filter": cost.SEARCH,
    "a mutation": cost.MUTATION,
    "`createLinks`, `updateLinks`, `deactivateLinks`": cost.MUTATION,
    "a subscription": cost.SUBSCRIPTION,
    "`__schema`": cost.INTROSPECTION["__schema"],
    "`__type`": cost.INTROSPECTION["__type"],
    "an operation that is not valid": cost.LEAST,
}


def rows() -> dict[str, str]:
    """The first two columns of all tables."""
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE))


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_limit_is_what_the_code_has() -> None:
    written = rows()
    assert {name: number(written[name]) for name in LIMITS} == LIMITS


def test_every_limit_of_the_guard_is_written_down() -> None:
    text = (PROJECT / "tests" / "graph" / "test_limits.py").read_text()
    assert [name for name in vars(guard) if name.startswith("MOST_") and f"guard.{name}," not in text] == []


@pytest.mark.parametrize("name", PRICES)
def test_every_price_is_what_the_code_has(name: str) -> None:
    first = re.match(r"[\d,]+", rows()[name])
    assert first and number(first[0]) == PRICES[name]


def test_what_is_told_in_sentences_is_so() -> None:
    for sentence in (
        f"`last`, {USUAL_PAGE} unless given",
        f"1 for every {cost.ITEMS_PER_POINT} items",
        f"1 for every {charges.MESSAGES_PER_POINT} messages",
        f"1 for every {charges.CHARACTERS_PER_POINT:,} characters",
        f"It holds {RATE.capacity:,} and gets {RATE.per_second} back every second",
        f"room for {SETS * SLOTS_PER_SET:,} callers",
        f"of its /{charges.IPV6_PREFIX} network",
    ):
        assert sentence in PAGE


def test_the_dashboard_costs_what_the_page_says() -> None:
    document = ValidDocument(build_schema()._schema, parse(OPERATIONS["dashboard of 20 links"].document))
    assert f"= {document.plan(None).requested(None)} points" in PAGE
