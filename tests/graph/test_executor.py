"""The executor: what it plans and keeps gives what graphql-core gives, errors, their paths and their order included."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, NewType

import pytest
import strawberry
from graphql import Undefined, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.scalar import ScalarDefinition

from graph.executor import PlannedExecutor
from graph.plans import MOST_PLANS, Plans
from graph.schema import build_schema
from tests.graph.both_ways import told


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Other(Enum):
    RED = "red"


Even = NewType("Even", int)


def even(value: Any) -> str:
    """Takes anything that Python can write, and raises for odd numbers."""
    if isinstance(value, int) and value % 2:
        raise ValueError(f"{value} is odd")
    return str(value)


@strawberry.type
class Inner:
    number: int
    maybe: int | None
    words: list[str]
    holes: list[str | None] | None
    colour: Colour
    at: datetime
    even: Even
    ratio: float
    sure: bool
    id: strawberry.ID


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Thing(Named):
    inner: Inner
    things: list["Thing"]


@strawberry.type
class Place(Named):
    where: str | None

    @strawberry.field
    async def near(self, steps: int = 1) -> list["Place"]:
        return [Place(name=f"{self.name}{number}", where=self.where) for number in range(steps)]


@strawberry.input
class Wish:
    words: list[str] = strawberry.field(default_factory=list)
    size: int | None = 3
    colour: Colour = Colour.RED


@strawberry.type
class Outer:
    inner: Inner
    inners: list[Inner]
    some: list[Inner | None] | None
    nested: list[list[Inner]]
    thing: Thing
    named: list[Named]
    either: list[Annotated[Thing | Place, strawberry.union("Either")]]

    @strawberry.field
    async def later(self) -> Inner:
        return self.inner

    @strawberry.field
    async def soon(self, number: int, wish: Wish | None = None, colours: list[Colour] | None = None) -> str | None:
        await asyncio.sleep(0)
        if number < 0:
            raise ValueError(f"{number} is below zero")
        return f"{number} {wish} {colours}"

    @strawberry.field
    async def sure(self, info: strawberry.Info, root: strawberry.Parent[Any], number: int = 1) -> int:
        await asyncio.sleep(0)
        assert root is self
        assert info.field_name == "sure"
        return number if number >= 0 else None  # type: ignore[return-value]

    @strawberry.field
    def twice(self, number: int = 1) -> int:
        if number < 0:
            raise ValueError("below zero")
        return number * 2

    @strawberry.field
    async def outers(self, first: int = 2) -> list["Outer"]:
        return [self] * first


def inner(**changes: Any) -> Inner:
    plain: dict[str, Any] = {
        "number": 1, "maybe": None, "words": ["a"], "holes": ["b", None], "colour": Colour.RED,
        "at": datetime(2026, 1, 2, tzinfo=UTC), "even": 2, "ratio": 0.5, "sure": True, "id": "i",
    }  # fmt: skip
    return Inner(**plain | changes)


def outer(one: Any) -> Outer:
    thing = Thing(name="t", inner=one, things=[Thing(name="u", inner=inner(), things=[])])
    place = Place(name="p", where=None)
    return Outer(
        inner=one, inners=[inner(), one, inner()], some=[None, one], nested=[[one]], thing=thing, named=[thing, place],
        either=[place, thing],
    )  # fmt: skip


@dataclass
class Given:
    """The context: what is shown, and the document's plans."""

    value: Any
    plans: Plans | None


@strawberry.type
class Query:
    @strawberry.field
    def outer(self, info: strawberry.Info[Given, None]) -> Outer | None:
        return outer(info.context.value)


