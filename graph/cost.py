"""What an operation costs: prices, and a plan that computes the cost of one operation from its variables or its answer.

docs/limits.md has the prices in words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from graphql import OperationType

MUTATION: Final = 10
ITEMS_PER_POINT: Final = 5  # of a bulk mutation
SUBSCRIPTION: Final = 10
ITEM: Final = 1
OBJECT: Final = 1
TOTAL_COUNT: Final = 2
SEARCH: Final = 5
LEAST: Final = 1  # of any operation, also one that is ill-formed
# The whole schema is as long an answer as a page of a hundred links.
INTROSPECTION: Final = {"__schema": 100, "__type": 10}
# Objects that are not one point, by their types; a comparison costs what is asked in it, twice.
BY_TYPE: Final = {"Analytics": 2, "TimeSeries": 3, "TopValues": 3, "AnalyticsComparison": 0, "PageInfo": 0}
COMPARED: Final = 2
# Parts of what is paid for already.
FREE: Final = frozenset({"TopValues.other", "TimeSeries.points"})
# Lists of objects whose length the arguments of the field above them give.
SIZED: Final = frozenset(
    {"TopValues.rows", "CreateLinksPayload.results", "UpdateLinksPayload.results", "DeactivateLinksPayload.results"}
)
# Other lists of objects, and the argument that says how many.
LISTS: Final = {"Query.nodes": "ids", "Subscription.linksClicked": "ids"}
ERRORS: Final = "userErrors"

Variables = Mapping[str, object]
Number = Callable[[Variables], int]


def compared(_variables: Variables) -> int:
    """How often what is selected in a comparison is paid."""
    return COMPARED


@dataclass(frozen=True, slots=True)
class Part:
    """A field whose cost depends on variables or on how long its list turns out to be; the rest is summed up in it.

    `own` is paid once, `each` and the parts for every item; `count` says how many are asked for, None: one.
    """

    key: str
    own: int
    each: int
    parts: tuple["Part", ...] = ()
    count: Number | None = None
    extras: tuple[Number, ...] = ()
    conditions: tuple[Number, ...] = ()  # of @skip and @include: all must be 1

    @property
    def is_fixed(self) -> bool:
        """Whether it always costs the same."""
        return not (self.parts or self.count or self.extras or self.conditions)

    def requested(self, variables: Variables) -> int:
        """What it costs when every list is as long as asked for."""
        if not all(condition(variables) for condition in self.conditions):
            return 0
        items = self.count(variables) if self.count else 1
        return self._own(variables) + items * self.item(variables)

    def actual(self, variables: Variables, value: object) -> int:
        """What it cost with the lists that its value in the answer really has; null is paid as if it were all there."""
        if value is None or not all(condition(variables) for condition in self.conditions):
            return self.requested(variables)
        if isinstance(value, list):
            return self._own(variables) + sum(self._actual_item(variables, item) for item in value)
        items = self.count(variables) if self.count else 1
        return self._own(variables) + items * self._actual_item(variables, value)

    def item(self, variables: Variables) -> int:
        """What one item costs when every list in it is as long as asked for."""
        return self.each + sum(part.requested(variables) for part in self.parts)

    def _own(self, variables: Variables) -> int:
        return self.own + sum(extra(variables) for extra in self.extras)

    def _actual_item(self, variables: Variables, item: object) -> int:
        if not self.parts:
            return self.each
        if not isinstance(item, dict):
            return self.item(variables)
        return self.each + sum(part.actual(variables, item.get(part.key)) for part in self.parts)


@dataclass(frozen=True, slots=True)
class CostPlan:
    """The cost of one operation of a document; `defaults` are its variables' own."""

    kind: OperationType
    whole: Part
    defaults: Variables
    events: tuple[Part, ...] = ()  # a subscription's field, where objects are free and all else costs as ever

    def requested(self, variables: Variables | None) -> int:
        """The cost before it runs, at least 1."""
        return max(LEAST, self.whole.requested({**self.defaults, **(variables or {})}))

    def message(self, variables: Variables | None, things: int | None = None) -> int:
        """The cost of a subscription's message about so many clicks or links; None: about as many as there may be."""
        given = {**self.defaults, **(variables or {})}
        return sum(event.requested(given) if things is None else things * event.item(given) for event in self.events)

    def actual(self, variables: Variables | None, data: object) -> int:
        """The cost of the answer `data`, never more than was requested."""
        if self.kind is OperationType.SUBSCRIPTION:
            return self.requested(variables)
        given = {**self.defaults, **(variables or {})}
        return max(LEAST, min(self.whole.actual(given, data), self.whole.requested(given)))
