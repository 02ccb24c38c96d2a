"""Plain values: functions that make answers of objects whose selected fields are all ready attributes.

graphql-core takes every leaf through a path, an info, a resolver and a completion, some ten microseconds each, and a
page of series has thousands. What these functions do not take, they refuse with an exception, and change nothing.
"""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_scalar_type,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema_converter import CustomGraphQLEnumType
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

# From a value to what stands for it in the answer; never None. Raises for null, and for whatever is not plain.
Complete: TypeAlias = Callable[[Any], Any]
# The name in the answer, the attribute, the type of those values that stand for themselves, and what makes an answer of
# any value.
Step: TypeAlias = tuple[str, str, type | None, Callable[[Any], Any]]

LARGEST_INT: Final = 2**31 - 1  # https://spec.graphql.org/draft/#sec-Int
# What is neither an exception nor to be awaited, which the serializer of a scalar might take all the same.
DATA: Final = frozenset({str, int, float, bool, datetime, date})


class NotPlain(Exception):  # noqa: N818 - it names what was found, not a fault
    """The value is not what the schema promises, or not there yet."""


def attribute_of(field: GraphQLField) -> str | None:
    """The attribute that the field shows as it is; None when something else resolves or guards it."""
    definition = field.extensions.get("strawberry-definition")
    if isinstance(definition, StrawberryField) and definition.is_basic_field:
        # Strawberry's own mark on its resolver: what was wrapped around one does not have it.
        return definition.python_name if getattr(field.resolve, "_is_default", False) else None
    return None


def named_type(declared: GraphQLOutputType) -> Any:
    """The type without its lists and non-nulls."""
    while is_non_null_type(declared) or is_list_type(declared):
        declared = declared.of_type
    return declared


def plain_leaf(declared: GraphQLOutputType) -> Callable[[Any], Any] | None:
    """What completes values of a scalar or enum, or of lists of them; None for other types."""
    named = named_type(declared)
    return completion(declared, _leaf(named)) if is_leaf_type(named) else None


def standing_for_itself(declared: GraphQLOutputType) -> type | None:
    """The type of which every value is its own answer; None when there is no such type."""
    named = declared.of_type if is_non_null_type(declared) else declared
    if named is GraphQLString or named is GraphQLID:
        return str
    if named is GraphQLBoolean:
        return bool
    coerce: Any = named.coerce_output_value if is_scalar_type(named) else None
    return coerce if coerce is int or coerce is str else None  # which give what is one of them back


def completion(declared: GraphQLOutputType, complete: Complete) -> Callable[[Any], Any]:
    """The completion of values of the type, where `complete` is that of its named type."""
    if is_non_null_type(declared):
        inner = declared.of_type
        return _list(completion(inner.of_type, complete)) if is_list_type(inner) else complete
    given = _list(completion(declared.of_type, complete)) if is_list_type(declared) else complete
    return lambda value: None if value is None else given(value)


def plain_object(named: GraphQLObjectType, steps: Sequence[Step]) -> Complete | None:
    """What completes objects of the type by these steps; None when the type itself tells in its own way what it is."""
    definition = named.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of is not None:
        return None
    is_type_of, origin = named.is_type_of, definition.origin
    if issubclass(origin, Exception) or hasattr(origin, "__await__"):
        return None

    def complete(value: Any) -> dict[str, Any]:
        if type(value) is not origin:
            _refuse_others(value)
        # Strawberry's own, which looks at no info: its types ask when they are ones of an interface.
        if is_type_of is not None and not is_type_of(value, None):  # type: ignore[arg-type]
            raise NotPlain
        return {
            name: shown if type(shown := getattr(value, attribute)) is kind else make(shown)
            for name, attribute, kind, make in steps
        }

    return complete


def _list(complete_item: Callable[[Any], Any]) -> Complete:
    def complete(values: Any) -> list[Any]:
        if type(values) is not list and type(values) is not tuple:
            raise NotPlain
        return [complete_item(value) for value in values]

    return complete


def _leaf(named: GraphQLLeafType) -> Complete:
    careful = _careful(named)
    kind = standing_for_itself(named)
    if kind is not None:
        return lambda value: value if type(value) is kind else careful(value)
    if named is GraphQLInt:
        return lambda value: value if type(value) is int and -LARGEST_INT <= value <= LARGEST_INT else careful(value)
    if named is GraphQLFloat:
        return lambda value: value if type(value) is float and math.isfinite(value) else careful(value)
    if isinstance(named, CustomGraphQLEnumType) and issubclass(named.wrapped_cls, Enum):
        return _enum(named, careful)
    return _scalar(named, careful)


def _careful(named: GraphQLLeafType) -> Complete:
    coerce = named.coerce_output_value

    def complete(value: Any) -> Any:
        _refuse_others(value)
        done = coerce(value)
        if done is None or done is Undefined:
            raise NotPlain
        return done

    return complete


def _scalar(named: GraphQLLeafType, careful: Complete) -> Complete:
    coerce = named.coerce_output_value

    def complete(value: Any) -> Any:
        if type(value) not in DATA:
            return careful(value)
        done = coerce(value)
        if done is None or done is Undefined:
            raise NotPlain
        return done

    return complete


def _enum(named: CustomGraphQLEnumType, careful: Complete) -> Complete:
    kind, names = named.wrapped_cls, dict[Any, str]()

    def complete(value: Any) -> Any:
        if type(value) is not kind:
            return careful(value)
        if value not in names:
            names[value] = careful(value)
        return names[value]

    return complete


def _refuse_others(value: Any) -> None:
    """Raise for null, for errors that are given as values, and for what is to be awaited."""
    if value is None or value is Undefined or isinstance(value, Exception) or optimized_is_awaitable(value):
        raise NotPlain
