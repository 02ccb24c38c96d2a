"""What analytics refuse, by code, and that everything beside it is still answered."""

import random
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from models.database import Database, asyncpg_dsn
from models.zones import zone_names
from tests.graph.api import Api, error_codes, make_api
from tests.graph.clicked import Clicked, at, between, days

pytestmark = pytest.mark.database

DOCUMENT = """
query (
  $range: TimeRangeInput, $timezone: TimeZone, $filter: ClickFilter, $interval: TimeInterval,
  $dimension: ClickDimension = COUNTRY, $first: Int, $orderBy: ClickMetric, $to: ComparisonPeriod
) {
  workspace {
    name
    analytics(range: $range, timezone: $timezone, filter: $filter) {
      totals { clicks }
      timeseries(interval: $interval) { points { start } }
      comparison(to: $to) { range { start } change { clicks } timeseries(interval: $interval) { points { start } } }
      top(dimension: $dimension, first: $first, orderBy: $orderBy) { rows { key } }
    }
    clicks(range: $range, filter: $filter, first: $first) { nodes { id } }
  }
}
"""
WHOLE = {"analytics"}
# What is asked, the fields of `workspace` and of its `analytics` that are null then, and why.
REFUSED: dict[str, tuple[dict[str, Any], set[str], set[str], str]] = {
    "ends before it begins": ({"range": days(29, 28)}, {"analytics", "clicks"}, set(), "INVALID_RANGE"),
    "empty": ({"range": between(at(28), at(28))}, {"analytics", "clicks"}, set(), "INVALID_RANGE"),
    "too early": (
        {"range": {"days": {"from": "1970-01-01", "to": "2026-01-01"}}},
        {"analytics", "clicks"},
        set(),
        "INVALID_RANGE",
    ),
    "too late": (
        {"range": {"days": {"from": "2026-01-01", "to": "9999-12-31"}}},
        {"analytics", "clicks"},
        set(),
        "INVALID_RANGE",
    ),
    "too many points": (
        {"range": {"days": {"from": "2026-01-01", "to": "2026-03-31"}}, "interval": "QUARTER_HOUR"},
        set(),
        {"timeseries"},
        "TOO_MANY_POINTS",
    ),
    "no time zone": ({"timezone": "Mars/Olympus"}, {"analytics"}, set(), "BAD_REQUEST"),
    "a path": ({"timezone": "../../etc/passwd"}, {"analytics"}, set(), "BAD_REQUEST"),
    "too many values": ({"filter": {"country": ["DE"] * 101}}, {"analytics", "clicks"}, set(), "BAD_REQUEST"),
    "too many rows": ({"first": 251}, {"clicks"}, {"top"}, "BAD_REQUEST"),
    "too few rows": ({"first": -1}, {"clicks"}, {"top"}, "BAD_REQUEST"),
}


async def test_what_is_refused_is_null_and_all_beside_it_answered(api: Api) -> None:
    for name, (given, nulls, analytics_nulls, code) in REFUSED.items():
        answer = (await api.post(DOCUMENT, {"range": days(1, 29)} | given)).json()
        workspace = answer["data"]["workspace"]
        assert {field for field, value in workspace.items() if value is None} == nulls, name
        analytics = workspace["analytics"] or {}
        assert {field for field, value in analytics.items() if value is None} == analytics_nulls, name
        assert {error["extensions"]["code"] for error in answer["errors"]} == {code}, name
        assert all(error["path"][0] == "workspace" for error in answer["errors"]), name


async def test_nulls_read_as_the_defaults(api: Api) -> None:
    given = dict.fromkeys(("range", "timezone", "filter", "interval", "first", "orderBy", "to"))

    analytics = (await api.ask(DOCUMENT, given))["workspace"]["analytics"]

    assert len(analytics["timeseries"]["points"]) == 7
    assert analytics["comparison"] is not None


