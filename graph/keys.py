"""API keys, as the API shows them."""

from datetime import datetime
from enum import Enum

import strawberry

from graph import ids
from graph.actors import Actor
from models.keys import KeyRecord


@strawberry.enum(description="What a key may do.")
class Scope(Enum):
    LINKS_CREATE = strawberry.enum_value("LINKS_CREATE", description="Make links, and see the ones it makes as answer.")
    LINKS_READ = strawberry.enum_value("LINKS_READ", description="Read all links of the workspace.")
    LINKS_WRITE = strawberry.enum_value("LINKS_WRITE", description="Make, change, deactivate and reactivate links.")
    ANALYTICS_READ = strawberry.enum_value("ANALYTICS_READ", description="Read click analytics.")
    WORKSPACE_ADMIN = strawberry.enum_value(
        "WORKSPACE_ADMIN",
        description="Manage the workspace, its keys and members; read the audit log; delete links.",
    )


@strawberry.type(description="A key that programs sign in with. Its secret is never shown again.")
class ApiKey(Actor):
    prefix: str = strawberry.field(description="How the key begins, to recognise it by: `kurz_` and its public part.")
    scopes: list[Scope] = strawberry.field(description="What it may do.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="From when on it is refused; null: never.")
    last_used_at: datetime | None = strawberry.field(description="About when it was last used; null: not known.")
    revoked_at: datetime | None = strawberry.field(description="When it was revoked; null: it was not.")


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
