"""Null reads as left out where there is a default: Relay sends null for what was not given.

Only `Update...Input` tells the two apart. GraphQL itself gives the default for what is left out and passes null on
(https://spec.graphql.org/draft/#sec-Coercing-Field-Arguments), so it is put right after the coercion, where literals
and variables have become the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from graphql.utilities.coerce_input_value import coerce_default_value
from strawberry import UNSET

Defaults = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Completed:
    """A resolver whose arguments get their defaults in the place of nulls."""

    resolve: Callable[..., Any]
    defaults: Defaults

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        return self.resolve(source, info, **self.arguments(arguments))

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """These arguments with the defaults of those that are null."""
        return _with(given, self.defaults)


def given(value: Value | None) -> Value | None:
    """The value of an argument or input field without default, or None when it was left out."""
    return None if value is UNSET else value


def read_null_as_left_out(schema: GraphQLSchema) -> None:
    """Change the schema's inputs and resolvers so that null for what has a default gives the default."""
    for named in schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType) and not named.name.startswith("Update"):
            _complete_input(named)
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType) and not named.name.startswith("__"):
            _complete_arguments(named)


def _complete_input(named: GraphQLInputObjectType) -> None:
    if defaults := _defaults(named.fields):
        read = named.out_type

        def completed(value: dict[str, Any]) -> Any:
            return read(_with(value, defaults))

        named.out_type = completed  # type: ignore[method-assign]  # meant to be set: graphql-core's own option


def _complete_arguments(named: GraphQLObjectType) -> None:
    for field in named.fields.values():
        defaults = _defaults(field.args)
        if defaults and field.resolve is not None:
            field.resolve = Completed(field.resolve, defaults)
        if defaults and field.subscribe is not None:
            field.subscribe = Completed(field.subscribe, defaults)


def _defaults(declared: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]) -> Defaults:
    found = {item.out_name or name: coerce_default_value(item) for name, item in declared.items()}
    return {name: value for name, value in found.items() if value is not Undefined and value is not None}


def _with(given: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    nulls = {name for name in defaults if given.get(name, Undefined) is None}
    return {**given, **{name: defaults[name] for name in nulls}}
