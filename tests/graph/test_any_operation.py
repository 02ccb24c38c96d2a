"""Whatever valid operation is sent: an answer of a documented kind, about data that is really there."""

import gc
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import graphql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema

from graph.failures import FailureCode
from graph.ids import API_KEY, encode
from models.clicks import Device
from models.database import Database
from tests.graph.api import Api, error_codes, make_api
from tests.graph.clicked import CRAWLER, PERSON, Clicked, at

pytestmark = pytest.mark.database

SCHEMA = (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")
OURS = {FailureCode.INTERNAL, FailureCode.UNAVAILABLE, FailureCode.TIMEOUT}
OPERATIONS, MANY_OPERATIONS, COMPARED = 500, 20_000, 3_000
NAMINGS = 2  # of each document, since making one up takes longer than answering it
SLOW_S = 1.0


SCALARS = {
    "DateTime": ("2026-03-28T00:00:00Z", "2026-03-29T08:00:00+02:00", "2001-01-01T00:00:00Z"),
    "Date": ("2026-03-28", "2026-03-29", "2025-12-31", "2026-01-01"),
    "URL": ("https://example.com/", "https://sho.rt/a0", "ftp://example.com/", "nonsense"),
    "TimeZone": ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Mars/Olympus"),
}
OF_SCALARS = {value for values in SCALARS.values() for value in values}
LITERALS: dict[str, st.SearchStrategy[graphql.ValueNode]] = {
    name: st.sampled_from([graphql.StringValueNode(value=value) for value in values])
    for name, values in SCALARS.items()
}
DOCUMENTS = from_schema(SCHEMA, custom_scalars=LITERALS, print_ast=lambda document: document)
SLOWLY_MADE = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@dataclass
class World:
    """An API with links and clicks, and the names of what is there."""

    api: Api
    names: list[str]
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, str] = (0.0, "")

    async def send(self, document: graphql.DocumentNode, seed: int) -> None:
        """Ask with several namings, and see that nothing of ours is to blame."""
        dice = random.Random(seed)
        for _ in range(NAMINGS):
            await self._ask(graphql.print_ast(graphql.visit(document, Naming(self.names, dice))))

    async def _ask(self, text: str) -> None:
        began = time.perf_counter()
        response = await self.api.post(text)
        self.slowest = max(self.slowest, (time.perf_counter() - began, text))
        codes = error_codes(response)
        self.codes.update(set(codes) or ["OK"])
        assert response.status_code < 500, (text, response.text)
        assert not OURS & set(codes), (text, response.text)


ONE_OF = [
    set(kind.fields)
    for kind in graphql.build_schema(SCHEMA).type_map.values()
    if isinstance(kind, graphql.GraphQLInputObjectType) and kind.is_one_of
]


class Naming(graphql.Visitor):
    """Makes sense likelier: names of what is there, one field where just one is allowed, pages of a usual size."""

    def __init__(self, names: list[str], dice: random.Random) -> None:
        super().__init__()
        self._names = names
        self._dice = dice

    def enter_string_value(self, node: graphql.StringValueNode, *_: Any) -> graphql.StringValueNode | None:
        if node.value in OF_SCALARS or self._dice.random() < 0.3:
            return None
        return graphql.StringValueNode(value=self._dice.choice(self._names))

    def enter_int_value(self, *_: Any) -> graphql.IntValueNode | None:
        if self._dice.random() < 0.1:
            return None
        return graphql.IntValueNode(value=self._dice.choice(["0", "1", "2", "10", "100"]))

    def leave_object_value(self, node: graphql.ObjectValueNode, *_: Any) -> graphql.ObjectValueNode | None:
        given = [one for one in node.fields if not isinstance(one.value, graphql.NullValueNode)]
        if not given or not any({one.name.value for one in node.fields} <= names for names in ONE_OF):
            return None
        return graphql.ObjectValueNode(fields=(self._dice.choice(given),))


async def inhabited(database: Database, database_url: str) -> World:
    """Twenty links with some hundred clicks."""
    api = await make_api(database)
    clicked, dice, names = Clicked(api, database_url), random.Random(1), ["sho.rt", "a", "DE", "Firefox", api.key]
    visits = []
    for number in range(20):
        link = await clicked.link(f"a{number}", title=f"Link {number}", externalId=f"e{number}")
        for _ in range(number):
            when = at(29) - timedelta(minutes=dice.randrange(14 * 24 * 60))
            given = {"country": dice.choice(["DE", "FR", None]), "kind": dice.choice([PERSON, PERSON, CRAWLER])}
            visits.append(clicked.visit(link, when, device=dice.choice(list(Device)), **given))
        names += [f"a{number}", f"e{number}", f"https://sho.rt/a{number}"]
    await clicked.store(*visits)
    found = await api.ask(NAMES)
    names += [node["id"] for node in found["links"]["nodes"]]
    names += [node["id"] for node in found["workspace"]["clicks"]["nodes"]]
    other = await api.new_key_record()  # not the one that asks: it would be revoked
    names += [found["workspace"]["id"], encode(API_KEY, other.record.id), found["links"]["pageInfo"]["endCursor"]]
    return World(api, names)


NAMES = """{ links(first: 20) { nodes { id } pageInfo { endCursor } }
  workspace { id clicks(first: 20, range: {days: {from: "2026-03-01", to: "2026-03-29"}}) { nodes { id } } } }"""


@given(document=DOCUMENTS, seed=st.integers(0, 2**32))
@settings(max_examples=OPERATIONS // NAMINGS, derandomize=True, database=None, deadline=None,
          suppress_health_check=SLOWLY_MADE)  # fmt: skip
async def test_any_operation_is_answered(world: World, document: graphql.DocumentNode, seed: int) -> None:
    await world.send(document, seed)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """The documents made here grow into a heap that the collector walks for a second: no pause of the server's."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.nightly
@pytest.mark.usefixtures("_no_collector")
@given(document=DOCUMENTS, seed=st.integers(0, 2**32))
@settings(max_examples=MANY_OPERATIONS // NAMINGS, database=None, deadline=None, suppress_health_check=SLOWLY_MADE)
async def test_no_operation_is_slow(world: World, document: graphql.DocumentNode, seed: int) -> None:
    world.api.read_once()
    await world.send(document, seed)

    assert world.slowest[0] < SLOW_S, world.slowest


@pytest.mark.nightly
@given(document=DOCUMENTS, seed=st.integers(0, 2**32))
@settings(max_examples=COMPARED, database=None, deadline=None, suppress_health_check=SLOWLY_MADE)
async def test_many_operations_are_answered_the_same_both_ways(
    world: World, document: graphql.DocumentNode, seed: int
) -> None:
    await world.send(document, seed)  # what is read there is compared, as in the ordinary run


@pytest.fixture
async def world(database: Database, database_url: str) -> AsyncIterator[World]:
    made = await inhabited(database, database_url)
    yield made
    await made.api.client.aclose()
    assert made.codes["OK"] > sum(made.codes.values()) / 3, made.codes  # else it is not the operations that are tried
