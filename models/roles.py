"""Roles: what a member of a workspace may do, told in the same scopes that keys have."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from models.keys import Scope


class Role(StrEnum):
    """A person's part in a workspace, from the most to the least that it allows."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    MEMBER = "MEMBER"
    READER = "READER"


_READING: Final = frozenset({Scope.LINKS_READ, Scope.ANALYTICS_READ})
_WRITING: Final = _READING | {Scope.LINKS_CREATE, Scope.LINKS_WRITE}

SCOPES_OF: Final[Mapping[Role, frozenset[Scope]]] = MappingProxyType(
    {Role.OWNER: frozenset(Scope), Role.ADMIN: frozenset(Scope), Role.MEMBER: _WRITING, Role.READER: _READING}
)
# Members change what they made themselves; these change everything.
CHANGES_ALL_LINKS: Final = frozenset({Role.OWNER, Role.ADMIN})
# Only an owner makes, changes or removes one of these.
MANAGED_BY_OWNERS: Final = frozenset({Role.OWNER, Role.ADMIN})


def may_manage(role: Role, *, of: Role) -> bool:
    """Whether who has `role` may give or take the role `of`."""
    return role is Role.OWNER or (role is Role.ADMIN and of not in MANAGED_BY_OWNERS)


def at_least(role: Role) -> frozenset[Role]:
    """The roles that allow all that this one does."""
    return frozenset(list(Role)[: list(Role).index(role) + 1])