async def test_a_range_is_exactly_one_of_three(api: Api) -> None:
    for given in (
        {},
        {"period": "TODAY", **days(1, 2)},
        {"period": None},
        {"days": {"from": "2026-03-01"}},
        {"days": {"from": "2026-02-30", "to": "2026-03-01"}},
        {"days": {"from": "20260301", "to": "2026-03-02"}},
        {"days": {"from": "2026-03-01T00:00:00", "to": "2026-03-02"}},
        {"between": {"start": "2026-03-01T00:00:00", "end": "2026-03-02T00:00:00"}},
        {"between": {"start": "0001-01-01T00:00:00+01:00", "end": "2026-03-02T00:00:00Z"}},
        {"between": {"start": "2026-03-01T00:00:00Z", "end": "9999-12-31T23:59:59-01:00"}},
    ):
        assert set(await api.codes(DOCUMENT, {"range": given})) == {"BAD_REQUEST"}, given


async def test_every_zone_is_taken(api: Api) -> None:
    names = sorted(zone_names())
    for first in range(0, len(names), 5):  # five fields of a name is the most that one request has
        fields = " ".join(
            f'z{number}: analytics(timezone: "{name}", range: {{days: {{from: "2026-03-28", to: "2026-03-30"}}}}) '
            "{ range { timezone } timeseries(interval: DAY) { points { start } } }"
            for number, name in enumerate(names[first : first + 5])
        )
        workspace = (await api.ask(f"{{ workspace {{ {fields} }} }}"))["workspace"]
        for number, name in enumerate(names[first : first + 5]):
            found = workspace[f"z{number}"]
            assert found["range"]["timezone"] == name
            starts = [point["start"][:10] for point in found["timeseries"]["points"]]
            assert starts == ["2026-03-28", "2026-03-29", "2026-03-30"], name


BUSY = """{ links(orderBy: {field: CODE, direction: ASC}) { nodes { code
  analytics(range: {days: {from: "2026-03-28", to: "2026-03-28"}}) { totals { clicks } top(dimension: COUNTRY) {
    rows { clicks } } } } } }"""


async def test_only_what_would_read_too_many_clicks_is_refused(database: Database, database_url: str) -> None:
    api = await make_api(database, most_clicks_read=5)
    clicked = Clicked(api, database_url)

    async with api.client:
        quiet, busy = await clicked.link("a-quiet"), await clicked.link("b-busy")
        visits = [clicked.visit(link, at(28)) for link in (quiet, quiet, busy, busy, busy, busy)]
        await clicked.store(*visits)
        answer = (await api.post(BUSY)).json()

    assert [node["analytics"] for node in answer["data"]["links"]["nodes"]] == [
        {"totals": {"clicks": 2}, "top": {"rows": [{"clicks": 2}]}},
        {"totals": {"clicks": 4}, "top": None},
    ]
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["path"]) == (
        "TOO_MANY_CLICKS",
        ["links", "nodes", 1, "analytics", "top"],
    )


async def test_what_takes_too_long_is_refused_alone(database: Database, database_url: str) -> None:
    api = await make_api(database, analytics_deadline_s=0.2)
    blocker = await asyncpg.connect(asyncpg_dsn(database_url))

    async with api.client, blocker.transaction():
        await api.create(code="a")
        await blocker.execute("lock table click_slot in access exclusive mode")
        answer = (
            await api.post(
                """{ link(by: {code: "a"}) { code clickCount
                  analytics { range { start } timeseries { interval } } } }"""
            )
        ).json()
    await blocker.close()

    link = answer["data"]["link"]
    assert (link["code"], link["clickCount"], link["analytics"]["timeseries"]) == ("a", 0, None)
    assert link["analytics"]["range"]
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["TIMEOUT"]


