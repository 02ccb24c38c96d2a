"""What SKIP_FAILED answers and leaves behind is what the single mutations do, one after another."""

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.database import Database, make_engine
from models.roles import Role
from tests.databases import Databases
from tests.graph.api import LINK_FIELDS, Api, make_api
from tests.graph.batches import limit, many, one_by_one
from tests.graph.provider import Provider, tokens_of

pytestmark = pytest.mark.database

ROUNDS = 40
MOST_LINKS = 12
CODES = (*"abcde", "shop", " a ", *[None] * 8, "admin", "no code", "")
URLS = (*(f"https://example.com/{page}" for page in range(6)), "example.com", "http://10.0.0.1/")
EXTERNALS = (*"xyz", " x ", *[None] * 6, "\u0007", "\0")
TITLES = ("old", "new", "newer", None, None, None, "t" * 201)
ALL = """{ links(first: 100, orderBy: {field: CREATED_AT, direction: ASC}) { nodes { ...LinkFields clickCount } }
  workspace { auditLog(first: 100) { nodes { action summary } } } }"""


@dataclass
class Twin:
    """One of two installations that are asked for the same in different ways; `ids` are its links', oldest first."""

    api: Api
    member: str
    ids: list[str] = field(default_factory=list)

    def item(self, item: dict[str, Any]) -> dict[str, Any]:
        """The item with the id of its own link in the place of a number."""
        place = item.get("link", {}).get("id")
        return item if place is None else {**item, "link": {"id": self.ids[place] if place < len(self.ids) else "none"}}

    async def left(self) -> Any:
        """All links, and what the log has of them."""
        found = plain(await self.api.ask(ALL + LINK_FIELDS.partition("fragment Errors")[0]))
        entries = found["workspace"]["auditLog"]["nodes"]
        return found["links"], [entry for entry in entries if entry["action"].startswith("link.")]

    def note(self, results: list[dict[str, Any]]) -> None:
        self.ids += [one["link"]["id"] for one in results if one.get("created")]


@pytest.fixture
def addresses(databases: Databases, template: str) -> Iterator[list[str]]:
    with databases.throw_away(template) as one, databases.throw_away(template) as other:
        yield [one, other]


@pytest.fixture
async def twins(addresses: list[str], steady_provider: Provider) -> AsyncIterator[list[Twin]]:
    async with AsyncExitStack() as stack:
        made = []
        for address in addresses:
            database = Database(make_engine(address))
            stack.push_async_callback(database.close)
            tokens = await stack.enter_async_context(tokens_of(steady_provider))
            api = await make_api(database, provider=steady_provider, tokens=tokens)
            await stack.enter_async_context(api.client)
            made.append(Twin(api, (await api.new_member(Role.MEMBER, name="someone")).token))
        yield made


class Asker:
    """Makes up batches; the same ones each time."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def batch(self) -> tuple[str, list[dict[str, Any]]]:
        name = self.dice.choice(["createLinks", "updateLinks", "updateLinks", "deactivateLinks"])
        return name, [getattr(self, name)() for _ in range(self.dice.randint(1, 8))]

    def createLinks(self) -> dict[str, Any]:  # noqa: N802 - the mutation's name
        choose = self.dice.choice
        return {
            "destinationUrl": choose(URLS),
            "code": choose(CODES),
            "externalId": choose(EXTERNALS),
            "title": choose(TITLES),
        }

    def updateLinks(self) -> dict[str, Any]:  # noqa: N802
        given: dict[str, tuple[str | None, ...]] = {
            "externalId": EXTERNALS,
            "title": TITLES,
            "destinationUrl": (*URLS, None),
        }
        some = self.dice.sample(sorted(given), self.dice.randint(0, 2))
        changes: dict[str, Any] = {name: self.dice.choice(given[name]) for name in some}
        if self.dice.random() < 0.3:
            changes["expectedVersion"] = self.dice.randint(1, 4)
        return {"link": self.lookup(), **changes}

    def deactivateLinks(self) -> dict[str, Any]:  # noqa: N802
        return {"link": self.lookup(), "reason": self.dice.choice(["over", None, "r" * 501])}

    def lookup(self) -> dict[str, Any]:
        return self.dice.choice(
            [
                {"id": self.dice.randrange(MOST_LINKS)},
                {"code": self.dice.choice("abcde")},
                {"externalId": self.dice.choice("xyz")},
                {"shortUrl": f"https://sho.rt/{self.dice.choice('abc')}"},
                {"code": self.dice.choice(["\0", "no code"])},
            ]
        )


def plain(results: Any) -> Any:
    """Without what is made at random: ids, codes that nobody chose, suggestions, and the words of messages."""
    if isinstance(results, list):
        return [plain(one) for one in results]
    if not isinstance(results, dict):
        return results
    kept = {name: plain(value) for name, value in results.items() if name not in {"id", "suggestions", "message"}}
    if len(kept.get("code") or "") == 7 and "shortUrl" in kept:
        kept["code"] = kept["shortUrl"] = "random"
    if kept.get("action") == "link.create":
        del kept["summary"]
    return kept


def in_its_place(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Paths as in a batch."""
    for place, result in enumerate(results):
        for error in result["userErrors"]:
            error["path"] = ["items", str(place), *error["path"]]
    return results


SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(1, 20))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_skipping_failures_is_as_one_after_another(twins: list[Twin], seed: int) -> None:
    asker, (together, apart) = Asker(seed), twins
    for twin in twins:
        await limit(twin.api, links=MOST_LINKS)
    for round_ in range(ROUNDS):
        name, items = asker.batch()
        is_member = asker.dice.random() < 0.3
        made = await many(
            together.api, name, map(together.item, items), "SKIP_FAILED", key=together.member if is_member else None
        )
        single = await one_by_one(apart.api, name, map(apart.item, items), key=apart.member if is_member else None)
        assert made["userErrors"] == []
        assert plain(made["results"]) == plain(in_its_place(single)), (round_, name, items)
        together.note(made["results"])
        apart.note(single)
    left = [await twin.left() for twin in twins]
    assert left[0] == left[1]
    assert together.ids
