"""Calls of resolvers without Strawberry's way to them, which converts the same arguments anew for every parent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from graphql import GraphQLField, GraphQLResolveInfo
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from graph.defaults import Completed


@dataclass(frozen=True, slots=True)
class Checked:
    """A resolver that runs when `check`, which is given the parent and the info, does not raise."""

    resolve: Callable[..., Any]
    check: Callable[[Any, Any], None]

    def __call__(self, source: Any, info: Any, **arguments: Any) -> Any:
        self.check(source, info)
        return self.resolve(source, info, **arguments)


@dataclass(slots=True)
class Arguments:
    """Arguments as graphql-core has read them, and as the resolver takes them, once that is known."""

    coerced: Mapping[str, Any]
    converted: dict[str, Any] | None = None


class ResolverCall:
    """An `async def` behind a field, and what is around it: who may ask, and the defaults of arguments.

    Arguments that were converted are given to every call again: resolvers do not change them.
    """

    __slots__ = ("_checked", "_completed", "_converter", "_definition", "_function", "_info", "_parents", "_takes_self")

    def __init__(
        self,
        converter: GraphQLCoreConverter,
        definition: StrawberryField,
        resolver: StrawberryResolver[Any],
        function: Callable[..., Awaitable[Any]],
        *,
        checked: Checked | None,
        completed: Completed | None,
    ) -> None:
        self._converter = converter
        self._definition = definition
        self._function = function
        self._takes_self = resolver.self_parameter is not None
        self._info = resolver.info_parameter.name if resolver.info_parameter else None
        parents = (resolver.parent_parameter, resolver.root_parameter)
        self._parents = [parameter.name for parameter in parents if parameter]
        self._checked = checked
        self._completed = completed

    def read(self, coerced: dict[str, Any]) -> Arguments:
        """The arguments that graphql-core has read, with defaults in the place of nulls."""
        return Arguments(self._completed.arguments(coerced) if self._completed else coerced)

    def check(self, source: Any, info: GraphQLResolveInfo[Any]) -> None:
        """Raise what the field answers to those who may not ask for it."""
        if self._checked is not None:
            self._checked.check(source, info)

    def begin(self, source: Any, info: GraphQLResolveInfo[Any], arguments: Arguments) -> Awaitable[Any]:
        """A promise of what the resolver answers; raises what is wrong with the arguments."""
        config = self._converter.config
        shown = config.info_class(_raw_info=info, _field=self._definition)
        if arguments.converted is None:
            arguments.converted = convert_arguments(
                dict(arguments.coerced), self._definition.arguments, self._converter.scalar_registry, config, info=shown
            )
        given = dict(arguments.converted)
        for name in self._parents:
            given[name] = source
        if self._info is not None:
            given[self._info] = shown
        return self._function(source, **given) if self._takes_self else self._function(**given)


def resolver_call(field: GraphQLField, converter: GraphQLCoreConverter) -> ResolverCall | None:
    """The call of the field's resolver; None for whatever is not an `async def` that Strawberry would call just so."""
    checked = completed = None
    resolve = field.resolve
    if isinstance(resolve, Checked):
        checked, resolve = resolve, resolve.resolve
    if isinstance(resolve, Completed):
        completed, resolve = resolve, resolve.resolve
    definition = field.extensions.get("strawberry-definition")
    # Strawberry's own mark on its way to a resolver: what took its place does not have it.
    if getattr(resolve, "_is_default", None) is not False or type(definition) is not StrawberryField:
        return None
    resolver = definition.base_resolver
    if resolver is None or definition.extensions or not _is_simple(converter):
        return None
    function = resolver.wrapped_func
    if not iscoroutinefunction(function):
        return None
    return ResolverCall(converter, definition, resolver, function, checked=checked, completed=completed)


def _is_simple(converter: GraphQLCoreConverter) -> bool:
    """Whether no exceptions become answers and no inputs make themselves of what they find in the request."""
    if converter._exception_handler_specs:
        return False
    definitions = (known.definition for known in converter.type_map.values())
    return not any(isinstance(one, StrawberryObjectDefinition) and one.from_input for one in definitions)
