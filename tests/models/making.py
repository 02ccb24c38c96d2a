"""Test data of this room: one moment, one policy, and links made through the front door."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models import link_changes, link_creation, links
from models.actors import BY_OPERATOR, Actor
from models.codes import RANDOM_CODES, CodeSpace
from models.database import Database
from models.ids import KeyId
from models.instance import InstanceRecord
from models.link_changes import LinkChanges
from models.link_creation import LinkDraft
from models.links import ById, LinkLookup, LinkRecord
from models.refusals import Problem, Refused
from models.targets import TargetPolicy

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
OWN_HOST = "kurz.example"
CONNECTIONS = 5  # of a Database in tests; more callers would only wait for the pool, and perhaps too long
Answer = TypeVar("Answer")
POLICY = TargetPolicy(own_hosts=frozenset({OWN_HOST}), allow_private=False)


async def make_link(
    database: Database,
    here: InstanceRecord,
    *,
    url: str = "https://example.com/",
    code: str | None = None,
    title: str | None = None,
    notes: str | None = None,
    external_id: str | None = None,
    created_by: KeyId | None = None,
    now: datetime = NOW,
    space: CodeSpace = RANDOM_CODES,
) -> LinkRecord:
    """A link of the workspace, in a transaction of its own."""
    draft = LinkDraft(url, code=code, title=title, notes=notes, external_id=external_id)
    async with database.write() as session:
        return await link_creation.create(
            session,
            workspace_id=here.workspace_id,
            domain_id=here.domain_id,
            draft=draft,
            by=Actor(key=created_by),
            policy=POLICY,
            now=now,
            space=space,
        )


async def update(
    database: Database,
    here: InstanceRecord,
    lookup: LinkLookup,
    changes: LinkChanges,
    *,
    expected_version: int | None = None,
    now: datetime = LATER,
) -> LinkRecord:
    async with database.write() as session:
        return await update_in(session, here, lookup, changes, expected_version=expected_version, now=now)


async def update_in(
    session: AsyncSession,
    here: InstanceRecord,
    lookup: LinkLookup,
    changes: LinkChanges,
    *,
    expected_version: int | None = None,
    now: datetime = LATER,
) -> LinkRecord:
    return await link_changes.update(
        session,
        workspace_id=here.workspace_id,
        lookup=lookup,
        changes=changes,
        expected_version=expected_version,
        policy=POLICY,
        by=BY_OPERATOR,
        now=now,
    )


async def deactivate(
    database: Database, here: InstanceRecord, lookup: LinkLookup, *, reason: str | None = None, now: datetime = LATER
) -> LinkRecord:
    async with database.write() as session:
        return await link_changes.deactivate(
            session, workspace_id=here.workspace_id, lookup=lookup, reason=reason, by=BY_OPERATOR, now=now
        )


async def reactivate(database: Database, here: InstanceRecord, lookup: LinkLookup) -> LinkRecord:
    async with database.write() as session:
        return await link_changes.reactivate(
            session, workspace_id=here.workspace_id, lookup=lookup, by=BY_OPERATOR, now=LATER
        )


async def reread(database: Database, here: InstanceRecord, link: LinkRecord) -> LinkRecord | None:
    async with database.read() as conn:
        return await links.find(conn, workspace_id=here.workspace_id, lookup=ById(link.id))


def kinds(refused: Refused) -> set[tuple[type[Problem], str, tuple[str, ...]]]:
    """What a refusal says, without its words."""
    return {(type(problem), problem.code.value, problem.path) for problem in refused.problems}


async def together(times: int, call: Callable[[], Awaitable[Answer]]) -> list[Answer]:
    """What `times` calls answer, as many of them at once as there are connections."""
    gate = asyncio.Semaphore(CONNECTIONS)

    async def one() -> Answer:
        async with gate:
            return await call()

    return await asyncio.gather(*(one() for _ in range(times)))
