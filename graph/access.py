"""Who may ask for what: one row for each root field, checked before its resolver runs."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLSchema

from graph.context import Context
from graph.failures import ApiFailure, FailureCode
from models.keys import Scope

ANY_KEY: Final[tuple[Scope, ...]] = ()

# Any one of the scopes will do; a refusal names the first, which gives the least.
# `node` and `nodes` judge by the type of the id (nodes.py).
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    "node": ANY_KEY,
    "nodes": ANY_KEY,
    "viewer": ANY_KEY,
    "workspace": ANY_KEY,
    "link": (Scope.LINKS_READ,),
    "links": (Scope.LINKS_READ,),
    "codeAvailability": (Scope.LINKS_CREATE, Scope.LINKS_READ, Scope.LINKS_WRITE),
    "createLink": (Scope.LINKS_CREATE, Scope.LINKS_WRITE),
    "updateLink": (Scope.LINKS_WRITE,),
    "deactivateLink": (Scope.LINKS_WRITE,),
    "reactivateLink": (Scope.LINKS_WRITE,),
    "clickRecorded": (Scope.ANALYTICS_READ,),
    "linksClicked": (Scope.LINKS_READ,),
}


def require(context: Context, scopes: tuple[Scope, ...]) -> None:
    """Pass when the caller's key has one of the scopes; else raise UNAUTHENTICATED or FORBIDDEN."""
    held = context.key.scopes
    if scopes and held.isdisjoint(scopes):
        raise ApiFailure(
            FailureCode.FORBIDDEN, f"This key lacks the scope {scopes[0].name}.", requiredScope=scopes[0].name
        )


def enforce(schema: GraphQLSchema) -> None:
    """Put the check before every root field; a field without a row in the table is a KeyError here, at the start."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            _enforce_on(root)


def _enforce_on(root: GraphQLObjectType) -> None:
    for name, field in root.fields.items():
        assert field.resolve is not None
        if field.subscribe is None:
            field.resolve = _checked(field.resolve, SCOPES[name])
        else:  # once, when it begins
            field.subscribe = _checked(field.subscribe, SCOPES[name])


def _checked(resolve: Callable[..., Any], scopes: tuple[Scope, ...]) -> Callable[..., Any]:
    def resolve_if_allowed(source: Any, info: Any, **arguments: Any) -> Any:
        require(info.context, scopes)
        return resolve(source, info, **arguments)

    return resolve_if_allowed
