"""Subscriptions for every transport: begun once, then run anew for each event, with fresh loaders and a time limit."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sized
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson
from graphql import ExecutionResult as CoreResult
from graphql import Executor, GraphQLError, create_source_event_stream, execute_subscription_event
from strawberry.execution import optimized_is_awaitable
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from graph.asked import Asked, RequestRefused
from graph.charges import MessageCharge
from graph.context import Context
from graph.document import DocumentGate
from graph.failures import ApiFailure, FailureCode, was_run
from graph.operations import QUERIES_AND_MUTATIONS, Caller, KindRefused, Operations, body_of, failed
from models.click_feed import Place, StoredClick

SHARED_MESSAGES: Final = 256


@dataclass(frozen=True, slots=True)
class Message:
    """An answer of a subscription as JSON; with `is_refusal` it is the only one, and says why there will be none."""

    body: bytes
    is_refusal: bool = False


Wish: TypeAlias = tuple[object, bytes]
Running: TypeAlias = "Executor[Any]"


class _Refused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The subscription does not begin."""

    def __init__(self, errors: list[GraphQLError], extensions: dict[str, Any] | None) -> None:
        super().__init__(errors)
        self.result = ExecutionResult(data=None, errors=errors, extensions=extensions)


class Subscriptions:
    """Begins subscriptions; one for the process, since who wants the same of the same click gets the same message."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._schema = operations.schema
        self._wanted = Counter[Wish]()
        self._shared = OrderedDict[tuple[Wish, Place], asyncio.Task[bytes]]()

    async def answers(self, asked: Asked, *, caller: Caller) -> AsyncGenerator[Message, None]:
        """The one message of a query or mutation, or those of a subscription."""
        try:
            result = await self._operations.run(asked, caller=caller, kinds=QUERIES_AND_MUTATIONS)
            yield Message(_encoded(result), is_refusal=not was_run(result))
        except RequestRefused as refused:
            yield Message(orjson.dumps(refused.body), is_refusal=True)
        except KindRefused:
            async with aclosing(self.messages(asked, caller=caller)) as messages:
                async for message in messages:
                    yield message

    async def messages(self, asked: Asked, *, caller: Caller) -> AsyncGenerator[Message, None]:
        """The messages of a subscription, as long as it is read; one that does not begin says why in its only one."""
        context = self._operations.context_for(caller)
        try:
            executor, message_cost = await self._begun(asked, context)
            charge = MessageCharge(context)
            async with aclosing(await _events(executor)) as events, self._wish(asked, caller) as wish:
                async for event in events:
                    charge.pay(message_cost(_things(event)))
                    yield Message(await self._body(executor, event, wish, caller))
        except _Refused as refused:
            shown = self._schema.shown(refused.result, request_id=caller.request_id)
            yield Message(_encoded(shown), is_refusal=True)
        except Exception as error:  # noqa: BLE001 - logged and masked, as it would be in a field
            yield Message(_encoded(failed(error, request_id=caller.request_id)), is_refusal=True)
        finally:
            context.database.end()

    async def _begun(self, asked: Asked, context: Context) -> tuple[Running, Callable[[int], int]]:
        """What Strawberry does before it subscribes; its own stream would keep one context for all events.

        With it comes what a message costs that tells of so many clicks or links.
        """
        schema = self._schema
        execution = schema._create_execution_context(
            query=self._operations.text_of(asked),
            allowed_operation_types=(OperationType.SUBSCRIPTION,),
            variable_values=asked.variables,
            context_value=context,
            root_value=None,
            operation_name=asked.operation_name,
            operation_extensions=None,
        )
        extensions = schema.get_extensions()
        for extension in extensions:
            extension.execution_context = execution
        runner = schema.create_extensions_runner(execution, extensions)
        async with runner.operation():
            refused = await schema._prepare_operation_async(execution, runner)
            told = await runner.get_extensions_results(execution)
        if refused is not None:
            raise _Refused(refused.errors or [], told)
        assert execution.graphql_document is not None
        executor = schema.execution_context_class.build(
            schema._schema,
            execution.graphql_document,
            context_value=context,
            raw_variable_values=execution.variables,
            operation_name=execution.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # Strawberry passes it just so
        )
        if isinstance(executor, list):
            raise _Refused(executor, told)
        gate = next(extension for extension in extensions if isinstance(extension, DocumentGate))
        return executor, gate.message_cost

    @asynccontextmanager
    async def _wish(self, asked: Asked, caller: Caller) -> AsyncIterator[Wish]:
        """Counts those who want the same: same words, same variables, and the same caller with the same rights."""
        words = [asked.query, asked.document_id, asked.operation_name, asked.variables]
        wish = (_rights(caller), orjson.dumps(words))
        self._wanted[wish] += 1
        try:
            yield wish
        finally:
            self._wanted[wish] -= 1
            if not self._wanted[wish]:
                del self._wanted[wish]
                for name in [name for name in self._shared if name[0] == wish]:
                    del self._shared[name]

    async def _body(self, executor: Running, event: object, wish: Wish, caller: Caller) -> bytes:
        """The message for an event; made once for all who want the same of the same click."""
        if not isinstance(event, StoredClick) or self._wanted[wish] == 1:
            return await self._made(executor, event, caller)
        name = (wish, event.place)
        task = self._shared.get(name)
        if task is None:
            task = self._shared[name] = asyncio.create_task(self._made(executor, event, caller))
            if len(self._shared) > SHARED_MESSAGES:
                self._shared.popitem(last=False)
        return task.result() if task.done() else await asyncio.shield(task)

    async def _made(self, executor: Running, event: object, caller: Caller) -> bytes:
        context = self._operations.context_for(caller)  # of this event: its time, and nothing remembered of others
        running = executor.build_per_event_executor(event)
        running.context_value = context
        try:
            async with asyncio.timeout(context.config.deadline_s):
                answer = execute_subscription_event(running)
                result = answer if isinstance(answer, CoreResult) else await answer
        except TimeoutError:
            late = ApiFailure(FailureCode.TIMEOUT, "What was asked of this event took too long.")
            return _encoded(failed(late, request_id=caller.request_id))
        finally:
            context.database.end()
        shown = ExecutionResult(data=result.data, errors=result.errors)
        return _encoded(self._schema.shown(shown, request_id=caller.request_id))


def _rights(caller: Caller) -> object:
    asker = caller.principal
    return None if asker is None else (asker.label, asker.workspace_id, asker.scopes)


def _things(event: object) -> int:
    """How many clicks or links an event tells of."""
    return len(event) if isinstance(event, Sized) else 1


async def _events(executor: Running) -> AsyncGenerator[object, None]:
    source = create_source_event_stream(executor)
    if isinstance(source, Awaitable):
        source = await source
    if isinstance(source, CoreResult):
        raise _Refused(source.errors or [], None)
    assert isinstance(source, AsyncGenerator), "every resolver of a subscription is one"
    return source


def _encoded(result: ExecutionResult) -> bytes:
    return orjson.dumps(body_of(result))
