"""Changing a link: under its row's lock, one version at a time, announced to the redirects."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models import audit_log
from models.actors import Editor
from models.audit_log import Action, Change, Target
from models.ids import WorkspaceId
from models.link_creation import external_id_taken
from models.link_fields import judged
from models.links import (
    EXTERNAL_ID_INDEX,
    REASON_LIMIT,
    Link,
    LinkLookup,
    LinkRecord,
    announce,
    is_meant,
    record_of,
)
from models.locking import locked
from models.refusals import NotAllowed, Problem, ProblemCode, Refused, VersionConflict
from models.roles import Role
from models.targets import TargetPolicy
from models.texts import clean
from models.workspaces import hold

NOT_YOURS = "Members change only links of their own."


class Unchanged(Enum):
    """The type of UNCHANGED, so that it cannot be taken for a value."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChanges:
    """The fields to write; None clears one."""

    destination_url: str | Unchanged | None = UNCHANGED
    title: str | Unchanged | None = UNCHANGED
    notes: str | Unchanged | None = UNCHANGED
    external_id: str | Unchanged | None = UNCHANGED

    def given(self) -> dict[str, str | None]:
        """The fields that are to be written, by column."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in values if value is not UNCHANGED}


async def update(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    lookup: LinkLookup,
    changes: LinkChanges,
    expected_version: int | None,
    policy: TargetPolicy,
    by: Editor,
    now: datetime,
) -> LinkRecord:
    """The link as it is now; writing what is there already keeps its version. Refused when there is no such link, when
    it is not at `expected_version`, when a rule is broken, or when the external id is taken; NotAllowed for another's.
    """
    problems: list[Problem] = []
    values = judged(changes.given(), policy=policy, problems=problems)
    if "external_id" in values:
        # Two who exchange the external ids of their links would wait for each other.
        await hold(session, workspace_id=workspace_id)
    link = await _locked(session, workspace_id, lookup, by)
    problems += objections(link, expected_version=expected_version)
    if link is None or problems:
        raise Refused(*problems)
    return await _write(session, link, values, by=by, action=Action.LINK_UPDATE, now=now)


async def deactivate(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    lookup: LinkLookup,
    reason: str | None,
    by: Editor,
    now: datetime,
) -> LinkRecord:
    """The link, deactivated; one that is already stays as it is, with its first reason. Refused when there is none,
    NotAllowed for another's."""
    problems: list[Problem] = []
    text = clean(reason, limit=REASON_LIMIT, path=("reason",), problems=problems)
    link = await _locked(session, workspace_id, lookup, by)
    problems += objections(link)
    if link is None or problems:
        raise Refused(*problems)
    if link.deactivated_at is not None:
        return record_of(link)
    values = {"deactivated_at": now, "deactivation_reason": text}
    return await _write(session, link, values, by=by, action=Action.LINK_DEACTIVATE, now=now)


async def reactivate(
    session: AsyncSession, *, workspace_id: WorkspaceId, lookup: LinkLookup, by: Editor, now: datetime
) -> LinkRecord:
    """The link, active; one that is already stays as it is. Refused when there is none, NotAllowed for another's."""
    link = await _locked(session, workspace_id, lookup, by)
    if link is None:
        raise Refused(*objections(link))
    values = {"deactivated_at": None, "deactivation_reason": None}
    return await _write(session, link, values, by=by, action=Action.LINK_REACTIVATE, now=now)


async def _locked(session: AsyncSession, workspace_id: WorkspaceId, lookup: LinkLookup, by: Editor) -> Link | None:
    link = await locked(session, select(Link).where(is_meant(workspace_id, lookup)))
    if link is not None and not may_change(record_of(link), by):
        raise NotAllowed(NOT_YOURS, required=Role.ADMIN)
    return link


def may_change(link: LinkRecord, by: Editor) -> bool:
    """Whether the link is one that they may change."""
    return not by.own_only or link.creator == by.actor


def objections(link: Link | LinkRecord | None, *, expected_version: int | None = None) -> list[Problem]:
    """What there is against changing it: it is not there, or not at that version."""
    if link is None:
        return [Problem(ProblemCode.NOT_FOUND, "There is no such link.", ("link",))]
    if expected_version in (None, link.version):
        return []
    message = f"The link is at version {link.version}, not {expected_version}."
    path = ("expectedVersion",)
    return [VersionConflict(ProblemCode.VERSION_CONFLICT, message, path, current_version=link.version)]


async def _write(
    session: AsyncSession,
    link: Link,
    values: Mapping[str, str | datetime | None],
    *,
    by: Editor,
    action: Action,
    now: datetime,
) -> LinkRecord:
    changed, change = difference(record_of(link), values, action=action, now=now)
    if change is None:
        return record_of(link)
    await _flush(session, link, changed)
    await announce(session, link)
    await audit_log.note(session, change, workspace_id=link.workspace_id, by=by.actor, now=now)
    return record_of(link)


def difference(
    link: LinkRecord, values: Mapping[str, str | datetime | None], *, action: Action, now: datetime
) -> tuple[dict[str, Any], Change | None]:
    """What is to be written so that the link has these values, and its entry in the audit log: None if it has them."""
    after = {name: value for name, value in values.items() if getattr(link, name) != value}
    if not after:
        return {}, None
    before = {name: getattr(link, name) for name in after}
    # The clocks of hosts differ.
    changed: dict[str, Any] = {**after, "version": link.version + 1, "updated_at": max(now, link.updated_at)}
    return changed, Change(action, Target.link(link.id), before, after)


async def _flush(session: AsyncSession, link: Link, changed: Mapping[str, object]) -> None:
    """Writes in a savepoint, so that a refusal leaves the rest of the transaction alone."""
    external_id = changed.get("external_id")
    try:
        async with session.begin_nested():
            for name, value in changed.items():
                setattr(link, name, value)
    except IntegrityError as error:
        if not is_about_external_ids(error):
            raise
        raise Refused(external_id_taken(str(external_id))) from None


def is_about_external_ids(error: IntegrityError) -> bool:
    """Whether the statement failed because another link has the external id."""
    # asyncpg's own error, which knows the index, is behind SQLAlchemy's.
    return error.orig is not None and getattr(error.orig.__cause__, "constraint_name", None) == EXTERNAL_ID_INDEX