async def test_clicks_that_are_no_longer_kept_are_not_ranked_but_still_summed(api: Api, clicked: Clicked) -> None:
    a = await clicked.link("a")
    await clicked.store(clicked.visit(a, at(28)))
    connection = await asyncpg.connect(asyncpg_dsn(clicked.url))
    await connection.execute("update feed_position set clicks_kept_since = $1", at(28) + timedelta(days=1))
    await connection.close()

    answer = (await api.post(DOCUMENT, {"range": days(28, 28)})).json()

    analytics = answer["data"]["workspace"]["analytics"]
    assert (analytics["totals"], analytics["top"]) == ({"clicks": 1}, None)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_RANGE"]


async def test_a_request_has_a_number_of_points_and_rows(api: Api, clicked: Clicked) -> None:
    for number in range(6):
        await clicked.link(f"n{number}")
    document = """query ($n: Int, $first: Int) { links(first: $n) { nodes {
      analytics(range: {days: {from: "2026-03-01", to: "2026-03-18"}}) {
        timeseries(interval: QUARTER_HOUR) { points { clicks } }
        a: top(dimension: OS, first: $first) { rows { key } } b: top(dimension: OS, first: 250) { rows { key } }
        c: top(dimension: DEVICE, first: $first) { rows { key } }
      } } } }"""

    enough = await api.ask(document, {"n": 5, "first": 250})
    refused = [await api.codes(document, {"n": 6, "first": 10})]
    refused += [await api.codes(MANY_POINTS), await api.codes(MANY_ROWS)]

    assert {len(node["analytics"]["timeseries"]["points"]) for node in enough["links"]["nodes"]} == {18 * 96}
    assert refused == [["TOO_MANY_POINTS"], ["TOO_MANY_POINTS"], ["QUERY_TOO_COMPLEX"]]


def repeated(count: int, field: str) -> str:
    """A document with a field of analytics so many times over, under other names."""
    fields = " ".join(f"n{number}: {field}" for number in range(count))
    return f'{{ workspace {{ analytics(range: {{days: {{from: "2026-03-01", to: "2026-03-20"}}}}) {{ {fields} }} }} }}'


MANY_POINTS = repeated(6, "timeseries(interval: QUARTER_HOUR) { points { clicks } }")
MANY_ROWS = repeated(41, "top(dimension: OS, first: 250) { rows { key } }")

WORDS = ("", "a\0", "DE", "\U0010ffff", "2026-03-29", "Europe/Berlin", "../x", "lnk_00000000000", "PERSON", "'; --")
OTHERS: tuple[Any, ...] = (None, True, 0, -1, 0.5, 2**31, [], {}, [None], {"period": "TODAY"})
NAMES = ("range", "timezone", "filter", "interval", "dimension", "first", "orderBy", "to")
FIELDS = ("link", "country", "referrer", "device", "kind", "utmSource")


def made_up(dice: random.Random) -> dict[str, Any]:
    def value() -> Any:
        return dice.choice([*WORDS, *OTHERS, [dice.choice(WORDS)]])

    given = {name: value() for name in dice.sample(NAMES, dice.randint(0, 3))}
    if dice.random() < 0.5:
        given["filter"] = {dice.choice(FIELDS): [dice.choice([*WORDS, None])]}
    if dice.random() < 0.5:
        ends = [dice.choice(["2026-03-28", "2001-01-01", "2098-12-31", "0001-01-01", "9999-12-31"]) for _ in range(2)]
        given["range"] = {"days": {"from": ends[0], "to": ends[1]}}
        given["interval"] = dice.choice(["MONTH", "QUARTER_HOUR", None])
        given["timezone"] = dice.choice(["America/St_Johns", "Australia/Lord_Howe", "Africa/Monrovia", None])
    return given


async def test_made_up_arguments_are_answered_or_refused(api: Api, clicked: Clicked) -> None:
    await clicked.store(clicked.visit(await clicked.link("a"), at(28)))
    dice = random.Random(1)
    for _ in range(250):
        given = made_up(dice)
        response = await api.post(DOCUMENT, given)
        assert response.status_code in (200, 422), (given, response.text)
        assert set(error_codes(response)) <= {"BAD_REQUEST", "INVALID_RANGE", "TOO_MANY_POINTS"}, (given, response.text)
