"""Whatever is sent where: an answer of the documented kinds, and never an error of ours."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from graph import scalars
from tests.graph.api import CREATE, DEACTIVATE, UPDATE, Api, error_codes
from tests.graph.batches import MANY

pytestmark = pytest.mark.database

PIECES = [
    "\0",
    "\x01",
    "\u2028",
    "%",
    "_",
    "\\",
    "'",
    '"',
    "\n",
    "\r",
    "😀",
    "é",
    "\ufeff",
    "\u202e",
    " ",
    "/",
    "a",
    "Z",
]
PIECES += ["9", "-", ":", "http://", "https://", "@", "#", "?", "[", "]", "::1"]
PIECES += ["\x7f", "\ud7ff", "\U0010ffff", "lnk_"]
LENGTHS = (0, 1, 2, 5, 12, 65, 201)
STARTS = ("", "https://", "https://example.com/", "https://sho.rt/", "lnk_")
OTHERS: tuple[Any, ...] = (None, True, 0, -1, 0.5, 2**31, 2**70, [], {}, ["a"], {"a": 1})
TEXTS = ("code", "title", "notes", "externalId", "destinationUrl")
LISTED = ("first", "after", "last", "before", "filter", "search", "orderBy")
LIST = """query ($first: Int, $after: String, $last: Int, $before: String, $filter: LinkFilter, $search: String,
  $orderBy: LinkOrder) { links(first: $first, after: $after, last: $last, before: $before, filter: $filter,
  search: $search, orderBy: $orderBy) { nodes { code } totalCount } }"""


class Sender:
    """Makes up requests; the same ones each time."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def text(self) -> str:
        return self.dice.choice(STARTS) + "".join(self.dice.choices(PIECES, k=self.dice.choice(LENGTHS)))

    def value(self) -> Any:
        return self.dice.choice([*OTHERS, *(self.text() for _ in range(3 * len(OTHERS)))])

    def some(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self.value() for name in self.dice.sample(names, self.dice.randint(1, len(names)))}

    def lookup(self) -> dict[str, Any]:
        return {self.dice.choice(["id", "code", "shortUrl", "externalId"]): self.value()}

    def draft(self) -> dict[str, Any]:
        return {"destinationUrl": "https://example.com/", **self.some(TEXTS)}

    def update(self) -> dict[str, Any]:
        return {"link": {"code": "a"}, **self.some((*TEXTS[1:], "expectedVersion"))}

    def policy(self) -> Any:
        return self.dice.choice(["SKIP_FAILED", "SKIP_FAILED", self.value()])

    def request(self) -> tuple[str, dict[str, Any]]:
        requests = [
            (CREATE, {"input": self.draft()}),
            (UPDATE, {"input": self.update()}),
            (UPDATE, {"input": {"link": self.lookup(), "title": self.text()}}),
            (DEACTIVATE, {"input": {"link": {"code": "a"}, "reason": self.value()}}),
            (MANY["createLinks"], {"input": {"items": [self.draft(), self.draft()], "policy": self.policy()}}),
            (MANY["updateLinks"], {"input": {"items": [{"link": self.lookup(), "title": "t"}, self.update()]}}),
            ("query ($c: String!) { codeAvailability(code: $c) { suggestions } }", {"c": self.value()}),
            ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": [self.value(), self.text()]}),
            ("query ($by: LinkLookup!) { link(by: $by) { id } }", {"by": self.lookup()}),
            (LIST, self.some(LISTED)),
        ]
        return self.dice.choice(requests)


async def test_made_up_values_are_answered_or_refused(api: Api) -> None:
    await api.create(code="a")
    sender = Sender(seed=1)
    for _ in range(400):
        document, variables = sender.request()
        response = await api.post(document, variables)
        assert response.status_code in (200, 422), (variables, response.text)
        assert set(error_codes(response)) <= {"BAD_REQUEST"}, (variables, response.text)


async def test_damaged_bodies_are_refused(api: Api) -> None:
    dice = random.Random(1)
    whole = json.dumps({"query": CREATE, "variables": {"input": {"destinationUrl": "https://example.com/"}}}).encode()
    for _ in range(200):
        body = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            body[dice.randrange(len(body))] = dice.randrange(256)
        response = await api.client.post("/graphql", content=bytes(body), headers={"content-type": "application/json"})
        assert response.status_code in (200, 400, 422), (bytes(body), response.text)


async def test_scalars_take_strings_only_in_literals_and_variables(api: Api) -> None:
    for wrong in ("1", "true", "[]", "{}", "null"):
        literal = f"mutation {{ createLink(input: {{destinationUrl: {wrong}}}) {{ created }} }}"
        assert await api.codes(literal) == ["BAD_REQUEST"], wrong
    for value in OTHERS:
        codes = await api.codes(CREATE, {"input": {"destinationUrl": value}})
        assert codes and set(codes) == {"BAD_REQUEST"}, value


def test_an_instant_needs_an_offset() -> None:
    assert scalars.read_instant("2026-03-29T10:00:00+02:00") == datetime(2026, 3, 29, 8, tzinfo=UTC)
    for text in ("2026-03-29T10:00:00", "2026-03-29", "", "nonsense", "0001-01-01T00:00:00+01:00", "a\0"):
        assert scalars.read_instant(text) is None, text
