"""Runs operations for every transport: who asks, what a resolver may reach, and how failures are told."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLError
from starlette.types import Receive, Scope
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType

from graph import nodes
from graph.access_tokens import AccessTokens
from graph.api_config import ApiConfig
from graph.asked import Asked, RequestRefused
from graph.context import Context
from graph.departures import noticing_departure
from graph.failures import ApiFailure, FailureCode, presentable, was_run
from graph.principals import Principal
from graph.schema import build_schema
from graph.sign_in import SignIn
from graph.trusted import TrustedDocuments
from models.database import Database
from models.instance import InstanceRecord
from recording.client import ClientRule
from recording.feed import ClickFeed

log = logging.getLogger("kurz.graph")

QUERIES: Final = frozenset({OperationType.QUERY})
QUERIES_AND_MUTATIONS: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})


class KindRefused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The document's operation is of a kind that this transport does not run; nothing of it was run."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks for an operation. `client` is the visitor's address, kept in memory only; empty when unknown."""

    principal: Principal | None
    request_id: str
    client: str


class Operations:
    """What every transport shares; one for the process.

    `on_created` hears each new code; `trusted` names documents; `trusted_proxies` are addresses and networks whose word
    on clients is believed; `tokens` judges those of people, without it there are only keys.
    """

    def __init__(
        self,
        *,
        database: Database,
        config: ApiConfig,
        instance: InstanceRecord,
        on_created: Callable[[str], None],
        trusted: TrustedDocuments | None = None,
        shows_schema: bool = True,
        fast_executor: bool = True,
        trusted_proxies: Iterable[str] = (),
        feed: ClickFeed | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        self.schema = build_schema(shows_itself=shows_schema, fast_executor=fast_executor)
        self.config = config
        self.sign_in = SignIn(database, clock=config.clock, deadline_s=config.deadline_s, tokens=tokens)
        self._database = database
        self._instance = instance
        self._on_created = on_created
        self._trusted = trusted or TrustedDocuments({}, only=False)
        self._client_rule = ClientRule(trusted_proxies)
        self._feed = feed or ClickFeed(database, direct_url=None)

    def client_of(self, scope: Scope) -> str:
        """The address that the request or socket of this ASGI scope comes from; empty when unknown."""
        return str(self._client_rule.address(scope) or "")

    async def run(
        self, asked: Asked, *, caller: Caller, kinds: frozenset[OperationType], receive: Receive | None = None
    ) -> ExecutionResult:
        """The answer to a query or mutation; its errors are fit to be shown.

        `receive` is the request's, whose body was read: when it says that the client has left, a query ends early.

        Raises KindRefused for an operation that is none of `kinds`; RequestRefused for a document that is not trusted,
        and when the document has no operation of that name.
        """
        context = self.context_for(caller)
        watched = noticing_departure(receive, context.give_up) if receive else nullcontext()
        try:
            async with asyncio.timeout(self.config.deadline_s), watched:
                return await self.schema.execute(
                    self.text_of(asked),
                    variable_values=asked.variables,
                    operation_name=asked.operation_name,
                    allowed_operation_types=kinds,
                    context_value=context,
                )
        except RequestRefused:
            raise
        except InvalidOperationTypeError as error:
            raise KindRefused(error.operation_type) from error
        except CannotGetOperationTypeError as error:
            raise RequestRefused(422, "The document has no operation of that name.") from error
        except TimeoutError:
            told = {"request_id": caller.request_id}
            log.warning("an operation was given up after %s s", self.config.deadline_s, extra=told)
            return failed(_too_slow(caller.request_id), request_id=caller.request_id)
        except Exception as error:  # noqa: BLE001 - logged and masked, as it would be in a field
            return failed(error, request_id=caller.request_id)
        finally:
            context.database.end()

    def text_of(self, asked: Asked) -> str:
        """The document that is asked for; RequestRefused for one that is not trusted or not known."""
        return self._trusted.text_of(asked)

    def context_for(self, caller: Caller) -> Context:
        """What the resolvers of one operation of this caller may reach."""
        return Context(
            store=self._database,
            config=self.config,
            instance=self._instance,
            on_created=self._on_created,
            request_id=caller.request_id,
            caller=caller.principal,
            client=caller.client,
            find_node=nodes.find,
            feed=self._feed,
        )


def failed(error: Exception, *, request_id: str) -> ExecutionResult:
    """The answer when an error came before any field; logged and masked unless it was meant to be seen."""
    located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
    return ExecutionResult(data=None, errors=[presentable(located, request_id=request_id)])


def body_of(result: ExecutionResult) -> dict[str, Any]:
    """The JSON object of an answer: `data` only if it came to running the operation (GraphQL, 7.1)."""
    errors = result.errors or []
    body: dict[str, Any] = {"errors": [error.formatted for error in errors]} if errors else {}
    if was_run(result):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def _too_slow(request_id: str) -> ApiFailure:
    message = "The operation took too long and was given up; ask for less at once."
    return ApiFailure(FailureCode.TIMEOUT, message, requestId=request_id)