ALL = "__typename number n: maybe words holes colour at even ratio sure id"
PLACES = "named { __typename name ... on Place { where near(steps: 2) { name } } ... on Thing { inner { number } } }"
DOCUMENTS = {
    "leaves": f"{{ outer {{ inner {{ {ALL} }} }} }}",
    "lists": f"{{ outer {{ inners {{ {ALL} }} some {{ {ALL} }} nested {{ {ALL} }} }} }}",
    "beside resolvers": f"{{ outer {{ __typename twice(number: 3) later {{ {ALL} }} inner {{ {ALL} }} }} }}",
    "an interface": f"{{ outer {{ thing {{ __typename name inner {{ {ALL} }} }} {PLACES} }} }}",
    "a union": "{ outer { either { __typename ... on Thing { name inner { words } } ... on Named { name } } } }",
    "merged": "{ outer { inner { number } inner { words } ...More } } fragment More on Outer { inner { a: number } }",
    "skipped": "query ($no: Boolean = false) { outer { inner { number @include(if: $no) words @skip(if: $no) } } }",
    "fragments of its type": "{ outer { inner { ... on Inner { at } ... { number } } } }",
    "deep": "{ outer { outers { outers(first: 1) { thing { things { things { name } inner { number } } } } } } }",
    "resolvers that fail": "{ outer { a: soon(number: -1) twice(number: -1) b: soon(number: -2) } }",
    "null where not allowed": "{ outer { outers { sure(number: -1) twice soon(number: 1) } later { number } } }",
    "nulls for defaults": "{ outer { outers { soon(number: 1, wish: {size: null}, colours: BLUE) } } }",
    "an introspection": '{ __type(name: "Outer") { name fields { name type { name } } } __typename }',
}
VALUES = {
    "as it should be": inner(maybe=5),
    "null where not allowed": inner(number=None),
    "a null word": inner(words=["a", None]),
    "no list": inner(words="letters"),
    "a tuple": inner(words=("a", "b")),
    "a generator": inner(words=(word for word in "")),
    "no number": inner(number="many"),
    "a number in a text": inner(number="7", ratio="0.5", sure=1, id=7),
    "a number too large": inner(maybe=2**40),
    "the smallest number": inner(number=-(2**31)),
    "no end": inner(ratio=float("inf")),
    "nothing nullable": inner(holes=None),
    "an error": inner(number=ValueError("the value is an error")),
    "an error where anything is taken": inner(even=ValueError("the value is an error")),
    "an error in a list": inner(words=["a", ValueError("the word is an error")]),
    "undefined": inner(number=Undefined, maybe=Undefined, even=Undefined),
    "a scalar that raises": inner(even=3),
    "an object as a scalar": inner(even=object),
    "unknown to the enum": inner(colour="blue"),
    "of another enum": inner(colour=Other.RED),
    "no object": "inner",
    "no object at all": None,
    "an error as object": LookupError("no object"),
}


def schema(executor: type[PlannedExecutor] | None, **more: Any) -> strawberry.Schema:
    scalars: dict[object, ScalarDefinition] = {Even: strawberry.scalar(name="Even", serialize=even, parse_value=int)}
    made = strawberry.Schema(
        Query, execution_context_class=executor, types=[Place], config=StrawberryConfig(scalar_map=scalars), **more
    )
    made.process_errors = lambda *_: None  # type: ignore[method-assign]
    return made


STOCK, PLANNED = schema(None), schema(PlannedExecutor)


async def answered(
    document: str, value: Any, variables: dict[str, Any] | None = None, *, plans: Plans | None, name: str | None = None
) -> object:
    by = PLANNED if plans else STOCK
    return told(await by.execute(document, variables, context_value=Given(value, plans), operation_name=name))  # type: ignore[arg-type]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_answers_and_errors_are_those_of_graphql_core(document: str) -> None:
    plans = Plans(parse(document))
    for name, value in [*VALUES.items(), *VALUES.items()]:  # with plans made for another value, too
        assert await answered(document, value, plans=plans) == await answered(document, value, plans=None), name


async def test_what_is_to_be_awaited_is() -> None:
    async def soon(value: object) -> object:
        return value

    document = f"{{ outer {{ inner {{ {ALL} }} inners {{ {ALL} }} }} }}"

    def value() -> Inner:
        return inner(number=soon(7), even=soon(4), words=soon(["a"]))

    class Once:
        """Attributes that are read twice need two promises."""

        def __getattr__(self, name: str) -> object:
            return getattr(value(), name)

    plans = Plans(parse(document))
    with pytest.warns(RuntimeWarning, match="never awaited"):
        assert await answered(document, Once(), plans=plans) == await answered(document, Once(), plans=None)


