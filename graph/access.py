"""Who may ask for what: one table of fields and of node types, checked before a resolver runs.

`docs/permissions.md` is printed from it (permissions.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from graph import ids
from graph.context import Context
from graph.failures import ApiFailure, FailureCode
from graph.resolver_calls import Checked
from models.keys import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may ask: whoever has one of the scopes, or without any everyone who is signed in.

    A refusal names the first of the scopes, which gives the least. `every_person`: members too, in whatever role, as
    keys need the scope. `own`: whoever asks about itself needs nothing. `but` says what is judged later, by the thing
    itself: for people, in the documentation.
    """

    scopes: tuple[Scope, ...] = ()
    every_person: bool = False
    own: bool = False
    but: str = ""


ANYONE: Final = Rule()
READS_LINKS: Final = Rule(scopes=(Scope.LINKS_READ,))
READS_CLICKS: Final = Rule(scopes=(Scope.ANALYTICS_READ,))
CREATES_LINKS: Final = Rule(scopes=(Scope.LINKS_CREATE, Scope.LINKS_WRITE))
CHANGES_LINKS: Final = Rule(scopes=(Scope.LINKS_WRITE,), but="a MEMBER only links of their own")
ADMINISTERS: Final = Rule(scopes=(Scope.WORKSPACE_ADMIN,))
MANAGES_MEMBERS: Final = Rule(scopes=(Scope.WORKSPACE_ADMIN,), but="only an OWNER gives or takes OWNER and ADMIN")
SEES_PEOPLE: Final = Rule(scopes=(Scope.WORKSPACE_ADMIN,), every_person=True)
SEES_KEYS: Final = Rule(scopes=(Scope.WORKSPACE_ADMIN,), own=True)

# Every root field has a row. A field of another type has one if it needs more than its parent did.
FIELDS: Final[Mapping[str, Rule]] = {
    "Query.node": Rule(but="by the type of what is found"),
    "Query.nodes": Rule(but="by the type of what is found"),
    "Query.viewer": ANYONE,
    "Query.workspace": ANYONE,
    "Query.link": READS_LINKS,
    "Query.links": READS_LINKS,
    "Query.codeAvailability": Rule(scopes=(Scope.LINKS_CREATE, Scope.LINKS_READ, Scope.LINKS_WRITE)),
    "Mutation.createLink": CREATES_LINKS,
    "Mutation.createLinks": CREATES_LINKS,
    "Mutation.updateLink": CHANGES_LINKS,
    "Mutation.updateLinks": CHANGES_LINKS,
    "Mutation.deactivateLink": CHANGES_LINKS,
    "Mutation.deactivateLinks": CHANGES_LINKS,
    "Mutation.reactivateLink": CHANGES_LINKS,
    "Mutation.deleteLink": ADMINISTERS,
    "Mutation.createApiKey": Rule(scopes=(Scope.WORKSPACE_ADMIN,), but="no scope that one has not"),
    "Mutation.revokeApiKey": ADMINISTERS,
    "Mutation.updateWorkspace": ADMINISTERS,
    "Mutation.addMember": MANAGES_MEMBERS,
    "Mutation.updateMember": MANAGES_MEMBERS,
    "Mutation.removeMember": Rule(
        scopes=(Scope.WORKSPACE_ADMIN,),
        every_person=True,
        but="whoever it is may leave; else only an OWNER removes an OWNER or ADMIN, and these two others",
    ),
    "Subscription.clickRecorded": READS_CLICKS,
    "Subscription.linksClicked": READS_LINKS,
    "Link.analytics": READS_CLICKS,
    "Link.clicks": READS_CLICKS,
    "Workspace.analytics": READS_CLICKS,
    "Workspace.clicks": READS_CLICKS,
    "Workspace.members": SEES_PEOPLE,
    "Workspace.apiKeys": ADMINISTERS,
    "Workspace.auditLog": ADMINISTERS,
    "Click.link": READS_LINKS,
    # Whoever sees a link sees who made it: of a key its name and id, which give nothing away.
    "ApiKey.prefix": SEES_KEYS,
    "ApiKey.scopes": SEES_KEYS,
    "ApiKey.createdAt": SEES_KEYS,
    "ApiKey.expiresAt": SEES_KEYS,
    "ApiKey.lastUsedAt": SEES_KEYS,
    "ApiKey.revokedAt": SEES_KEYS,
}
# What `node`, `nodes` and every field that answers any Node ask, by the prefix of the id.
NODES: Final[Mapping[str, Rule]] = {
    ids.LINK: READS_LINKS,
    ids.CLICK: READS_CLICKS,
    ids.API_KEY: SEES_KEYS,
    ids.USER: SEES_PEOPLE,
    ids.MEMBER: SEES_PEOPLE,
    ids.AUDIT_ENTRY: ADMINISTERS,
    ids.DOMAIN: ANYONE,
    ids.WORKSPACE: ANYONE,
}


def require(context: Context, rule: Rule, *, about: str | None = None) -> None:
    """Pass when the rule lets the caller ask, about the thing with that id; else raise UNAUTHENTICATED or FORBIDDEN."""
    asker = context.principal
    if not rule.scopes or not asker.scopes.isdisjoint(rule.scopes):
        return
    if (rule.every_person and asker.user is not None) or (rule.own and about is not None and about == own_id(context)):
        return
    least = rule.scopes[0].name
    raise ApiFailure(FailureCode.FORBIDDEN, f"This needs the scope {least}.", requiredScope=least)


def own_id(context: Context) -> str:
    """The id of the key or person that asks."""
    asker = context.principal
    if asker.user is not None:
        return ids.encode(ids.USER, asker.user.id)
    assert asker.key is not None, "who is no person is a key"
    return ids.encode(ids.API_KEY, asker.key.id)


def enforce(schema: GraphQLSchema) -> None:
    """Put the checks before the fields; a root field without a row in the table is a KeyError here, at the start."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            for name, field in root.fields.items():
                _guard(field, FIELDS[f"{root.name}.{name}"])
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType) and named.name not in {"Query", "Mutation", "Subscription"}:
            for name, field in named.fields.items():
                if (rule := FIELDS.get(f"{named.name}.{name}")) is not None:
                    _guard(field, rule)


def _guard(field: GraphQLField, rule: Rule) -> None:
    assert field.resolve is not None

    def check(source: Any, info: Any) -> None:
        require(info.context, rule, about=source.id if rule.own else None)

    if field.subscribe is None:
        field.resolve = Checked(field.resolve, check)
    else:  # once, when it begins
        field.subscribe = Checked(field.subscribe, check)
