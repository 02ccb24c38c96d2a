"""The list of links: pages in both directions, order, filter, search, and cursors that do not fit."""

import base64
import json
from itertools import product
from typing import Any

import pytest

from models.keys import Scope
from tests.graph.api import DEACTIVATE, UPDATE, Api
from tests.graph.clicked import CRAWLER, Clicked, at

pytestmark = pytest.mark.database

LIST = """
query (
  $first: Int, $after: String, $last: Int, $before: String,
  $filter: LinkFilter, $search: String, $orderBy: LinkOrder
) {
  links(
    first: $first, after: $after, last: $last, before: $before,
    filter: $filter, search: $search, orderBy: $orderBy
  ) {
    edges { cursor node { code } }
    nodes { code }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""


async def page(api: Api, **given: Any) -> Any:
    return (await api.ask(LIST, given))["links"]


async def codes(api: Api, **given: Any) -> str:
    return "".join(node["code"] for node in (await page(api, **given))["nodes"])


async def make_links(api: Api, names: str, **given: Any) -> None:
    """One link for each character, a second apart."""
    for name in names:
        await api.create(code=name, **given)
        api.clock.advance()


async def walk(api: Api, *, backward: bool, size: int, **given: Any) -> str:
    """The codes of all pages, one after the other, as they are reached."""
    seen, cursor = "", None
    while True:
        part = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        answer = await page(api, **part, **given)
        assert [edge["node"] for edge in answer["edges"]] == answer["nodes"]
        reached = "".join(node["code"] for node in answer["nodes"])
        seen = reached + seen if backward else seen + reached
        info = answer["pageInfo"]
        assert (
            info["startCursor"] == answer["edges"][0]["cursor"] and info["endCursor"] == answer["edges"][-1]["cursor"]
        )
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return seen
        cursor = info["startCursor" if backward else "endCursor"]


async def test_pages_give_each_link_once_in_every_order_and_both_directions(api: Api) -> None:
    await make_links(api, "cabed")
    await api.ask(UPDATE, {"input": {"link": {"code": "a"}, "title": "newest"}})
    expected = {
        ("CREATED_AT", "DESC"): "debac",
        ("CREATED_AT", "ASC"): "cabed",
        ("UPDATED_AT", "DESC"): "adebc",
        ("UPDATED_AT", "ASC"): "cbeda",
        ("CODE", "ASC"): "abcde",
        ("CODE", "DESC"): "edcba",
    }
    for (field, direction), order in expected.items():
        for size in (1, 2, 5, 100):
            for backward in (False, True):
                given = {"orderBy": {"field": field, "direction": direction}}
                assert await walk(api, backward=backward, size=size, **given) == order, (field, direction, size)


async def test_links_are_ordered_by_their_clicks(api: Api, clicked: Clicked) -> None:
    links = {code: await clicked.link(code) for code in "abcd"}
    await clicked.store(*(clicked.visit(links[code], at(hour)) for hour, code in enumerate("bbacb", start=10)))
    await clicked.store(clicked.visit(links["d"], at(30), kind=CRAWLER))
    expected = {
        ("CLICK_COUNT", "DESC"): "bcad",
        ("CLICK_COUNT", "ASC"): "dacb",
        ("LAST_CLICKED_AT", "DESC"): "bcad",
        ("LAST_CLICKED_AT", "ASC"): "dacb",
    }
    for (field, direction), order in expected.items():
        for size, backward in product((1, 3, 100), (False, True)):
            given = {"orderBy": {"field": field, "direction": direction}}
            assert await walk(api, backward=backward, size=size, **given) == order, (field, direction, size)


async def test_links_made_at_the_same_instant_are_all_there(api: Api) -> None:
    for name in "abcde":
        await api.create(code=name)

    assert sorted(await walk(api, backward=False, size=2)) == list("abcde")
    assert await walk(api, backward=True, size=2) == await walk(api, backward=False, size=2)


async def test_a_page_is_not_moved_by_links_made_meanwhile(api: Api) -> None:
    await make_links(api, "abcd")
    first = await page(api, first=2)
    await make_links(api, "e")

    assert await codes(api, first=2, after=first["pageInfo"]["endCursor"]) == "ba"


async def test_the_newest_25_come_first_unless_asked_otherwise(api: Api) -> None:
    for number in range(26):
        await api.create(code=f"n{number}")
        api.clock.advance()

    answer = await page(api)

    assert [node["code"] for node in answer["nodes"]] == [f"n{number}" for number in range(25, 0, -1)]
    assert answer["pageInfo"]["hasNextPage"] is True and answer["totalCount"] == 26


async def test_null_reads_as_left_out(api: Api) -> None:
    await make_links(api, "ab")
    nulls = {
        "first": None,
        "after": None,
        "last": None,
        "before": None,
        "filter": None,
        "search": None,
        "orderBy": None,
    }

    assert await codes(api, **nulls) == "ba"
    assert await codes(api, orderBy={"field": "CODE", "direction": None}) == "ba"
    assert await codes(api, filter={"status": None}, search=" ") == "ba"
    literal = "{ links(first: null, orderBy: null) { nodes { code } } }"
    assert [node["code"] for node in (await api.ask(literal))["links"]["nodes"]] == ["b", "a"]
    literal = "query ($d: OrderDirection) { links(orderBy: {field: CODE, direction: $d}) { nodes { code } } }"
    assert [node["code"] for node in (await api.ask(literal, {"d": None}))["links"]["nodes"]] == ["b", "a"]


async def test_none_at_all_may_be_asked_for(api: Api) -> None:
    await make_links(api, "ab")
    answer = await page(api, first=0)

    assert answer["nodes"] == [] and answer["totalCount"] == 2
    assert (answer["pageInfo"]["startCursor"], answer["pageInfo"]["hasNextPage"]) == (None, True)


async def test_pages_lie_between_two_cursors(api: Api) -> None:
    await make_links(api, "abcde")
    edges = (await page(api, orderBy={"field": "CODE", "direction": "ASC"}))["edges"]
    between = {"after": edges[0]["cursor"], "before": edges[4]["cursor"]}

    assert await codes(api, orderBy={"field": "CODE", "direction": "ASC"}, first=2, **between) == "bc"
    assert await codes(api, orderBy={"field": "CODE", "direction": "ASC"}, last=2, **between) == "cd"


async def test_the_status_filter_takes_any_of_its_values(api: Api) -> None:
    await make_links(api, "abc")
    await api.ask(DEACTIVATE, {"input": {"link": {"code": "b"}}})
    expected = {("ACTIVE",): "ca", ("DEACTIVATED",): "b", ("ACTIVE", "DEACTIVATED"): "cba", (): ""}

    for statuses, found in expected.items():
        answer = await page(api, filter={"status": statuses})
        assert "".join(node["code"] for node in answer["nodes"]) == found, statuses
        assert answer["totalCount"] == len(found)


async def test_search_looks_in_code_title_notes_and_destination(api: Api) -> None:
    await api.create(code="Needle-1")
    await api.create(code="b", title="a needle")
    await api.create(code="c", notes="NEEDLES")
    await api.create(code="d", destinationUrl="https://example.com/needle")
    await api.create(code="e", title="100%", externalId="needle")

    assert (await page(api, search="needle"))["totalCount"] == 4
    assert await codes(api, search=" 0% ") == "e"
    assert await codes(api, search="_") == ""


async def test_another_workspace_sees_none_of_it(api: Api) -> None:
    await make_links(api, "ab")
    foreign = await api.new_key(workspace_id=await api.new_workspace())

    answer = (await api.ask(LIST, {}, key=foreign))["links"]

    assert (answer["nodes"], answer["totalCount"]) == ([], 0)


BAD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "too many": {"first": 101},
    "too many last": {"last": 101},
    "negative": {"first": -1},
    "negative last": {"last": -1},
    "first and last": {"first": 1, "last": 1},
    "search too long": {"search": "a" * 201},
    "NUL in search": {"search": "a\0"},
    "junk after": {"after": "junk"},
    "empty after": {"after": ""},
    "junk before": {"before": "%%%"},
    "not ASCII": {"after": "ü"},
    "long junk": {"after": "A" * 10_000},
}


async def test_arguments_that_make_no_sense_are_bad_requests(api: Api) -> None:
    for name, given in BAD_ARGUMENTS.items():
        assert await api.codes(LIST, given) == ["BAD_REQUEST"], name


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


async def test_a_cursor_is_refused_under_another_order(api: Api) -> None:
    await make_links(api, "ab")
    by_time = (await page(api))["pageInfo"]["startCursor"]
    by_code = (await page(api, orderBy={"field": "CODE"}))["pageInfo"]["startCursor"]
    misuses = [
        {"after": by_time, "orderBy": {"field": "UPDATED_AT"}},
        {"after": by_time, "orderBy": {"field": "CREATED_AT", "direction": "ASC"}},
        {"before": by_time, "orderBy": {"field": "CODE"}},
        {"after": by_code},
    ]

    for given in misuses:
        assert await api.codes(LIST, given) == ["BAD_REQUEST"], given


async def test_forged_cursors_are_refused_or_harmless(api: Api) -> None:
    await make_links(api, "ab")
    forgeries = [
        forged("CREATED_AT", "DESC", "text", 1),
        forged("CREATED_AT", "DESC", 10**30, 1),
        forged("CREATED_AT", "DESC", -(10**18), 1),
        forged("CREATED_AT", "DESC", 1.5, 1),
        forged("CREATED_AT", "DESC", True, 1),
        forged("CREATED_AT", "DESC", 1, 2**63),
        forged("CREATED_AT", "DESC", 1, -1),
        forged("CREATED_AT", "DESC", 1, "1"),
        forged("CREATED_AT", "DESC", None, None),
        forged("CREATED_AT", "DESC", 1),
        forged("CREATED_AT", ["DESC"], 1, 1),
        forged(["CREATED_AT"], "DESC", 1, 1),
        forged(),
        forged({}),
        forged("CREATED_AT", "DESC", 1, 1, 1),
    ]
    for cursor in forgeries:
        assert await api.codes(LIST, {"after": cursor}) == ["BAD_REQUEST"], cursor
    for given in ("a\0", 1, None):
        cursor = forged("CODE", "DESC", given, 1)
        assert await api.codes(LIST, {"after": cursor, "orderBy": {"field": "CODE"}}) == ["BAD_REQUEST"], given
    for count in ("1", -1, 2**63, 1.5, None):
        cursor = forged("CLICK_COUNT", "DESC", count, 1)
        assert await api.codes(LIST, {"after": cursor, "orderBy": {"field": "CLICK_COUNT"}}) == ["BAD_REQUEST"], count
    assert await codes(api, after=forged("CREATED_AT", "DESC", 0, 1)) == ""
    assert await codes(api, before=forged("CREATED_AT", "DESC", 0, 1)) == "ba"


async def test_a_page_takes_the_same_few_statements_whatever_its_size(api: Api) -> None:
    for _ in range(12):
        await api.create()
    statements = api.statements()
    plain = "query ($n: Int) { links(first: $n) { nodes { id code shortUrl status } pageInfo { hasNextPage } } }"
    nested = "query ($n: Int) { links(first: $n) { nodes { domain { hostname } createdBy { name } } totalCount } }"

    for size in (1, 12):
        statements.clear()
        await api.ask(plain, {"n": size})
        assert len(statements) == 1, statements  # the page
        statements.clear()
        await api.ask(nested, {"n": size})
        assert len(statements) == 4, statements  # and the count, the domains, the keys


async def test_a_key_that_may_not_read_gets_no_list(api: Api) -> None:
    key = await api.new_key({Scope.LINKS_WRITE})

    assert await api.codes(LIST, {}, key=key) == ["FORBIDDEN"]
