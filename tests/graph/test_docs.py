"""The guides to the API and to analytics: every example runs, and what they say of scopes, errors and limits is so."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from graph import ids
from graph.access import FIELDS
from graph.answer_size import MOST_POINTS
from graph.api_config import ANALYTICS_DEADLINE_S, MAX_QUERY_COST
from graph.keys import Scope
from graph.rate import RateLimiter
from graph.top import LARGEST_TOP, ClickDimension
from models.analytics_refusals import AnalyticsRefused
from models.click_reads import MAX_CLICKS_READ
from models.database import Database
from models.intervals import MAX_POINTS
from models.retention import CLICK_DAYS, VISITOR_DAYS
from server.api_settings import rate_in
from server.settings import Settings
from tests.clicks_data import Visit
from tests.graph.api import Api, make_api
from tests.graph.clicked import CRAWLER, Clicked, at
from tests.graph.guide import DOCS, Example, differences, examples, section
from tests.graph.living import Live, serving_live
from tests.serving import PROJECT

GUIDE, ANALYTICS = ((DOCS / name).read_text() for name in ("api.md", "analytics.md"))
EXAMPLES = PROJECT / "examples"
SERVER = "http://localhost:8000"


@dataclass
class Reader:
    """Somebody who tries the guide's examples, one after the other."""

    live: Live
    clicked: Clicked
    link: int = 0

    async def run(self, example: Example) -> Any:
        """The answer; some visitors come once there is a link, and one for each subscription."""
        api = self.live.api
        if example.text.startswith("subscription"):
            return await self._event(example)
        if example.language == "sh":
            return await self._shell(example.text)
        response = await api.post(example.text, example.variables)
        answer = response.json()
        if not self.link and (made := (answer.get("data") or {}).get("createLink")):
            self.link = ids.decode(ids.LINK, made["link"]["id"]) or 0
            await self._visits()
        return answer

    async def _event(self, example: Example) -> Any:
        async with self.live.events(example.text, example.variables) as events:
            await self.live.until_followed()
            await self.clicked.store(self._visit(at(29, 7, 59), visitor=3, country="AT", referrer="news.example"))
            told = await events.next()
        await self.live.until_followed(0)
        return {"data": told}

    async def _shell(self, command: str) -> Any:
        address = f"http://{self.live.address}"
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euc", command.replace(SERVER, address)),
            env={"PATH": os.environ["PATH"], "KURZ_KEY": self.live.api.key, "NO_PROXY": "*"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        output, complaints = await process.communicate()
        assert process.returncode == 0, complaints
        return json.loads(output)

    async def _visits(self) -> None:
        await self.clicked.store(
            self._visit(at(27), visitor=1, country="DE"),
            self._visit(at(28), visitor=1, country="DE", referrer="news.example"),
            self._visit(at(28, 13), visitor=2, country="AT"),
            self._visit(at(29, 7), visitor=1, country="DE", referrer="news.example"),
            self._visit(at(29, 7, 1), kind=CRAWLER, bot="Googlebot"),
        )

    def _visit(self, when: datetime, **given: Any) -> Visit:
        return self.clicked.visit(self.link, when, browser="Firefox", **given)


@pytest.fixture
async def reader(database: Database, database_url: str) -> AsyncIterator[Reader]:
    """Asks a server that is set up as one is that nobody has configured."""
    rate = rate_in(Settings.model_fields["rate_limit"].default)
    api = await make_api(database, rate_limiter=RateLimiter(rate))
    async with api.client, serving_live(api, database_url) as live:
        yield Reader(live, Clicked(api, database_url))


@pytest.mark.database
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here to run the guide's examples with")
async def test_every_example_runs_in_the_guides_order_and_answers_as_shown(reader: Reader) -> None:
    tried = list(examples(GUIDE, "graphql", "sh"))
    assert len(tried) >= 15

    shown_id = ""
    for example in tried:
        real_id = ids.encode(ids.LINK, reader.link) if reader.link else ""
        written = json.dumps([example.variables, example.answer])
        variables, shown = json.loads(written.replace(shown_id, real_id) if shown_id else written)
        answered = await reader.run(replace(example, variables=variables))
        if shown is None:
            assert "errors" not in answered, (example.text, answered)
        else:
            if not shown_id and reader.link:
                shown_id = shown["data"]["createLink"]["link"]["id"]
                shown["data"]["createLink"]["link"]["id"] = ids.encode(ids.LINK, reader.link)
            if "extensions" not in shown:
                answered.pop("extensions", None)
            assert list(differences(shown, answered)) == [], (example.text, answered)


@pytest.mark.database
async def test_the_guide_says_what_its_dashboard_costs_and_what_a_key_holds(api: Api) -> None:
    dashboard = next(one for one in examples(GUIDE, "graphql") if one.text.startswith("query Dashboard"))
    cost = (await api.post(dashboard.text, dashboard.variables)).json()["extensions"]["cost"]
    said = re.findall(r"([\d,]+) (?:points|come back)", section(GUIDE, "Limits and cost"))

    rate = rate_in(Settings.model_fields["rate_limit"].default)
    assert [int(number.replace(",", "")) for number in said] == [
        MAX_QUERY_COST,
        rate.capacity,
        rate.per_second,
        cost["requested"],
    ]


def test_every_line_of_code_in_the_guide_is_one_of_the_examples() -> None:
    files = {"yaml": "typescript/codegen.yml", "ts": "typescript/src/main.ts", "python": "python/main.py"}
    shown = list(examples(GUIDE, *files))

    assert {one.language for one in shown} == set(files)
    for one in shown:
        whole = (EXAMPLES / files[one.language]).read_text()
        assert flush_left(one.text) in flush_left(whole), one.text


def flush_left(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines()) + "\n"


@pytest.mark.database
async def test_every_example_of_analytics_runs_and_has_something_to_show(api: Api, clicked: Clicked) -> None:
    link = await clicked.link("spring")
    await clicked.store(clicked.visit(link, at(29), visitor=1, country="DE", device="MOBILE"))
    tried = list(examples(ANALYTICS, "graphql"))
    assert len(tried) >= 6

    for example in tried:
        answer = await api.ask(example.text, example.variables)
        assert all(answer.values()), example.text


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
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", section(GUIDE, "Authenticate"), re.MULTILINE))

    assert set(rows) == {scope.name for scope in Scope}
    for name, rule in FIELDS.items():
        kind, _, field = name.partition(".")
        for scope in rule.scopes if kind in {"Query", "Mutation", "Subscription"} else ():
            assert f"`{field}`" in rows[scope.name], (field, scope)
