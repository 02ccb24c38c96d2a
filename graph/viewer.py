"""Who is asking, and whoever did something: a person or a key."""

import strawberry

from graph.actors import Actor
from graph.context import Context, Info
from graph.keys import Scope, shown_key
from graph.roles import Role
from graph.users import shown_user
from models import actors


@strawberry.type(description="Who the credential of this request is, and what it may do.")
class Viewer:
    actor: Actor = strawberry.field(description="The person or key that is asking.")
    scopes: list[Scope] = strawberry.field(description="What this request may do.")
    role: Role | None = strawberry.field(description="The person's role in this workspace; null for an API key.")


@strawberry.type
class ViewerQueries:
    @strawberry.field(description="Who this credential is and what it may do.")
    def viewer(self, info: Info) -> Viewer:
        asker = info.context.principal
        actor: Actor
        if asker.user is not None:
            actor = shown_user(asker.user)
        else:
            assert asker.key is not None, "who is no person is a key"
            actor = shown_key(asker.key)
        return Viewer(
            actor=actor,
            scopes=[scope for scope in Scope if scope.name in asker.scopes],
            role=Role[asker.role.name] if asker.role else None,
        )


async def actor_of(actor: actors.Actor, context: Context) -> Actor | None:
    """The key or person as the API shows it; None for the operator, and for what is not known any more."""
    if actor.key is not None:
        key = await context.loaders.key.load(actor.key)
        return None if key is None else shown_key(key)
    if actor.user is not None:
        user = await context.loaders.user.load(actor.user)
        return None if user is None else shown_user(user)
    return None
