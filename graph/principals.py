"""Who asks: one key or one member, in one workspace, and how far it may go there."""

from dataclasses import dataclass
from datetime import datetime

from models.actors import Actor, Editor
from models.ids import WorkspaceId
from models.keys import KeyRecord, Scope
from models.members import MemberRecord
from models.roles import CHANGES_ALL_LINKS, SCOPES_OF, Role, at_least
from models.users import UserRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A key (then `role` is None) or a person (then `key` is None); `expires_at` ends what it may do, None never."""

    workspace_id: WorkspaceId
    scopes: frozenset[Scope]
    key: KeyRecord | None = None
    user: UserRecord | None = None
    role: Role | None = None
    expires_at: datetime | None = None

    @classmethod
    def of_key(cls, key: KeyRecord) -> "Principal":
        """Whoever holds this key."""
        return cls(workspace_id=key.workspace_id, scopes=key.scopes, key=key, expires_at=key.expires_at)

    @classmethod
    def of_member(cls, user: UserRecord, member: MemberRecord, *, expires_at: datetime) -> "Principal":
        """This person in this workspace, until the token expires."""
        return cls(
            workspace_id=member.workspace_id,
            scopes=SCOPES_OF[member.role],
            user=user,
            role=member.role,
            expires_at=expires_at,
        )

    @property
    def actor(self) -> Actor:
        """As changes and the audit log name it; a person in this role or one that allows more."""
        if self.user is not None and self.role is not None:
            return Actor(user=self.user.id, roles=at_least(self.role))
        return Actor(key=self.key.id if self.key else None)

    @property
    def editor(self) -> Editor:
        """As a changer of links: a member changes only links of their own."""
        return Editor(self.actor, own_only=self.role is not None and self.role not in CHANGES_ALL_LINKS)

    @property
    def acts_as(self) -> Role:
        """The role in which it manages members: a key never as an owner."""
        if self.role is not None:
            return self.role
        return Role.ADMIN if Scope.WORKSPACE_ADMIN in self.scopes else Role.READER

    @property
    def gives_until(self) -> datetime | None:
        """When what it may do itself ends, and so what it gives to others: for a key that expires; None for good."""
        return self.key.expires_at if self.key else None

    @property
    def label(self) -> str:
        """One word for each principal, for counting and for logs."""
        return f"key {self.key.id}" if self.key else f"user {self.user.id if self.user else 0}"
