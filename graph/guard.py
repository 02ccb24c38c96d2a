"""The guard: refuses what would be slow to validate or to run, in one walk over a document and one over variables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
)

from graph.failures import ApiFailure, FailureCode

MOST_CHARACTERS: Final = 50_000
MOST_TOKENS: Final = 1_500
MOST_FIELDS: Final = 1_000
MOST_ALIASES: Final = 200
MOST_DEPTH: Final = 15
MOST_INTROSPECTION_DEPTH: Final = 20  # the usual introspection query has 14
MOST_NESTING: Final = 60
MOST_REPEATS: Final = 20
MOST_FRAGMENTS: Final = 60  # validation compares each with each
MOST_ROOT_QUERIES: Final = 20
MOST_ROOT_MUTATIONS: Final = 5
MOST_DIRECTIVES: Final = 50
MOST_DIGITS: Final = 40
MOST_ITEMS: Final = 1_000
MOST_VALUE_DEPTH: Final = 10
MOST_VALUES: Final = 20_000

_INTROSPECTION: Final = ("__schema", "__type")
_MANY: Final = (list, dict)


def refuse_text(text: str) -> None:
    """Raise QUERY_TOO_COMPLEX for a text that is too long to be read."""
    _limit("characters", len(text), MOST_CHARACTERS)


def refuse_variables(variables: Mapping[str, object] | None) -> None:
    """Raise QUERY_TOO_COMPLEX for lists that are too long, and for values too deep or too many."""
    seen = len(variables or {})
    _limit("values in the variables", seen, MOST_VALUES)
    waiting: list[tuple[object, int]] = [(value, 1) for value in (variables or {}).values() if isinstance(value, _MANY)]
    while waiting:
        value, depth = waiting.pop()
        _limit("levels of values in a variable", depth, MOST_VALUE_DEPTH)
        inner = list(value.values()) if isinstance(value, dict) else value
        assert isinstance(inner, list)
        if inner is value:
            _limit("values in a list", len(inner), MOST_ITEMS)
        seen += len(inner)
        _limit("values in the variables", seen, MOST_VALUES)
        waiting += [(one, depth + 1) for one in inner if isinstance(one, _MANY)]


@dataclass(slots=True)
class _Size:
    """What a selection set comes to, its fragments included as often as they are spread."""

    fields: int = 0
    aliases: int = 0
    width: int = 0  # fields at its top
    depth: int = 0

    def add(self, inner: "_Size", *, is_level: bool) -> None:
        self.fields += inner.fields
        self.aliases += inner.aliases
        if is_level:
            self.depth = max(self.depth, inner.depth + 1)
        else:
            self.width += inner.width
            self.depth = max(self.depth, inner.depth)
        _limit("fields, counted as often as their fragments are used", self.fields, MOST_FIELDS)
        _limit("aliases, counted as often as their fragments are used", self.aliases, MOST_ALIASES)


class Guard:
    """One document's check; `visited` says how many nodes it has looked at.

    It comes before validation, whose own rules are slow on many fields of one name. A fragment is measured once,
    however often it is spread, and nothing recurses further than MOST_NESTING.
    """

    def __init__(self, document: DocumentNode) -> None:
        self.visited = 0
        self._document = document
        self._directives = 0
        self._sizes: dict[str, _Size | None] = {}  # None while being measured
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def check(self) -> None:
        """Raise QUERY_TOO_COMPLEX for a document that is too much, BAD_REQUEST for fragments that go round."""
        _limit("fragments", len(self._fragments), MOST_FRAGMENTS)
        total = _Size()
        for definition in self._document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                total.add(self._operation(definition), is_level=True)
                self._check_repeats([definition.selection_set], level=1)
        for name, fragment in self._fragments.items():
            if name not in self._sizes:  # spread nowhere: validation looks at it before it says so
                total.add(self._fragment(name, level=1), is_level=True)
                self._check_repeats([fragment.selection_set], level=1)

    def _operation(self, operation: OperationDefinitionNode) -> _Size:
        self._look_at(operation.directives)
        for variable in operation.variable_definitions or ():
            self._look_at(variable.directives)
            self._look_into(variable.default_value)
        size = self._measure(operation.selection_set, level=1)
        is_mutation = operation.operation is OperationType.MUTATION
        _limit("root fields", size.width, MOST_ROOT_MUTATIONS if is_mutation else MOST_ROOT_QUERIES)
        _limit("levels of fields", size.depth, MOST_DEPTH)
        return size

    def _measure(self, selection_set: SelectionSetNode, *, level: int) -> _Size:
        _limit("levels of selections and fragments", level, MOST_NESTING)
        size = _Size()
        for selection in selection_set.selections:
            self.visited += 1
            self._look_at(selection.directives)
            if isinstance(selection, FieldNode):
                size.add(self._field(selection, level=level), is_level=True)
                size.width += 1
            elif isinstance(selection, InlineFragmentNode):
                size.add(self._measure(selection.selection_set, level=level + 1), is_level=False)
            elif isinstance(selection, FragmentSpreadNode):
                size.add(self._fragment(selection.name.value, level=level + 1), is_level=False)
        return size

    def _field(self, field: FieldNode, *, level: int) -> _Size:
        """The field and what is below it; its depth is that below it."""
        for argument in field.arguments or ():
            self._look_into(argument.value)
        size = self._measure(field.selection_set, level=level + 1) if field.selection_set else _Size()
        size.fields += 1
        size.aliases += field.alias is not None
        if field.name.value in _INTROSPECTION:
            _limit("levels of introspection", size.depth, MOST_INTROSPECTION_DEPTH)
            size.depth = 0
        return size

    def _fragment(self, name: str, *, level: int) -> _Size:
        if name in self._sizes:
            size = self._sizes[name]
            if size is None:
                raise ApiFailure(FailureCode.BAD_REQUEST, f"The fragment {name[:100]} is spread within itself.")
            return size
        fragment = self._fragments.get(name)
        self._sizes[name] = None
        size = _Size()
        if fragment:  # else validation refuses the document
            self._look_at(fragment.directives)
            size = self._measure(fragment.selection_set, level=level)
        self._sizes[name] = size
        return size

    def _look_at(self, directives: Iterable[DirectiveNode] | None) -> None:
        for directive in directives or ():
            self._directives += 1
            _limit("directives", self._directives, MOST_DIRECTIVES)
            for argument in directive.arguments or ():
                self._look_into(argument.value)

    def _look_into(self, value: ValueNode | None) -> None:
        """Refuse long lists, deep values, and numbers that no type can hold but that take long to read."""
        waiting = [(value, 0)] if value else []
        while waiting:
            node, depth = waiting.pop()
            self.visited += 1
            if isinstance(node, IntValueNode | FloatValueNode):
                _limit("characters in a number", len(node.value), MOST_DIGITS)
            elif isinstance(node, ListValueNode):
                _limit("values in a list", len(node.values), MOST_ITEMS)
                waiting += [(one, depth + 1) for one in node.values]
            elif isinstance(node, ObjectValueNode):
                waiting += [(one.value, depth + 1) for one in node.fields]
            _limit("levels of values", depth, MOST_VALUE_DEPTH)

    def _check_repeats(self, merged: list[SelectionSetNode], *, level: int) -> None:
        """Refuse what validation would have to compare each with each: many fields at one place of the answer.

        The fragments are gone into again each time, which is bounded: their fields have been counted.
        """
        _limit("levels of selections and fragments", level, MOST_NESTING)
        places: dict[str, list[FieldNode]] = {}
        seen, waiting = set[str](), list(merged)
        while waiting:
            for selection in waiting.pop().selections:
                self.visited += 1
                if isinstance(selection, FieldNode):
                    places.setdefault((selection.alias or selection.name).value, []).append(selection)
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                    seen.add(selection.name.value)
                    if fragment := self._fragments.get(selection.name.value):
                        waiting.append(fragment.selection_set)
        for fields in places.values():
            _limit("fields at one place of the answer", len(fields), MOST_REPEATS)
            if below := [field.selection_set for field in fields if field.selection_set]:
                self._check_repeats(below, level=level + 1)


def _limit(what: str, count: int, most: int) -> None:
    if count > most:
        raise ApiFailure(FailureCode.QUERY_TOO_COMPLEX, f"Too many {what}: {count}, at most {most} are allowed.")
