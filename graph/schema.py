"""Joins the subjects into one schema; `python -m graph.schema` prints it."""

import sys
from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from graph import access, defaults
from graph.audit_log import AuditEntry
from graph.bulk_changes import BulkMutations
from graph.clicks import Click
from graph.codes import CodeQueries
from graph.context import Context
from graph.document import MOST_ERRORS, DocumentCache, DocumentGate
from graph.domains import Domain
from graph.errors import USER_ERRORS
from graph.executor import PlannedExecutor
from graph.failures import all_presentable, without_suggestion
from graph.key_changes import KeyMutations
from graph.keys import ApiKey
from graph.link_changes import LinkMutations
from graph.link_deletion import LinkDeletionMutations
from graph.link_lists import LinkListQueries
from graph.links import Link, LinkQueries
from graph.live import Subscription, resolve_events
from graph.member_changes import MemberMutations
from graph.members import Member
from graph.nodes import NodeQueries
from graph.scalars import SCALARS
from graph.users import User
from graph.viewer import ViewerQueries
from graph.workspace_changes import WorkspaceMutations
from graph.workspaces import Workspace, WorkspaceQueries


@strawberry.type(description="What can be read: all of it in the one workspace of the credential.")
class Query(NodeQueries, ViewerQueries, WorkspaceQueries, LinkQueries, LinkListQueries, CodeQueries):
    pass


@strawberry.type(description="What can be changed. Each takes one input and answers one payload.")
class Mutation(LinkMutations, BulkMutations, LinkDeletionMutations, KeyMutations, MemberMutations, WorkspaceMutations):
    pass


class KurzSchema(strawberry.Schema):
    """A schema whose answers carry no error that was not meant to be seen.

    Without `shows_itself` errors suggest no names either.
    """

    shows_itself = True

    async def execute(  # noqa: PLR0917 - Strawberry's signature
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Context | None = None,
        root_value: None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Run an operation; unexpected errors are logged and masked.

        Here rather than in an extension, which sees graphql-core's result before it becomes Strawberry's.
        """
        assert context_value is not None
        result = await super().execute(
            query,
            variable_values=variable_values,
            context_value=context_value,
            root_value=root_value,
            operation_name=operation_name,
            allowed_operation_types=allowed_operation_types,
            operation_extensions=operation_extensions,
        )
        return self.shown(result, request_id=context_value.request_id)

    def shown(self, result: ExecutionResult, *, request_id: str) -> ExecutionResult:
        """The same result with at most ten errors, each fit to be seen; unexpected ones are logged."""
        if result.errors:
            shown = all_presentable(result.errors[:MOST_ERRORS], request_id=request_id)
            result.errors = shown if self.shows_itself else [without_suggestion(error) for error in shown]
        return result

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing: `presentable` does, and a client's mistakes are no errors of ours."""


class RememberedNames(NameConverter):
    """Strawberry's names; it makes those of a field's arguments anew for every call, and there are some hundred."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, str] = {}

    def apply_naming_config(self, name: str) -> str:
        """The name in GraphQL for one in Python."""
        if name not in self._made:
            self._made[name] = super().apply_naming_config(name)
        return self._made[name]


def build_schema(*, shows_itself: bool = True, fast_executor: bool = True) -> KurzSchema:
    """The schema, with the checks of scopes and the reading of nulls in place.

    Without `shows_itself` introspection is refused, and errors suggest no names. Without `fast_executor` Strawberry's
    own executes all of it; the answers are the same.
    """
    cache = DocumentCache()
    schema = KurzSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*USER_ERRORS, Link, Domain, ApiKey, User, Member, AuditEntry, Workspace, Click],
        # Not sort_schema: it rebuilds the schema, and loses the defaults that are enum values.
        config=StrawberryConfig(scalar_map=SCALARS, name_converter=RememberedNames()),
        execution_context_class=PlannedExecutor if fast_executor else None,
        extensions=[lambda: DocumentGate(cache), *([] if shows_itself else [DisableIntrospection])],
    )
    schema.shows_itself = shows_itself
    resolve_events(schema._schema)
    defaults.read_null_as_left_out(schema._schema)
    access.enforce(schema._schema)
    return schema


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
