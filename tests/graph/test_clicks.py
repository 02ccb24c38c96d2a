"""Lists of single clicks: pages, ids that are cursors, and who may see them."""

from datetime import timedelta
from typing import Any

import pytest

from graph import ids
from graph.clicks import id_of, key_of
from models.click_lists import ClickKey
from models.keys import Scope
from tests.graph.api import Api
from tests.graph.clicked import CRAWLER, Clicked, at

pytestmark = pytest.mark.database

CLICKS = """
query ($first: Int, $after: String, $range: TimeRangeInput, $filter: ClickFilter) {
  link(by: {code: "a"}) { clicks(first: $first, after: $after, range: $range, filter: $filter) {
    edges { cursor node { id } }
    nodes { id occurredAt kind unique country referrer browser os device language utmSource utmMedium utmCampaign
      link { code } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  } }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { id __typename ... on Click { occurredAt link { code } } } }"


async def page(api: Api, **given: Any) -> Any:
    return (await api.ask(CLICKS, given))["link"]["clicks"]


async def make_clicks(clicked: Clicked, count: int) -> None:
    """Clicks of link "a", two at a time in the same instant, and one of a bot."""
    a, b = await clicked.link("a"), await clicked.link("b")
    await clicked.store(
        *(clicked.visit(a, at(29) + timedelta(minutes=number // 2), visitor=number % 3) for number in range(count)),
        clicked.visit(a, at(30), kind=CRAWLER, bot="Googlebot"),
        clicked.visit(b, at(30)),
    )


async def test_a_click_is_shown_with_all_that_is_known(api: Api, clicked: Clicked) -> None:
    a = await clicked.link("a")
    utm = {"utm_source": "mail", "utm_medium": "letter", "utm_campaign": "spring"}
    facts = {"country": "DE", "referrer": "news.example", "browser": "Firefox", "os": "Linux", "language": "de"}
    await clicked.store(clicked.visit(a, at(29), visitor=1, device="TABLET", **facts, **utm))

    (node,) = (await page(api))["nodes"]

    assert node.pop("id").startswith("clk_")
    assert node == {
        "occurredAt": "2026-03-29T12:00:00.000Z",
        "kind": "PERSON",
        "unique": True,
        "device": "TABLET",
        **facts,
        "utmSource": "mail",
        "utmMedium": "letter",
        "utmCampaign": "spring",
        "link": {"code": "a"},
    }


async def test_pages_meet_every_click_once_newest_first(api: Api, clicked: Clicked) -> None:
    await make_clicks(clicked, 7)
    met, after = [], None
    while True:
        found = await page(api, first=2, after=after)
        assert [edge["node"]["id"] for edge in found["edges"]] == [node["id"] for node in found["nodes"]]
        assert found["pageInfo"]["hasPreviousPage"] == (after is not None)
        met += found["nodes"]
        after = found["pageInfo"]["endCursor"]
        assert after == found["edges"][-1]["cursor"] == found["nodes"][-1]["id"]
        if not found["pageInfo"]["hasNextPage"]:
            break

    times = [node["occurredAt"] for node in met]
    assert times == sorted(times, reverse=True)
    assert len({node["id"] for node in met}) == len(met) == 7
    assert {node["kind"] for node in met} == {"PERSON"}


async def test_bots_are_listed_when_asked_for(api: Api, clicked: Clicked) -> None:
    await make_clicks(clicked, 3)

    bots = await page(api, filter={"kind": ["CRAWLER"]})
    everyone = await page(api, filter={"kind": ["PERSON", "CRAWLER"]})

    assert [node["kind"] for node in bots["nodes"]] == ["CRAWLER"]
    assert len(everyone["nodes"]) == 4


async def test_a_workspaces_clicks_are_those_of_all_links(api: Api, clicked: Clicked) -> None:
    await make_clicks(clicked, 3)
    document = """{ workspace { clicks(range: {period: ALL_TIME}) { nodes { link { code } } }
      now: clicks { nodes { id } } } }"""

    workspace = (await api.ask(document))["workspace"]

    assert sorted(node["link"]["code"] for node in workspace["clicks"]["nodes"]) == ["a", "a", "a", "b"]
    assert len(workspace["now"]["nodes"]) <= 4  # of the last hour


async def test_a_click_is_found_by_its_id_where_it_belongs(api: Api, clicked: Clicked) -> None:
    await make_clicks(clicked, 2)
    given = (await page(api, first=1))["nodes"][0]["id"]
    theirs = await api.new_key(workspace_id=await api.new_workspace())

    found = (await api.ask(NODE, {"id": given}))["node"]

    assert found == {
        "id": given,
        "__typename": "Click",
        "occurredAt": "2026-03-29T12:00:00.000Z",
        "link": {"code": "a"},
    }
    assert await api.ask(NODE, {"id": given}, key=theirs) == {"node": None}
    assert await api.codes(NODE, {"id": given}, key=await api.new_key({Scope.LINKS_READ})) == ["FORBIDDEN"]


NOT_CURSORS = ["", "clk_", "clk_1", "lnk_00000000000", "clk_" + "z" * 33, "clk_" + "0" * 34, "clk_" + "ü" * 33]
NOT_CURSORS += ["0" * 33, "clk_" + "0" * 22 + "zzzzzzzzzzz", "clk_AzL8n0Y58m7" + "0" * 22]


async def test_what_is_no_cursor_is_refused_and_what_is_no_id_is_null(api: Api, clicked: Clicked) -> None:
    await clicked.link("a")
    for text in NOT_CURSORS:
        assert await api.codes(CLICKS, {"after": text}) == ["BAD_REQUEST"], text
        assert await api.ask(NODE, {"id": text}) == {"node": None}, text
    for first in (-1, 101):
        assert await api.codes(CLICKS, {"first": first}) == ["BAD_REQUEST"]
    assert (await page(api, first=0))["nodes"] == []


def test_an_id_says_which_click_it_is() -> None:
    for key in (
        ClickKey(at(29, 8, 0, 1), 1, 0),
        ClickKey(at(1) + timedelta(microseconds=1), 2**63 - 1, 2**31 - 1),
    ):
        assert key_of(id_of(key)) == key
    assert key_of(ids.encode(ids.CLICK, 1) + ids.encode("", 1) + ids.encode("", 2**31)) is None


async def test_a_click_without_links_read_is_shown_without_its_link(api: Api, clicked: Clicked) -> None:
    await make_clicks(clicked, 2)
    key = await api.new_key({Scope.ANALYTICS_READ})
    alone = "{ workspace { name clicks(range: {period: ALL_TIME}) { nodes { occurredAt } } } }"
    with_link = "{ workspace { name clicks(range: {period: ALL_TIME}) { nodes { link { code } } } } }"

    assert len((await api.ask(alone, key=key))["workspace"]["clicks"]["nodes"]) == 3
    answer = (await api.post(with_link, key=key)).json()
    assert answer["data"]["workspace"]["name"] and answer["data"]["workspace"]["clicks"] is None
    assert {error["extensions"]["requiredScope"] for error in answer["errors"]} == {"LINKS_READ"}
