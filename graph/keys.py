"""API keys and the viewer: who is asking, and whoever did something."""

from datetime import datetime
from enum import Enum

import strawberry

from graph import ids
from graph.context import Info
from graph.ids import Node
from models.keys import KeyRecord


@strawberry.enum(description="What a key may do.")
class Scope(Enum):
    LINKS_CREATE = strawberry.enum_value("LINKS_CREATE", description="Make links, and see the ones it makes as answer.")
    LINKS_READ = strawberry.enum_value("LINKS_READ", description="Read all links of the workspace.")
    LINKS_WRITE = strawberry.enum_value("LINKS_WRITE", description="Make, change, deactivate and reactivate links.")
    ANALYTICS_READ = strawberry.enum_value("ANALYTICS_READ", description="Read click analytics.")
    WORKSPACE_ADMIN = strawberry.enum_value("WORKSPACE_ADMIN", description="See and manage the workspace's keys.")


@strawberry.interface(description="Whoever did something: a person or a key.")
class Actor(Node):
    name: str = strawberry.field(description="For people; need not be unique.")


@strawberry.type(description="A key that programs sign in with. Its secret is never shown again.")
class ApiKey(Actor):
    prefix: str = strawberry.field(description="How the key begins, to recognise it by: `kurz_` and its public part.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="From when on it is refused; null: never.")
    last_used_at: datetime | None = strawberry.field(description="About when it was last used; null: not known.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null: it was not.")


@strawberry.type(description="Who the credential of this request is, and what it may do.")
class Viewer:
    actor: Actor = strawberry.field(description="The person or key that is asking.")
    scopes: list[Scope] = strawberry.field(description="What this request may do.")


def shown_key(record: KeyRecord) -> ApiKey:
    """The record as the API shows it."""
    return ApiKey(
        id=ids.encode(ids.API_KEY, record.id),
        name=record.name,
        prefix=f"kurz_{record.public_id}",
        scopes=[scope for scope in Scope if scope.name in record.scopes],
        created_at=record.created_at,
        expires_at=record.expires_at,
        last_used_at=record.last_used_at,
        revoked_at=record.revoked_at,
    )


@strawberry.type
class KeyQueries:
    @strawberry.field(description="Who this credential is and what it may do.")
    def viewer(self, info: Info) -> Viewer:
        key = shown_key(info.context.key)
        return Viewer(actor=key, scopes=key.scopes)
