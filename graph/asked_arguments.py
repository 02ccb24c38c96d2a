"""Arguments as the document has them, read once and evaluated with the variables of each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
    print_ast,
)
from graphql.utilities import value_from_ast_untyped

from graph import cost
from graph.connections import USUAL_PAGE
from graph.cost import Number, Variables

Operand = Callable[[Variables], object]


@dataclass(frozen=True, slots=True)
class Condition:
    """A @skip or @include; two of the same text are the same."""

    text: str
    is_met: Number


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one field."""

    operands: Mapping[str, Operand]

    @property
    def may_search(self) -> bool:
        """Whether `search` has anything to look at."""
        return "search" in self.operands or "filter" in self.operands

    def search(self, variables: Variables) -> int:
        """What is paid for looking for text within texts."""
        is_asked = self._value("search", variables) is not None or _has_contains(self._value("filter", variables))
        return cost.SEARCH if is_asked else 0

    def bulk(self, variables: Variables) -> int:
        """What is paid for the `items` of the mutation's input."""
        return -(-self.items(variables) // cost.ITEMS_PER_POINT)

    def items(self, variables: Variables) -> int:
        """How many `items` there are in the mutation's input."""
        given = self._value("input", variables)
        items = given.get("items") if isinstance(given, dict) else None
        return len(items) if isinstance(items, list) else int(items is not None)  # one alone is read as a list of one

    def length(self, name: str) -> Number:
        """How long the list is that the argument gives."""

        def length(variables: Variables) -> int:
            value = self._value(name, variables)
            return len(value) if isinstance(value, list) else 1  # a value alone is read as a list of one

        return length

    def page(self, definition: GraphQLField, *, most: int) -> Number:
        """How many items `first` or `last` asks for, from 0 to `most`; null is read as left out."""
        declared = definition.args["first"].default_value if "first" in definition.args else None
        usual = declared if isinstance(declared, int) else USUAL_PAGE

        def page(variables: Variables) -> int:
            asked = [self._value(name, variables) for name in ("first", "last")]
            sizes = [size if isinstance(size, int) else most for size in asked if size is not None]
            return max(0, min(max(sizes, default=usual), most))

        return page

    def _value(self, name: str, variables: Variables) -> Any:
        operand = self.operands.get(name)
        return operand(variables) if operand else None


def arguments_of(node: FieldNode) -> Arguments:
    """The field's arguments."""
    return Arguments({argument.name.value: _operand(argument.value) for argument in node.arguments or ()})


def conditions_of(node: SelectionNode) -> tuple[Condition, ...]:
    """When the field or fragment is left out of the answer."""
    return tuple(
        _condition(directive.name.value == "include", directive.arguments[0].value, print_ast(directive))
        for directive in node.directives or ()
        if directive.name.value in ("skip", "include") and directive.arguments
    )


def defaults_of(operation: OperationDefinitionNode) -> Variables:
    """The values of variables that are not given."""
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }


def _condition(wanted: bool, node: ValueNode, text: str) -> Condition:
    operand = _operand(node)
    return Condition(text, lambda variables: int(bool(operand(variables)) is wanted))


def _operand(node: ValueNode) -> Operand:
    if isinstance(node, VariableNode):
        name = node.name.value
        return lambda variables: variables.get(name)
    if _has_variables(node):
        return lambda variables: value_from_ast_untyped(node, dict(variables))
    value = value_from_ast_untyped(node)
    return lambda _variables: value


def _has_variables(node: ValueNode) -> bool:
    if isinstance(node, ListValueNode):
        return any(_has_variables(one) for one in node.values)
    if isinstance(node, ObjectValueNode):
        return any(_has_variables(one.value) for one in node.fields)
    return isinstance(node, VariableNode)


def _has_contains(value: object) -> bool:
    """Whether a filter, which the guard has found to be of bounded depth, looks for a part of a text."""
    if isinstance(value, list):
        return any(_has_contains(one) for one in value)
    if isinstance(value, dict):
        return any(one is not None and (name == "contains" or _has_contains(one)) for name, one in value.items())
    return False
