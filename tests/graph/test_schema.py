"""The printed schema: committed, described, and never broken."""

from enum import Enum
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    find_breaking_changes,
    is_specified_scalar_type,
)

from graph import schema
from graph.click_filters import DeviceType, VisitorKind
from graph.comparisons import ComparisonPeriod
from graph.errors import UserErrorCode
from graph.failures import FailureCode
from graph.intervals import TimeInterval
from graph.keys import Scope
from graph.link_lists import LinkOrderField, OrderDirection
from graph.links import LinkStatus
from graph.ranges import Period
from graph.top import ClickDimension, ClickMetric
from models import click_dimensions, clicks, comparisons, intervals, keys, link_lists, links, pages, ranges, top
from models.analytics_refusals import AnalyticsRefused
from models.refusals import ProblemCode

ROOT = Path(__file__).parent.parent.parent
PRINTED = schema.build_schema().as_str() + "\n"


def test_the_committed_schema_is_the_printed_one() -> None:
    assert (ROOT / "schema.graphql").read_text() == PRINTED, "run `make schema`"


def test_nothing_that_was_released_is_broken() -> None:
    released = ROOT / "schema.released.graphql"
    if not released.exists():
        pytest.skip("nothing was released yet")
    assert find_breaking_changes(build_schema(released.read_text()), build_schema(PRINTED)) == []


def undescribed() -> list[str]:
    """The coordinates of everything in the printed schema without a description."""
    found: list[str] = []
    for name, named in build_schema(PRINTED).type_map.items():
        if name.startswith("__") or is_specified_scalar_type(named):
            continue
        parts = {name: named.description}
        if isinstance(named, GraphQLEnumType):
            parts |= {f"{name}.{value}": definition.description for value, definition in named.values.items()}
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in named.fields.items():
                parts[f"{name}.{field_name}"] = field.description
                parts |= {f"{name}.{field_name}({arg}:)": one.description for arg, one in field.args.items()}
        if isinstance(named, GraphQLInputObjectType):
            parts |= {f"{name}.{field_name}": field.description for field_name, field in named.fields.items()}
        found += [place for place, description in parts.items() if not description]
    return found


def test_everything_is_described() -> None:
    assert undescribed() == []


def test_mutations_take_one_input_and_answer_a_nullable_payload_with_user_errors() -> None:
    mutation = build_schema(PRINTED).mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        capital = name[0].upper() + name[1:]
        assert {arg: str(one.type) for arg, one in field.args.items()} == {"input": f"{capital}Input!"}
        assert str(field.type) == f"{capital}Payload"
        assert isinstance(field.type, GraphQLObjectType)
        assert str(field.type.fields["userErrors"].type) == "[UserError!]!"


def test_every_type_with_an_id_is_a_node() -> None:
    for name, named in build_schema(PRINTED).type_map.items():
        if isinstance(named, GraphQLObjectType) and "id" in named.fields:
            assert "Node" in {interface.name for interface in named.interfaces}, name


def test_the_apis_enums_have_all_that_models_can_say() -> None:
    assert {scope.name for scope in Scope} == {scope.name for scope in keys.Scope}
    assert {status.name for status in LinkStatus} == {status.name for status in links.LinkStatus}
    assert {field.name for field in LinkOrderField} == {field.name for field in link_lists.OrderField}
    assert {one.name for one in OrderDirection} == {one.name for one in pages.Direction}
    later = {"IDEMPOTENCY_KEY_REUSED"}
    assert {code.name for code in UserErrorCode} == {code.name for code in ProblemCode} - later


def test_the_apis_enums_of_analytics_are_those_of_models() -> None:
    assert names(Period) == names(ranges.Period)
    assert names(TimeInterval) == names(intervals.TimeInterval)
    assert names(ComparisonPeriod) == names(comparisons.ComparisonPeriod)
    assert names(ClickDimension) == names(click_dimensions.ClickDimension)
    assert names(ClickMetric) == names(top.ClickMetric)
    assert names(DeviceType) == names(clicks.Device)
    assert names(VisitorKind) == names(clicks.VisitorKind)
    assert {kind.code for kind in AnalyticsRefused.__subclasses__()} <= names(FailureCode)


def names(enum: type[Enum]) -> set[str]:
    return {member.name for member in enum}
