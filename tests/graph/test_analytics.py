"""Analytics in the API: the numbers of links and of the workspace, in how many statements, and who may see them."""

import re
from pathlib import Path
from typing import Any

import pytest

from graph import ids
from models.keys import Scope
from tests.graph.api import Api
from tests.graph.clicked import CRAWLER, HEAD, Clicked, at, between, days

pytestmark = pytest.mark.database

TABS = Path(__file__).parents[2] / "ui" / "src" / "tabs"

ASKED = "$range: TimeRangeInput, $timezone: TimeZone, $filter: ClickFilter"
GIVEN = "(range: $range, timezone: $timezone, filter: $filter)"
EVERYTHING = """
fragment Everything on Analytics {
  range { start end timezone }
  totals { clicks uniqueClicks botClicks }
  comparison { range { start end } totals { clicks } change { clicks uniqueClicks } timeseries(interval: DAY) { interval
    points { start clicks } } }
  timeseries(interval: DAY) { interval points { start clicks uniqueClicks botClicks partial } }
  referrers: top(dimension: REFERRER, first: 1) { rows { key label clicks uniqueClicks botClicks share node { id } }
    other { clicks uniqueClicks botClicks } }
  bots: top(dimension: BOT, orderBy: BOT_CLICKS) { rows { key botClicks share } }
}
"""
SELECTED = f"analytics{GIVEN} {{ ...Everything }}"
LINK = f"query ($code: String!, {ASKED}) {{ link(by: {{code: $code}}) {{ {SELECTED} }} }}{EVERYTHING}"
WORKSPACE = f"query ({ASKED}) {{ workspace {{ {SELECTED} }} }}{EVERYTHING}"


async def of_link(api: Api, code: str, **given: Any) -> Any:
    return (await api.ask(LINK, {"code": code, **given}))["link"]["analytics"]


async def of_workspace(api: Api, **given: Any) -> Any:
    return (await api.ask(WORKSPACE, given))["workspace"]["analytics"]


async def make_week(clicked: Clicked) -> tuple[int, int]:
    """Two links: "a" with four people and two bots on 28 and 29 March, "b" with one person."""
    a, b = await clicked.link("a"), await clicked.link("b")
    await clicked.store(
        clicked.visit(a, at(28, 22, 30), visitor=1, referrer="news.example"),
        clicked.visit(a, at(28, 22, 59, 59), visitor=1, referrer="news.example", country="DE"),
        clicked.visit(a, at(28, 23, 0), visitor=2, country="DE"),
        clicked.visit(b, at(29, 21, 0), visitor=1, country="FR"),
        clicked.visit(a, at(29, 22, 0), visitor=3, referrer="other.example"),
        clicked.visit(a, at(29, 12), kind=CRAWLER, bot="Googlebot"),
        clicked.visit(a, at(29, 12), kind=HEAD),
    )
    return a, b


async def test_a_links_numbers_in_its_zone(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)

    found = await of_link(api, "a", range=days(28, 29), timezone="Europe/Berlin")

    # The 29th begins an hour before UTC's, and has 23 hours.
    start, middle, end = (
        "2026-03-28T00:00:00.000+01:00",
        "2026-03-29T00:00:00.000+01:00",
        "2026-03-30T00:00:00.000+02:00",
    )
    assert found["range"] == {"start": start, "end": end, "timezone": "Europe/Berlin"}
    assert found["totals"] == {"clicks": 3, "uniqueClicks": 2, "botClicks": 2}
    assert found["timeseries"] == {
        "interval": "DAY",
        "points": [
            {"start": start, "clicks": 2, "uniqueClicks": 1, "botClicks": 0, "partial": False},
            {"start": middle, "clicks": 1, "uniqueClicks": 1, "botClicks": 2, "partial": False},
        ],
    }
    assert found["referrers"] == {
        "rows": [
            {
                "key": "news.example",
                "label": "news.example",
                "clicks": 2,
                "uniqueClicks": 1,
                "botClicks": 0,
                "share": pytest.approx(2 / 3),
                "node": None,
            }
        ],
        "other": {"clicks": 1, "uniqueClicks": 1, "botClicks": 2},
    }
    assert found["bots"]["rows"] == [
        {"key": "Googlebot", "botClicks": 1, "share": 0.5},
        {"key": None, "botClicks": 1, "share": 0.5},
    ]


async def test_a_workspaces_numbers_are_those_of_its_links(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)

    found = await of_workspace(api, range=days(28, 29))

    assert found["range"]["timezone"] == "UTC" and found["range"]["start"] == "2026-03-28T00:00:00.000Z"
    assert found["totals"] == {"clicks": 5, "uniqueClicks": 4, "botClicks": 2}
    assert [point["clicks"] for point in found["timeseries"]["points"]] == [3, 2]


