"""Every read of the tests a second time, by Strawberry's own executor: the answers must be equal, errors included."""

from collections.abc import Iterator
from copy import copy
from typing import Any, ClassVar

from graphql import ExecutionResult, FieldNode, OperationType
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graph.context import Context
from graph.executor import PlannedExecutor
from graph.plans import walked

BY_CHANCE = ("suggestions",)  # fields with another answer each time
TRIES = 5  # of tests that change something meanwhile


class BothWays(PlannedExecutor):
    """The executor that is asked in its place. `differences` are the answers that were not equal."""

    differences: ClassVar[list[tuple[object, object]]] = []

    def execute_operation(self, serially: bool | None = None) -> Any:
        answer = super().execute_operation(serially)
        is_read = self.operation.operation is not OperationType.MUTATION and isinstance(self.context_value, Context)
        if not is_read or any(one.name.value in BY_CHANCE for one in self._fields()):
            return answer
        return self._compared(answer, serially)

    def _fields(self) -> Iterator[FieldNode]:
        for part in (self.operation, *self.fragment_definitions.values()):
            yield from (one for one in walked(part) if isinstance(one, FieldNode))

    async def _compared(self, answer: Any, serially: bool | None) -> Any:
        ours = answer if isinstance(answer, ExecutionResult) else await answer
        again = ours
        for left in reversed(range(TRIES)):
            stock = await self._once_more(StrawberryGraphQLCoreExecutionContext, serially)
            if told(again) == told(stock):
                break
            if left:
                again = await self._once_more(PlannedExecutor, serially)
            else:
                self.differences.append((told(again), told(stock)))
        return ours

    async def _once_more(
        self, kind: type[StrawberryGraphQLCoreExecutionContext], serially: bool | None
    ) -> ExecutionResult:
        """With nothing remembered but the present, of which each statement has its own."""
        context = copy(self.context_value)
        moment = context.loaders.clicks._moment
        context._loaders = None
        context.loaders.clicks._moment = moment
        executor = kind(
            self.schema, self.fragment_definitions, self.fragments, self.root_value, context, self.operation,
            self.variable_values, self.field_resolver, self.type_resolver, self.subscribe_field_resolver,
            is_awaitable=self.is_awaitable, hide_suggestions=self.hide_suggestions,
        )  # fmt: skip
        answer: Any = executor.execute_operation(serially)
        result = answer if isinstance(answer, ExecutionResult) else await answer
        assert isinstance(result, ExecutionResult), "nothing is told in parts"
        return result


def told(result: ExecutionResult) -> object:
    """All that a client could be told, in the order of the fields, and what each error was."""
    errors = [(error.formatted, type(error.original_error)) for error in result.errors or []]
    return _ordered(result.data), errors


def _ordered(data: object) -> object:
    """Objects as lists of pairs, which are equal only in the same order; numbers with their types."""
    if isinstance(data, dict):
        return [(name, _ordered(value)) for name, value in data.items()]
    if isinstance(data, list):
        return ["list", *map(_ordered, data)]
    return type(data), data