async def test_properties_that_raise_are_errors_of_their_fields() -> None:
    class Broken:
        number, words = 1, ("a",)

        @property
        def maybe(self) -> int:
            raise LookupError("nothing here")

    document = "{ outer { inners { number maybe words } some { maybe } } }"
    plans = Plans(parse(document))

    assert await answered(document, Broken(), plans=plans) == await answered(document, Broken(), plans=None)


VARIED = """query One($yes: Boolean!, $also: Boolean = true, $n: Int = 2, $wish: Wish) {
  outer { ...Part
    outers(first: $n) { soon(number: $n, wish: $wish) sure(number: $n) inner { words @skip(if: $also) } } }
}
query Two($yes: Boolean = false) { outer { ...Part } }
fragment Part on Outer { inner @include(if: $yes) { number ... @skip(if: $yes) { words } } later { number } }"""
VARIABLES: list[dict[str, Any]] = [
    {"yes": yes, "also": also, "n": n, "wish": wish}
    for yes in (True, False)
    for also in (True, False)
    for n, wish in ((1, None), (3, {"words": ["w"]}), (-1, {"size": None, "colour": "BLUE"}))
]


async def test_one_documents_plans_serve_all_its_variables_and_operations() -> None:
    plans = Plans(parse(VARIED))
    for _ in range(2):
        for given in VARIABLES:
            stock = await answered(VARIED, inner(), given, plans=None, name="One")
            assert await answered(VARIED, inner(), given, plans=plans, name="One") == stock, given
            two = {"yes": given["yes"]}
            stock = await answered(VARIED, inner(), two, plans=None, name="Two")
            assert await answered(VARIED, inner(), two, plans=plans, name="Two") == stock, two


async def test_operations_that_run_at_once_do_not_disturb_each_other() -> None:
    plans = Plans(parse(VARIED))

    async def one(given: dict[str, Any]) -> None:
        stock = await answered(VARIED, inner(), given, plans=None, name="One")
        assert await answered(VARIED, inner(), given, plans=plans, name="One") == stock

    await asyncio.gather(*(one(given) for given in VARIABLES * 3))


async def test_a_repeated_document_plans_nothing_anew() -> None:
    document = "{ outer { inners { number } outers { soon(number: 1) later { words } } } }"
    plans = Plans(parse(document))
    await answered(document, inner(), plans=plans)
    size = plans.size
    await answered(document, inner(), plans=plans)

    assert size == plans.size > 0


async def test_plans_of_a_document_are_few() -> None:
    conditions = " ".join(f"a{number}: number @include(if: $v{number})" for number in range(4))
    document = (
        f"query ({' '.join(f'$v{number}: Boolean!' for number in range(4))}) {{ outer {{ inner {{ {conditions} }} }} }}"
    )
    plans = Plans(parse(document))
    sizes = []
    for bits in range(16):
        given = {f"v{number}": bool(bits >> number & 1) for number in range(4)}
        assert await answered(document, inner(), given, plans=plans) == await answered(
            document, inner(), given, plans=None
        )
        sizes.append(plans.size)

    assert sizes[MOST_PLANS - 1] == sizes[-1]


async def test_what_guards_single_fields_is_not_passed_by() -> None:
    class Shout(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            value = _next(root, info, *args, **kwargs)
            return value.upper() if isinstance(value, str) else value

    result = await schema(PlannedExecutor, extensions=[Shout]).execute(
        "{ outer { thing { name } } }", context_value=Given(inner(), None)
    )

    assert result.data == {"outer": {"thing": {"name": "T"}}}


def test_the_setting_decides_who_executes() -> None:
    assert build_schema().execution_context_class is PlannedExecutor
    assert build_schema(fast_executor=False).execution_context_class is StrawberryGraphQLCoreExecutionContext
