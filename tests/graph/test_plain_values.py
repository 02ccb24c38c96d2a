"""Plain values: the short way through an answer gives what the long way gives, errors and all."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
import strawberry
from strawberry.extensions import SchemaExtension

from graph.plain_values import PlainExecutor
from graph.schema import build_schema


@strawberry.enum
class Colour(Enum):
    RED = "red"


@strawberry.type
class Inner:
    number: int
    maybe: int | None
    words: list[str]
    holes: list[str | None] | None
    colour: Colour
    at: datetime


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Thing(Named):
    inner: Inner


@strawberry.type
class Outer:
    inner: Inner
    inners: list[Inner]
    some: list[Inner | None] | None
    nested: list[list[Inner]]
    thing: Thing

    @strawberry.field
    async def later(self) -> Inner:
        return self.inner

    @strawberry.field
    def twice(self, number: int = 1) -> int:
        return number * 2


def inner(**changes: Any) -> Inner:
    plain: dict[str, Any] = {
        "number": 1, "maybe": None, "words": ["a"], "holes": ["b", None], "colour": Colour.RED,
        "at": datetime(2026, 1, 2, tzinfo=UTC),
    }  # fmt: skip
    return Inner(**plain | changes)


def outer(one: Inner) -> Outer:
    return Outer(inner=one, inners=[one, inner()], some=[None, one], nested=[[one]], thing=Thing(name="t", inner=one))


@strawberry.type
class Query:
    @strawberry.field
    def outer(self, info: strawberry.Info[Inner, None]) -> Outer | None:
        return outer(info.context)


ALL = "__typename number n: maybe words holes colour at"
DOCUMENTS = {
    "leaves": f"{{ outer {{ inner {{ {ALL} }} }} }}",
    "lists": f"{{ outer {{ inners {{ {ALL} }} some {{ {ALL} }} nested {{ {ALL} }} }} }}",
    "beside resolvers": f"{{ outer {{ __typename twice(number: 3) later {{ {ALL} }} inner {{ {ALL} }} }} }}",
    "an interface": f"{{ outer {{ thing {{ __typename name inner {{ {ALL} }} }} }} }}",
    "merged": "{ outer { inner { number } inner { words } ...More } } fragment More on Outer { inner { a: number } }",
    "skipped": "query ($no: Boolean = false) { outer { inner { number @include(if: $no) words @skip(if: $no) } } }",
    "fragments of its type": "{ outer { inner { ... on Inner { at } ... { number } } } }",
}
VALUES = {
    "as it should be": inner(maybe=5),
    "null where not allowed": inner(number=None),
    "a null word": inner(words=["a", None]),
    "no list": inner(words="letters"),
    "no number": inner(number="many"),
    "a number too large": inner(maybe=2**40),
    "nothing nullable": inner(holes=None),
    "an error": inner(number=ValueError("the value is an error")),
    "unknown to the enum": inner(colour="blue"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    data: Any
    errors: list[Any]


async def answered(document: str, value: Inner, *, plain: bool) -> Answered:
    schema = strawberry.Schema(Query, execution_context_class=PlainExecutor if plain else None)
    schema.process_errors = lambda *_: None  # type: ignore[method-assign]
    result = await schema.execute(document, context_value=value)
    return Answered(result.data, [error.formatted for error in result.errors or []])


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_answers_and_errors_are_those_of_graphql_core(document: str, value: Inner) -> None:
    stock = await answered(document, value, plain=False)
    ours = await answered(document, value, plain=True)

    assert ours == stock
    assert list(walked(ours.data)) == list(walked(stock.data)), "the order of fields"


def walked(data: Any) -> Any:
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from walked(value)
    elif isinstance(data, list):
        for value in data:
            yield from walked(value)


async def test_what_guards_single_fields_is_not_passed_by() -> None:
    class Shout(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            value = _next(root, info, *args, **kwargs)
            return value.upper() if isinstance(value, str) else value

    schema = strawberry.Schema(Query, execution_context_class=PlainExecutor, extensions=[Shout])
    result = await schema.execute("{ outer { thing { name } } }", context_value=inner())

    assert result.data == {"outer": {"thing": {"name": "T"}}}


def test_the_schema_uses_it() -> None:
    assert build_schema().execution_context_class is PlainExecutor
