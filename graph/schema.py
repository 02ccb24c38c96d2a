"""Joins the subjects into one schema; `python -m graph.schema` prints it."""

import sys
from collections.abc import Iterable
from typing import Any, Final

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from graph import access, defaults
from graph.clicks import Click
from graph.codes import CodeQueries
from graph.context import Context
from graph.document import DocumentCache, DocumentGate
from graph.domains import Domain
from graph.errors import USER_ERRORS
from graph.failures import presentable
from graph.keys import ApiKey, KeyQueries
from graph.link_changes import LinkMutations
from graph.link_lists import LinkListQueries
from graph.links import Link, LinkQueries
from graph.nodes import NodeQueries
from graph.scalars import SCALARS
from graph.workspaces import Workspace, WorkspaceQueries

MOST_ERRORS: Final = 10


@strawberry.type(description="What can be read: all of it in the one workspace of the credential.")
class Query(NodeQueries, KeyQueries, WorkspaceQueries, LinkQueries, LinkListQueries, CodeQueries):
    pass


@strawberry.type(description="What can be changed. Each takes one input and answers one payload.")
class Mutation(LinkMutations):
    pass


class KurzSchema(strawberry.Schema):
    """A schema whose answers carry no error that was not meant to be seen."""

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
        if result.errors:
            shown = result.errors[:MOST_ERRORS] if result.data is None else result.errors
            result.errors = [presentable(error, request_id=context_value.request_id) for error in shown]
        return result

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing: `presentable` does, and a client's mistakes are no errors of ours."""


def build_schema() -> KurzSchema:
    """The schema, with the checks of scopes and the reading of nulls in place."""
    cache = DocumentCache()
    schema = KurzSchema(
        query=Query,
        mutation=Mutation,
        types=[*USER_ERRORS, Link, Domain, ApiKey, Workspace, Click],
        # Not sort_schema: it rebuilds the schema, and loses the defaults that are enum values.
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[lambda: DocumentGate(cache)],
    )
    defaults.read_null_as_left_out(schema._schema)
    access.enforce(schema._schema)
    return schema


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
