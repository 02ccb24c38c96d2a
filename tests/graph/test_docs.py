"""The guides to the API and to analytics: every example runs, and what they say of scopes, errors and limits is so."""

import json
import re
from pathlib import Path

import pytest

from graph import document
from graph.access import SCOPES
from graph.answer_size import MOST_POINTS, MOST_ROWS
from graph.click_filters import MOST_VALUES
from graph.connections import LARGEST_PAGE
from graph.context import ANALYTICS_DEADLINE_S, DEADLINE_S
from graph.errors import UserErrorCode
from graph.failures import FailureCode
from graph.keys import Scope
from graph.requests import LARGEST_BODY
from graph.top import LARGEST_TOP, ClickDimension
from models.analytics_refusals import AnalyticsRefused
from models.click_reads import MAX_CLICKS_READ
from models.intervals import MAX_POINTS
from models.retention import CLICK_DAYS, VISITOR_DAYS
from tests.graph.api import Api
from tests.graph.clicked import Clicked, at

DOCS = Path(__file__).parent.parent.parent / "docs"
GUIDE, ANALYTICS = ((DOCS / name).read_text() for name in ("api.md", "analytics.md"))
EXAMPLE = re.compile(r"```graphql\n(?P<document>.*?)```(?:\n\n```json\n(?P<variables>.*?)```)?", re.DOTALL)


def section(title: str) -> str:
    """The text of the guide under a heading."""
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.database
async def test_every_example_runs_in_the_guides_order(api: Api) -> None:
    examples = list(EXAMPLE.finditer(GUIDE))
    expected_failures = {example["document"] for example in EXAMPLE.finditer(section("Errors"))}
    assert len(examples) >= 9

    for example in examples:
        data = await api.ask(example["document"], json.loads(example["variables"] or "{}"))
        failures = [payload["userErrors"] for payload in data.values() if payload and "userErrors" in payload]
        assert any(failures) == (example["document"] in expected_failures), example["document"]


@pytest.mark.database
async def test_every_example_of_analytics_runs_and_has_something_to_show(api: Api, clicked: Clicked) -> None:
    link = await clicked.link("spring")
    await clicked.store(clicked.visit(link, at(29), visitor=1, country="DE", device="MOBILE"))
    examples = list(EXAMPLE.finditer(ANALYTICS))
    assert len(examples) >= 6

    for example in examples:
        answer = await api.ask(example["document"], json.loads(example["variables"] or "{}"))
        assert all(answer.values()), example["document"]


def test_the_guide_to_analytics_says_what_is_so() -> None:
    refusals = set(re.findall(r"^\| `([A-Z_]+)`", ANALYTICS, re.MULTILINE))
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", ANALYTICS)}

    assert refusals == {kind.code for kind in AnalyticsRefused.__subclasses__()}
    assert {f"`{dimension.name}`" for dimension in ClickDimension} <= set(re.findall(r"`[A-Z_]+`", ANALYTICS))
    assert {
        MAX_POINTS,
        MOST_POINTS,
        MAX_CLICKS_READ,
        LARGEST_TOP,
        ANALYTICS_DEADLINE_S,
        CLICK_DAYS,
        VISITOR_DAYS,
    } <= numbers


def test_the_guide_names_every_scope_and_what_it_opens() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", section("Authenticate"), re.MULTILINE))

    assert set(rows) == {scope.name for scope in Scope}
    for field, scopes in SCOPES.items():
        for scope in scopes:
            assert f"`{field}`" in rows[scope.name], (field, scope)


def test_the_guide_names_every_error_code() -> None:
    named = set(re.findall(r"^\| `([A-Z_]+)`", section("Errors"), re.MULTILINE))

    assert named == {code.name for code in UserErrorCode} | {code.name for code in FailureCode}


def test_the_guide_names_the_limits_in_force() -> None:
    rows = [row.split(" | ") for row in re.findall(r"^\| (.* \| .*\d.*) \|$", section("Limits"), re.MULTILINE)]
    numbers = [int(number.replace(",", "")) for _, most in rows for number in re.findall(r"[\d,]*\d", most)]

    assert numbers == [
        LARGEST_BODY,
        document.MOST_TOKENS,
        1,
        document.MOST_ROOT_QUERIES,
        document.MOST_ROOT_MUTATIONS,
        document.MOST_FIELDS,
        document.MOST_SAME_NAME,
        LARGEST_PAGE,
        MAX_POINTS,
        MOST_POINTS,
        LARGEST_TOP,
        MOST_ROWS,
        MOST_VALUES,
        MAX_CLICKS_READ,
        DEADLINE_S,
        ANALYTICS_DEADLINE_S,
    ]
