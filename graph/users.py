"""People, as the API shows them."""

from datetime import datetime

import strawberry

from graph import ids
from graph.actors import Actor
from graph.context import Info
from models.keys import Scope
from models.users import UserRecord


@strawberry.type(description="A person who is or was a member of the workspace.")
class User(Actor):
    record: strawberry.Private[UserRecord]

    @strawberry.field(description="When the person was added to this workspace, the last time.")
    async def created_at(self, info: Info) -> datetime:
        known = await info.context.loaders.user.load(self.record.id)
        assert known is not None, "who is shown is or was a member"
        return known.created_at

    @strawberry.field(description="Shown to the person and to admins; null to everyone else.")
    def email(self, info: Info) -> str | None:
        asker = info.context.principal
        is_self = asker.user is not None and asker.user.id == self.record.id
        return self.record.email if is_self or Scope.WORKSPACE_ADMIN in asker.scopes else None


def shown_user(record: UserRecord) -> User:
    """The record as the API shows it; whose name is the e-mail is called by what is before the @."""
    name = record.name if record.name != record.email else record.email.rpartition("@")[0]
    return User(id=ids.encode(ids.USER, record.id), name=name, record=record)
