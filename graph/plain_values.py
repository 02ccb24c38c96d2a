"""Plain values: objects whose selected fields are all ready attributes become answers without a step for each field.

graphql-core takes every leaf through a path, an info, a resolver and a completion, some ten microseconds each, and a
page of series has thousands. Here what is selected from such objects is worked out once for an operation. Whatever does
not come out as it should, such as null where it is not allowed, is done again by graphql-core, which words the error.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetails
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

Complete: TypeAlias = Callable[[Any], Any]
# The name in the answer, the attribute, and what makes the one of the other.
Step: TypeAlias = tuple[str, str, Complete]


class _NotPlain(Exception):  # noqa: N818 - it names what was found, not a fault
    """The value is not what the schema promises."""


class PlainExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation; attributes are expected to be values, not promises of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.middleware_manager and not self.middleware_manager.middlewares:
            self.middleware_manager = None  # Strawberry's, when no extension has to do with single fields
        # By the identity of what the executor keeps for as long as the operation runs.
        self._objects: dict[tuple[int, int], Complete | None] = {}
        self._leaves: dict[int, Step | None] = {}

    def complete_value(  # noqa: PLR0917 - graphql-core's signature
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The answer for a value, or a promise of it."""
        complete = self._of_selection(return_type, field_details_list)
        if complete is not None:
            try:
                return complete(result)
            except Exception:  # noqa: BLE001, S110 - graphql-core finds it again, and says where
                pass
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: list[FieldDetails],
        path: Any,
        position_context: Any,
    ) -> Any:
        """The answer for a field, or a promise of it."""
        step = self._of_leaf(parent_type, field_details_list[0].node.name.value)
        if step is not None:
            try:
                return step[2](getattr(source, step[1]))
            except Exception:  # noqa: BLE001, S110 - graphql-core finds it again, and says where
                pass
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def _of_selection(self, declared: GraphQLOutputType, details: list[FieldDetails]) -> Complete | None:
        """What completes values of this type, with these fields selected; None unless that takes attributes only."""
        key = (id(declared), id(details))
        if key not in self._objects:
            self._objects[key] = self._planned(declared, details)
        return self._objects[key]

    def _of_leaf(self, parent_type: GraphQLObjectType, name: str) -> Step | None:
        field = self.schema.get_field(parent_type, name)
        if id(field) not in self._leaves:
            attribute = _attribute(field) if field and not self.middleware_manager else None
            named = _named(field.type) if field else None
            self._leaves[id(field)] = (
                (name, attribute, _completion(field.type, _leaf(named)))
                if field and attribute is not None and is_leaf_type(named)
                else None
            )
        return self._leaves[id(field)]

    def _planned(self, declared: GraphQLOutputType, details: list[FieldDetails]) -> Complete | None:
        named = _named(declared)
        if not is_object_type(named) or named.is_type_of is not None or self.middleware_manager:
            return None
        fields, deferred, _ = self.collect_subfields(named, details)
        steps = [self._step(named, answer_name, selected) for answer_name, selected in fields.items()]
        known = [step for step in steps if step is not None]
        return None if deferred or len(known) < len(steps) else _completion(declared, _object(known))

    def _step(self, parent_type: GraphQLObjectType, answer_name: str, details: list[FieldDetails]) -> Step | None:
        name = details[0].node.name.value
        if name == "__typename":
            return answer_name, "__class__", lambda _: parent_type.name
        if (leaf := self._of_leaf(parent_type, name)) is not None:
            return answer_name, *leaf[1:]
        field = self.schema.get_field(parent_type, name)
        attribute = _attribute(field) if field else None
        complete = self._of_selection(field.type, details) if field and attribute is not None else None
        return None if attribute is None or complete is None else (answer_name, attribute, complete)


def _attribute(field: GraphQLField) -> str | None:
    """The attribute that the field shows as it is; None when something else resolves or guards it."""
    definition = field.extensions.get("strawberry-definition")
    if isinstance(definition, StrawberryField) and definition.is_basic_field:
        # Strawberry's own mark on its resolver: what was wrapped around one does not have it.
        return definition.python_name if getattr(field.resolve, "_is_default", False) else None
    return None


def _named(declared: GraphQLOutputType) -> Any:
    while is_non_null_type(declared) or is_list_type(declared):
        declared = declared.of_type
    return declared


def _object(steps: Sequence[Step]) -> Complete:
    return lambda value: {name: complete(getattr(value, attribute)) for name, attribute, complete in steps}


def _leaf(named: GraphQLLeafType) -> Complete:
    coerce = named.coerce_output_value

    def complete(value: Any) -> Any:
        done = coerce(value)
        if done is None or done is Undefined:
            raise _NotPlain
        return done

    return complete


def _completion(declared: GraphQLOutputType, complete: Complete) -> Complete:
    """The completion of values of the type, where `complete` is that of its named type, which never gives None."""
    if is_non_null_type(declared):
        inner = declared.of_type
        return _list(inner.of_type, complete) if is_list_type(inner) else _given(complete)
    if is_list_type(declared):
        complete = _list(declared.of_type, complete)
    return lambda value: None if value is None else complete(value)


def _given(complete: Complete) -> Complete:
    def completed(value: Any) -> Any:
        if value is None:
            raise _NotPlain
        return complete(value)

    return completed


def _list(item_type: GraphQLOutputType, complete: Complete) -> Complete:
    item = _completion(item_type, complete)

    def completed(values: Any) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise _NotPlain
        return [item(value) for value in values]

    return completed
