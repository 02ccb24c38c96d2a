"""The printed schema: committed, never broken, and with all that models can say."""

import re
from enum import Enum
from pathlib import Path

from graphql import build_schema, find_breaking_changes

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
    releases = re.findall(r"(?m)^## (?!Unreleased)(.+)$", (ROOT / "CHANGELOG.md").read_text())
    baseline = ROOT / "schema.released.graphql"
    assert baseline.exists() == bool(releases), "a release keeps a copy of its schema.graphql under this name"
    if releases:
        assert find_breaking_changes(build_schema(baseline.read_text()), build_schema(PRINTED)) == []


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