async def test_a_range_is_compared_with_the_one_before(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)

    found = await of_link(api, "a", range=days(29, 29))

    assert found["comparison"] == {
        "range": {"start": "2026-03-28T00:00:00.000Z", "end": "2026-03-29T00:00:00.000Z"},
        "totals": {"clicks": 3},
        "change": {"clicks": pytest.approx(-2 / 3), "uniqueClicks": pytest.approx(-1 / 2)},
        "timeseries": {"interval": "DAY", "points": [{"start": "2026-03-28T00:00:00.000Z", "clicks": 3}]},
    }
    document = """{ link(by: {code: "a"}) { analytics(range: {days: {from: "2026-03-28", to: "2026-03-29"}}) {
      comparison(to: PREVIOUS_YEAR) { range { start } change { clicks uniqueClicks } } } } }"""
    before = (await api.ask(document))["link"]["analytics"]["comparison"]
    assert before == {
        "range": {"start": "2025-03-28T00:00:00.000Z"},
        "change": {"clicks": None, "uniqueClicks": None},
    }


async def test_all_time_begins_with_its_owner_and_nothing_precedes_it(api: Api, clicked: Clicked) -> None:
    a = await clicked.link("a")
    await clicked.store(clicked.visit(a, at(29, 12), visitor=1))
    document = """{ link(by: {code: "a"}) { clickCount lastClickedAt analytics(range: {period: ALL_TIME}) {
      range { start } totals { clicks uniqueClicks } comparison { range { start } } } } }"""

    link = (await api.ask(document))["link"]

    assert (link["clickCount"], link["lastClickedAt"]) == (1, "2026-03-29T12:00:00.000Z")
    assert link["analytics"] == {
        "range": {"start": "2026-03-29T08:00:00.000Z"},
        "totals": {"clicks": 1, "uniqueClicks": 1},
        "comparison": None,
    }


async def test_as_of_is_within_the_range_that_runs(api: Api) -> None:
    document = "{ workspace { analytics(range: {period: LAST_HOUR}) { asOf range { start end } } } }"

    found = (await api.ask(document))["workspace"]["analytics"]

    assert found["range"]["start"] < found["asOf"] < found["range"]["end"]


FILTERS: dict[str, tuple[dict[str, Any], int]] = {
    "everyone": ({}, 3),
    "null is left out": ({"country": None}, 3),
    "a country": ({"country": ["DE"]}, 2),
    "unknown": ({"country": [None]}, 1),
    "a country or unknown": ({"country": ["DE", None]}, 3),
    "fields are joined by and": ({"country": ["DE"], "referrer": [None]}, 1),
    "no value": ({"country": []}, 0),
    "a kind": ({"kind": ["CRAWLER", "HEAD"]}, 0),
    "a device": ({"device": ["DESKTOP"]}, 3),
    "not a text that can be": ({"browser": ["a\0", "\U0010ffff"]}, 0),
    "not a link's id": ({"link": ["nonsense"]}, 0),
    "no link's id": ({"link": ["lnk_00000000000"]}, 0),
}


async def test_filters_take_what_they_say(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)
    for name, (given, clicks) in FILTERS.items():
        found = await of_link(api, "a", range=between(at(28), at(29, 1)), filter=given)
        assert found["totals"]["clicks"] == clicks, name


async def test_a_workspace_is_filtered_by_links(api: Api, clicked: Clicked) -> None:
    a, b = await make_week(clicked)
    for links, clicks in (([a], 4), ([b], 1), ([a, b], 5)):
        chosen = {"link": [ids.encode(ids.LINK, link) for link in links]}
        assert (await of_workspace(api, range=days(28, 29), filter=chosen))["totals"]["clicks"] == clicks


TOP_LINKS = """{ workspace { analytics(range: {days: {from: "2026-03-28", to: "2026-03-29"}}) {
  top(dimension: LINK) { rows { key label clicks node { id ... on Link { code } } } } } } }"""


async def test_links_are_ranked_with_their_names(api: Api, clicked: Clicked) -> None:
    keys = [ids.encode(ids.LINK, number) for number in await make_week(clicked)]

    rows = (await api.ask(TOP_LINKS))["workspace"]["analytics"]["top"]["rows"]

    assert rows == [
        {"key": key, "label": f"sho.rt/{code}", "clicks": clicks, "node": {"id": key, "code": code}}
        for key, code, clicks in zip(keys, "ab", (4, 1), strict=True)
    ]


async def test_a_key_without_links_read_sees_ids_instead_of_links(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)

    answer = (await api.post(TOP_LINKS, key=await api.new_key({Scope.ANALYTICS_READ}))).json()

    rows = answer["data"]["workspace"]["analytics"]["top"]["rows"]
    assert all(row["label"] == row["key"] and row["node"] is None and row["clicks"] for row in rows)
    assert {error["extensions"]["requiredScope"] for error in answer["errors"]} == {"LINKS_READ"}


