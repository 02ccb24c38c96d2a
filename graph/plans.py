"""Plans: what was worked out about executing an operation, kept as long as its document is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    Node,
    Undefined,
    VariableNode,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet

from graph.plain_values import Complete, Step
from graph.resolver_calls import Arguments, ResolverCall

MOST_PLANS: Final = 8  # of one document: each of its operations has one for each way its conditions turn out
CONDITIONS: Final = ("skip", "include")


@dataclass(slots=True)
class PlannedField:
    """A field at one place of an answer: either a ready attribute, or a resolver that can be called directly.

    `complete` is for what the resolver answers, if that is nothing but plain values; `nodes` are where the document
    asks for it.
    """

    definition: GraphQLField
    details: FieldDetailsList
    nodes: list[FieldNode]
    step: Step | None = None
    call: ResolverCall | None = None
    complete: Complete | None = None
    is_constant: bool = False  # no variable is in its arguments
    arguments: Arguments | None = None


@dataclass(slots=True)
class Plan:
    """One operation's, for one outcome of its conditions; grows as it is executed.

    Everything is found by the identity of lists that graphql-core has collected, which `root` and `below` keep alive.
    """

    root: GroupedFieldSet | None = None
    below: dict[tuple[GraphQLObjectType, int], tuple[FieldDetailsList, CollectedFields]] = field(default_factory=dict)
    values: dict[tuple[int, int], Complete | None] = field(default_factory=dict)
    fields: dict[int, PlannedField | None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many things it remembers: fields, objects and what is selected in them."""
        selected = sum(1 + len(collected.grouped_field_set) for _, collected in self.below.values())
        return selected + len(self.values) + len(self.fields)


class Plans:
    """The plans of one document's operations."""

    def __init__(self, document: DocumentNode) -> None:
        self._conditions = sorted(set(_condition_variables(document)))
        self._plans: dict[tuple[object, ...], Plan] = {}

    def of(self, operation: str | None, variables: dict[str, Any]) -> Plan:
        """The operation's plan with these variables, which have their defaults; a passing one if there are too many."""
        key = (operation, *(variables.get(name, Undefined) for name in self._conditions))
        plan = self._plans.get(key) or Plan()
        if len(self._plans) < MOST_PLANS:
            self._plans[key] = plan
        return plan

    @property
    def size(self) -> int:
        """How many things they remember."""
        return sum(plan.size for plan in self._plans.values())

    def forget(self) -> None:
        """Make room; what runs keeps its own."""
        self._plans = {}


def walked(node: Node) -> Iterator[Node]:
    """The node and all below it, in no order; nothing recurses, however deep a document is."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        for key in one.keys:
            value = getattr(one, key)
            if isinstance(value, Node):
                waiting.append(value)
            elif isinstance(value, list | tuple):
                waiting.extend(item for item in value if isinstance(item, Node))


def has_variables(node: Node) -> bool:
    """Whether a variable is anywhere in it."""
    return any(isinstance(one, VariableNode) for one in walked(node))


def _condition_variables(document: DocumentNode) -> Iterator[str]:
    for node in walked(document):
        if isinstance(node, DirectiveNode) and node.name.value in CONDITIONS:
            yield from (one.name.value for one in walked(node) if isinstance(one, VariableNode))
