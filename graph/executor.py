"""The executor: graphql-core's, with shorter ways for what is answered most, planned once for a document.

Plain values are completed by the functions of `plain_values`, and `async def` resolvers called directly. Everything
else, and every error, is graphql-core's: what does not come out as it should is done again by it, which words the error
and finds its place. The answers are the same with `KURZ_FAST_EXECUTOR=off`.
"""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, is_object_type
from graphql.execution.collect_fields import DeferUsage, FieldDetailsList, GroupedFieldSet
from graphql.execution.values import get_argument_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.plain_values import (
    Complete,
    Step,
    attribute_of,
    completion,
    named_type,
    plain_leaf,
    plain_object,
    standing_for_itself,
)
from graph.plans import Plan, PlannedField, Plans, has_variables
from graph.resolver_calls import Arguments, resolver_call


class PlannedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes one operation, by the document's plans if the context has them as `plans`.

    Attributes that fields show are expected to be values that can be read twice.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.middleware_manager and not self.middleware_manager.middlewares:
            self.middleware_manager = None  # Strawberry's, when no extension has to do with single fields
        plans = getattr(self.context_value, "plans", None)
        name = self.operation.name.value if self.operation.name else None
        self._plan = plans.of(name, self.variable_values.coerced) if isinstance(plans, Plans) else Plan()
        self._relevant_sub_fields = self._plan.below
        self._is_planned = self.middleware_manager is None and self.abort_signal is None
        # Of fields with variables in them, which are the same for all parents of this operation.
        self._arguments: dict[int, Arguments] = {}

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: GroupedFieldSet,
        serially: bool,
        new_defer_usages: Sequence[DeferUsage],
    ) -> Any:
        """The answer, or a promise of it; with the fields that were collected when the plan was begun."""
        if self._plan.root is None:
            self._plan.root = grouped_field_set
        return super().execute_collected_root_fields(root_type, root_value, self._plan.root, serially, new_defer_usages)

    def complete_value(  # noqa: PLR0917 - graphql-core's signature
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The answer for a value, or a promise of it."""
        complete = self._value(return_type, field_details_list) if self._is_planned else None
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
        field_details_list: FieldDetailsList,
        path: Any,
        position_context: Any,
    ) -> Any:
        """The answer for a field, or a promise of it."""
        field = self._field(parent_type, field_details_list) if self._is_planned else None
        if field is not None and field.step is not None:
            try:
                return field.step[3](getattr(source, field.step[1]))
            except Exception:  # noqa: BLE001, S110 - graphql-core finds it again, and says where
                pass
        elif field is not None and position_context is None:
            return self._begun(field, parent_type, source, path)
        return super().execute_field(parent_type, source, field_details_list, path, position_context)

    def _begun(self, field: PlannedField, parent_type: GraphQLObjectType, source: Any, path: Any) -> Any:
        """A promise of what a resolver answers; what is refused now is refused in the order of the fields."""
        assert field.call is not None
        info = self.build_resolve_info(field.definition, field.nodes, parent_type, path)
        try:
            arguments = field.arguments or self._arguments.get(id(field)) or self._read(field)
            field.call.check(source, info)
        except Exception as error:  # noqa: BLE001 - graphql-core raises it again where null is not allowed
            return self.handle_field_error(error, field.definition.type, field.details, path)
        return self._resolved(field, source, info, arguments)

    async def _resolved(
        self, field: PlannedField, source: Any, info: GraphQLResolveInfo[Any], arguments: Arguments
    ) -> Any:
        assert field.call is not None
        declared, details, path = field.definition.type, field.details, info.path
        try:
            value = await field.call.begin(source, info, arguments)
            if field.complete is not None:
                try:
                    return field.complete(value)
                except Exception:  # noqa: BLE001, S110 - graphql-core finds it again, and says where
                    pass
            completed = super().complete_value(declared, details, info, path, value, None)
            return await completed if self.is_awaitable(completed) else completed
        except Exception as error:  # noqa: BLE001 - graphql-core raises it again where null is not allowed
            return self.handle_field_error(error, declared, details, path)

    def _read(self, field: PlannedField) -> Arguments:
        assert field.call is not None
        first = field.details[0]
        coerced = get_argument_values(
            field.definition, first.node, self.variable_values, first.fragment_variable_values, self.hide_suggestions
        )
        arguments = field.call.read(coerced)
        if field.is_constant:
            field.arguments = arguments
        else:
            self._arguments[id(field)] = arguments
        return arguments

    def _value(self, declared: GraphQLOutputType, details: FieldDetailsList) -> Complete | None:
        """What completes values of this type, with these fields selected; None unless that takes attributes only."""
        key = (id(declared), id(details))
        values = self._plan.values
        if key not in values:
            values[key] = self._planned_value(declared, details)
        return values[key]

    def _planned_value(self, declared: GraphQLOutputType, details: FieldDetailsList) -> Complete | None:
        named = named_type(declared)
        if not is_object_type(named):
            return None
        fields, deferred, _ = self.collect_subfields(named, details)
        steps = [self._step(named, name, selected) for name, selected in fields.items()]
        known = [step for step in steps if step is not None]
        complete = None if deferred or len(known) < len(steps) else plain_object(named, known)
        return None if complete is None else completion(declared, complete)

    def _step(self, parent_type: GraphQLObjectType, answer_name: str, details: FieldDetailsList) -> Step | None:
        name = details[0].node.name.value
        if name == "__typename":
            return answer_name, "__class__", None, lambda _: parent_type.name
        field = self.schema.get_field(parent_type, name)
        attribute = attribute_of(field) if field else None
        if field is None or attribute is None:
            return None
        complete = plain_leaf(field.type) or self._value(field.type, details)
        if complete is None:
            return None
        return answer_name, attribute, standing_for_itself(field.type), complete

    def _field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> PlannedField | None:
        """The plan for a field; None when it is graphql-core's to execute."""
        fields = self._plan.fields
        if id(details) not in fields:
            fields[id(details)] = self._planned_field(parent_type, details)
        return fields[id(details)]

    def _planned_field(self, parent_type: GraphQLObjectType, details: FieldDetailsList) -> PlannedField | None:
        node = details[0].node
        definition = self.schema.get_field(parent_type, node.name.value)
        if definition is None:
            return None
        nodes = [one.node for one in details]
        step = self._step(parent_type, node.name.value, details)
        if step is not None:
            return PlannedField(definition, details, nodes, step=step)
        # What changes something is converted for itself: its resolver may do with it what it likes.
        if parent_type is self.schema.mutation_type or not hasattr(self.schema, "_strawberry_schema"):
            return None
        call = resolver_call(definition, self.schema._strawberry_schema.schema_converter)
        if call is None:
            return None
        complete = self._value(definition.type, details)
        is_constant = not any(has_variables(argument) for argument in node.arguments or ())
        return PlannedField(definition, details, nodes, call=call, complete=complete, is_constant=is_constant)