async def test_analytics_need_analytics_read_and_the_count_does_not(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)
    document = """{ link(by: {code: "a"}) { clickCount lastClickedAt analytics { totals { clicks } }
      clicks { nodes { id } } } }"""

    answer = (await api.post(document, key=await api.new_key({Scope.LINKS_READ}))).json()

    assert answer["data"]["link"] == {
        "clickCount": 4,
        "lastClickedAt": "2026-03-29T22:00:00.000Z",
        "analytics": None,
        "clicks": None,
    }
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    assert {error["extensions"]["requiredScope"] for error in answer["errors"]} == {"ANALYTICS_READ"}


async def test_another_workspace_sees_none_of_it(api: Api, clicked: Clicked) -> None:
    a, _ = await make_week(clicked)
    theirs = await api.new_key(workspace_id=await api.new_workspace())
    given = {"range": days(28, 29), "filter": {"link": [ids.encode(ids.LINK, a)]}}

    for variables in (given, given | {"filter": None}):
        found = (await api.ask(WORKSPACE, variables, key=theirs))["workspace"]["analytics"]
        assert found["totals"] == {"clicks": 0, "uniqueClicks": 0, "botClicks": 0}
        assert found["referrers"]["rows"] == []


PAGE = """
query ($n: Int, $range: TimeRangeInput) { links(first: $n) { nodes {
  code
  analytics(range: $range) {
    asOf
    totals { clicks uniqueClicks }
    timeseries(interval: DAY) { points { start clicks } }
    countries: top(dimension: COUNTRY, first: 5) { rows { key clicks } other { clicks } }
    referrers: top(dimension: REFERRER, first: 5) { rows { key clicks } other { clicks } }
  }
} } }
"""


async def test_a_page_of_links_answers_for_itself_in_four_statements(api: Api, clicked: Clicked) -> None:
    numbers = [await clicked.link(f"link-{number}") for number in range(30)]
    await clicked.store(
        *(clicked.visit(link, at(28), visitor=1, country="DE") for link in numbers for _ in range(link % 3 + 1))
    )
    statements = api.statements()

    counts = {}
    for size in (1, 2, 30):
        statements.clear()
        nodes = (await api.ask(PAGE, {"n": size, "range": days(1, 30)}))["links"]["nodes"]
        counts[size] = len(statements)
        assert [node["analytics"]["totals"]["clicks"] for node in nodes] == [
            link % 3 + 1 for link in reversed(numbers[-size:])
        ]

    # The page, the present, series with totals, and one scan for both rankings.
    assert set(counts.values()) == {4}, counts


@pytest.mark.parametrize(("tab", "most"), [("4-dashboard", 4), ("5-link-in-depth", 7)])
async def test_a_prepared_tab_takes_as_many_statements_whatever_the_page(
    api: Api, clicked: Clicked, tab: str, most: int
) -> None:
    links = [await clicked.link(f"link-{number}") for number in range(8)]
    await clicked.store(*(clicked.visit(link, at(28), visitor=1) for link in links))
    document = (TABS / f"{tab}.graphql").read_text()
    page = re.compile(r"links\(first: \d+")
    assert page.search(document)
    statements = api.statements()

    counts = set()
    for size in (1, 2, 8):
        statements.clear()
        nodes = (await api.ask(page.sub(f"links(first: {size}", document)))["links"]["nodes"]
        assert len(nodes) == size
        counts.add(len(statements))

    # With the one that tells whose key it is, the dashboard takes five.
    assert counts == {most}


async def test_totals_are_the_same_beside_a_series_and_alone(api: Api, clicked: Clicked) -> None:
    await make_week(clicked)
    totals, points = "totals { clicks uniqueClicks botClicks }", "{ points { clicks } }"
    drawn = f"{totals} days: timeseries(interval: DAY) {points} months: timeseries(interval: MONTH) {points}"
    for asked in (
        {"range": days(28, 29)},
        {"range": days(28, 29), "filter": {"country": ["DE", None]}},
        {"range": {"period": "ALL_TIME"}},
    ):
        document = "query (%s) { workspace { analytics%s { %s } } links { nodes { analytics%s { %s } } } }"
        alone = await api.ask(document % (ASKED, GIVEN, totals, GIVEN, totals), asked)
        beside = await api.ask(document % (ASKED, GIVEN, drawn, GIVEN, drawn), asked)

        ranges = [(answer["workspace"], *answer["links"]["nodes"]) for answer in (alone, beside)]
        sums, again = ([one["analytics"]["totals"] for one in each] for each in ranges)
        assert sums == again and sums[0]["clicks"] > 0, asked


async def test_one_answer_has_one_present(api: Api, clicked: Clicked) -> None:
    for code in "abc":
        await clicked.link(code)

    data = await api.ask(
        """{ links { nodes { analytics { asOf } } } workspace { analytics(timezone: "UTC") { asOf } } }"""
    )

    instants = [node["analytics"]["asOf"] for node in data["links"]["nodes"]]
    assert set(instants) == {data["workspace"]["analytics"]["asOf"]}
