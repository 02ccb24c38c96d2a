"""Changing or deactivating many links at once: their rows are held together, and written together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, bindparam, select, union_all, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models import audit_log
from models.actors import Editor
from models.audit_log import Action
from models.bulk import BulkPolicy, NothingDone, Outcome, admit, busy, settle
from models.bulk_states import LinkOrder, LinkStates
from models.codes import ATTEMPTS, is_well_formed
from models.ids import DomainId, LinkId, WorkspaceId
from models.link_changes import LinkChanges, is_about_external_ids
from models.link_fields import judged
from models.links import REASON_LIMIT, ByCode, ByExternalId, ById, Link, LinkLookup, LinkRecord, announce, is_there
from models.refusals import Problem
from models.tables import any_of
from models.targets import TargetPolicy
from models.texts import clean, unprintable

_WRITTEN = (
    *("destination_url", "title", "notes", "external_id", "deactivated_at", "deactivation_reason"),
    *("version", "updated_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUpdate:
    """What is to be changed; the lookup is None when nothing was named that could be a link."""

    lookup: LinkLookup | None
    changes: LinkChanges
    expected_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deactivation:
    """What is to be deactivated; the lookup is None when nothing was named that could be a link."""

    lookup: LinkLookup | None
    reason: str | None = None


async def update_all(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    updates: Sequence[LinkUpdate],
    bulk: BulkPolicy,
    policy: TargetPolicy,
    by: Editor,
    now: datetime,
) -> list[Outcome]:
    """For each update the link as it is then or its Refused, as if they were made one after another. NothingDone for no
    or too many items, and under ALL_OR_NOTHING when one is refused."""

    def order_for(one: LinkUpdate) -> LinkOrder:
        problems: list[Problem] = []
        values = judged(one.changes.given(), policy=policy, problems=problems)
        return LinkOrder(one.lookup, Action.LINK_UPDATE, values, problems, one.expected_version)

    await admit(session, workspace_id=workspace_id, items=len(updates))
    orders = [order_for(one) for one in updates]
    return await _carry_out(session, orders, workspace_id=workspace_id, bulk=bulk, by=by, now=now)


async def deactivate_all(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    deactivations: Sequence[Deactivation],
    bulk: BulkPolicy,
    by: Editor,
    now: datetime,
) -> list[Outcome]:
    """As `update_all`; links that are deactivated already stay as they are."""

    def order_for(one: Deactivation) -> LinkOrder:
        problems: list[Problem] = []
        text = clean(one.reason, limit=REASON_LIMIT, path=("reason",), problems=problems)
        values = {"deactivated_at": now, "deactivation_reason": text}
        return LinkOrder(one.lookup, Action.LINK_DEACTIVATE, values, problems)

    await admit(session, workspace_id=workspace_id, items=len(deactivations))
    orders = [order_for(one) for one in deactivations]
    return await _carry_out(session, orders, workspace_id=workspace_id, bulk=bulk, by=by, now=now)


async def _carry_out(
    session: AsyncSession,
    orders: Sequence[LinkOrder],
    *,
    workspace_id: WorkspaceId,
    bulk: BulkPolicy,
    by: Editor,
    now: datetime,
) -> list[Outcome]:
    conn = await session.connection()
    held = await _hold(conn, [order.lookup for order in orders], workspace_id=workspace_id)
    wanted = {order.external_id for order in orders if order.external_id is not None and not order.problems}
    for _ in range(ATTEMPTS):
        owners = await _owners(conn, wanted, workspace_id=workspace_id)
        states = LinkStates(held, owners, by=by, now=now)
        outcomes = [states.carry_out(order) for order in orders]
        settle(outcomes, bulk=bulk)
        changed = states.changed()
        if await _write(session, held, changed, workspace_id=workspace_id):
            await _tell(session, changed)
            await audit_log.note_all(session, states.entries, workspace_id=workspace_id, by=by.actor, now=now)
            return outcomes
    raise NothingDone(busy())


async def _tell(session: AsyncSession, changed: Sequence[LinkRecord]) -> None:
    if changed:
        await announce(session, *changed)


async def _hold(
    conn: AsyncConnection, lookups: Sequence[LinkLookup | None], *, workspace_id: WorkspaceId
) -> dict[LinkId, LinkRecord]:
    """The links that may be meant, held until the transaction ends, as last committed.

    In the order of their ids, so that nobody who holds several waits for somebody who waits for them.
    """
    named = _named(lookups, workspace_id=workspace_id)
    if not named:
        return {}
    question = select(Link).where(is_there(workspace_id), col(Link.id).in_(union_all(*named))).order_by(col(Link.id))
    rows = await conn.execute(question.with_for_update(of=Link))
    return {row.id: LinkRecord(**row._mapping) for row in rows}


def _named(lookups: Sequence[LinkLookup | None], *, workspace_id: WorkspaceId) -> list[Select[LinkId]]:
    """One question for each way to name a link: each has its index."""
    ids = [one.id for one in lookups if isinstance(one, ById)]
    codes: dict[DomainId, list[str]] = {}
    for one in lookups:
        if isinstance(one, ByCode) and is_well_formed(one.code):
            codes.setdefault(one.domain_id, []).append(one.code)
    externals = [one.external_id for one in lookups if isinstance(one, ByExternalId)]
    printable = [one for one in externals if unprintable(one) is None]
    conditions = [(col(Link.domain_id) == domain, col(Link.code) == any_of(texts)) for domain, texts in codes.items()]
    if ids:
        conditions.append((col(Link.workspace_id) == workspace_id, col(Link.id) == any_of(ids)))
    if printable:
        conditions.append((col(Link.workspace_id) == workspace_id, col(Link.external_id) == any_of(printable)))
    return [select(col(Link.id)).where(*condition) for condition in conditions]


async def _owners(conn: AsyncConnection, wanted: Collection[str], *, workspace_id: WorkspaceId) -> dict[str, LinkId]:
    """Whose these external ids are now; those of deleted links too, which keep them."""
    if not wanted:
        return {}
    question = select(col(Link.external_id), col(Link.id)).where(
        col(Link.workspace_id) == workspace_id, col(Link.external_id) == any_of(list(wanted))
    )
    return {str(row.external_id): row.id for row in await conn.execute(question)}


async def _write(
    session: AsyncSession,
    held: Mapping[LinkId, LinkRecord],
    changed: Sequence[LinkRecord],
    *,
    workspace_id: WorkspaceId,
) -> bool:
    """Whether all was written; nothing is when somebody else got ahead with an external id."""
    conn = await session.connection()
    renamed = [link for link in changed if link.external_id != held[link.id].external_id]
    given_up = {held[link.id].external_id for link in renamed} - {None}
    try:
        async with conn.begin_nested():
            if given_up & {link.external_id for link in renamed}:
                # From one link to another: the index looks at each row as it is written, so they are freed first.
                is_meant = (col(Link.workspace_id) == workspace_id, col(Link.id) == any_of([one.id for one in renamed]))
                await conn.execute(update(Link).where(*is_meant).values(external_id=None))
            if changed:
                await _write_rows(conn, changed, workspace_id=workspace_id)
    except IntegrityError as error:
        if not is_about_external_ids(error):
            raise
        return False
    return True


async def _write_rows(conn: AsyncConnection, changed: Sequence[LinkRecord], *, workspace_id: WorkspaceId) -> None:
    is_meant = (col(Link.workspace_id) == bindparam("of_workspace"), col(Link.id) == bindparam("of_link"))
    rows = [
        {"of_workspace": workspace_id, "of_link": link.id, **{name: getattr(link, name) for name in _WRITTEN}}
        for link in changed
    ]
    await conn.execute(update(Link).where(*is_meant), rows)
