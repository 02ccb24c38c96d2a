"""The API guide: every example runs, and what it says of scopes and errors is so."""

import json
import re
from pathlib import Path

import pytest

from graph import document
from graph.access import SCOPES
from graph.connections import LARGEST_PAGE
from graph.context import DEADLINE_S
from graph.errors import UserErrorCode
from graph.failures import FailureCode
from graph.keys import Scope
from graph.requests import LARGEST_BODY
from tests.graph.api import Api

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "api.md").read_text()
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
        DEADLINE_S,
    ]
