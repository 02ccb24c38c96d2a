"""Making many links at once: a handful of statements, however many there are."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models import audit_log
from models.actors import Actor
from models.bulk import PATH, BulkPolicy, NothingDone, Outcome, admit, busy, settle
from models.code_availability import free_codes, suggest_all, taken_codes
from models.codes import ATTEMPTS, RANDOM_CODES, CodeSpace
from models.ids import DomainId, LinkId, WorkspaceId, new_id
from models.link_creation import LinkDraft, code_taken, creation_of, external_id_taken, no_free_code, values_of
from models.link_quota import Quota, quota
from models.links import Link, LinkRecord, LinkTotal
from models.refusals import CodeTaken, Problem, Refused
from models.tables import any_of
from models.targets import TargetPolicy
from models.texts import trimmed

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A draft that breaks no rule: its columns, and the code that was chosen for it, if one was."""

    values: Row
    code: str | None

    @property
    def external_id(self) -> str | None:
        found: str | None = self.values["external_id"]
        return found


async def create_all(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    domain_id: DomainId,
    drafts: Sequence[LinkDraft],
    bulk: BulkPolicy,
    by: Actor,
    policy: TargetPolicy,
    now: datetime,
    space: CodeSpace = RANDOM_CODES,
) -> list[Outcome]:
    """For each draft the link or its Refused, as if they were made one after another. NothingDone for no or too many
    items, and under ALL_OR_NOTHING when one is refused or there is not room for all of them."""
    workspace = await admit(session, workspace_id=workspace_id, items=len(drafts))
    room = await quota(session, workspace_id=workspace_id, limit=workspace.link_limit)
    wanted = [_judged(draft, policy) for draft in drafts]
    shared: Row = {"workspace_id": workspace_id, "domain_id": domain_id, "created_by_key": by.key}
    shared |= {"created_by_user": by.user, "created_at": now, "updated_at": now, "version": 1}
    for _ in range(ATTEMPTS):
        places = await _places(session, wanted, workspace_id=workspace_id, domain_id=domain_id, space=space)
        places.room = room if bulk is BulkPolicy.SKIP_FAILED else Quota(None, 0)
        plan = [item if isinstance(item, Refused) else places.row_for(item, shared) for item in wanted]
        plan = await _with_suggestions(session, wanted, plan, domain_id=domain_id)
        _settle(plan, bulk=bulk, room=room)
        made = await _insert(session, [row for row in plan if isinstance(row, dict)], workspace_id=workspace_id)
        if made is not None:
            entries = [creation_of(link) for link in made.values()]
            await audit_log.note_all(session, entries, workspace_id=workspace_id, by=by, now=now)
            return [made[row["id"]] if isinstance(row, dict) else row for row in plan]
    raise NothingDone(busy())


def _judged(draft: LinkDraft, policy: TargetPolicy) -> _Wanted | Refused:
    chosen = trimmed(draft.code)
    try:
        return _Wanted(values_of(draft, chosen, policy), chosen)
    except Refused as refused:
        return refused


@dataclass(slots=True)
class _Places:
    """What is taken, by others or by items before, and how much room there is."""

    codes: set[str]
    externals: set[str]
    random: Iterator[str]
    room: Quota = Quota(None, 0)  # noqa: RUF009 - it cannot be changed

    def row_for(self, item: _Wanted, shared: Row) -> Row | Refused:
        """What to insert for the next item, which then has its place; or what there is against it."""
        if (refusal := self.room.refusal(1)) is not None:
            return Refused(refusal)
        problems: list[Problem] = []
        if item.code in self.codes:
            problems.append(code_taken(str(item.code)))
        if item.external_id in self.externals:
            problems.append(external_id_taken(str(item.external_id)))
        if problems:
            return Refused(*problems)
        code = item.code or next(self.random, None)
        if code is None:
            return Refused(no_free_code())
        self.codes.add(code)
        if item.external_id is not None:
            self.externals.add(item.external_id)
        self.room = replace(self.room, present=self.room.present + 1)
        return {"id": LinkId(new_id()), **shared, **item.values, "code": code}


async def _places(
    session: AsyncSession,
    items: Sequence[_Wanted | Refused],
    *,
    workspace_id: WorkspaceId,
    domain_id: DomainId,
    space: CodeSpace,
) -> _Places:
    conn = await session.connection()
    wanted = [item for item in items if isinstance(item, _Wanted)]
    chosen = {item.code for item in wanted if item.code is not None}
    externals = {item.external_id for item in wanted if item.external_id is not None}
    unnamed = len([item for item in wanted if item.code is None])
    free = await free_codes(conn, domain_id=domain_id, count=unnamed, but_not=chosen, space=space)
    return _Places(
        codes=await taken_codes(conn, domain_id=domain_id, candidates=chosen),
        externals=await _external_ids_in_use(conn, externals, workspace_id=workspace_id),
        random=iter(free),
    )


async def _external_ids_in_use(
    conn: AsyncConnection, wanted: Collection[str], *, workspace_id: WorkspaceId
) -> set[str]:
    if not wanted:
        return set()
    others = select(col(Link.external_id)).where(
        col(Link.workspace_id) == workspace_id, col(Link.external_id) == any_of(wanted)
    )
    return {found for found in (await conn.execute(others)).scalars() if found is not None}


def _settle(plan: Sequence[Row | Refused], *, bulk: BulkPolicy, room: Quota) -> None:
    outcomes = [row if isinstance(row, Refused) else None for row in plan]
    refusal = room.refusal(outcomes.count(None))
    settle(outcomes, bulk=bulk, against=[] if refusal is None else [replace(refusal, path=PATH)])


async def _insert(
    session: AsyncSession, rows: Sequence[Row], *, workspace_id: WorkspaceId
) -> dict[LinkId, LinkRecord] | None:
    """The links by their ids, in order; None, and nothing is written, when somebody got ahead with one of them.

    In the order of their codes, so that of two batches that want the same one waits for the other and never both; and
    who has lost one lets go of all before the next attempt.
    """
    if not rows:
        return {}
    conn = await session.connection()
    async with conn.begin_nested() as savepoint:
        statement = insert(Link).on_conflict_do_nothing().returning(Link)
        found = await conn.execute(statement, sorted(rows, key=lambda row: str(row["code"])))
        made = {row.id: LinkRecord(**row._mapping) for row in found}
        if len(made) < len(rows):
            await savepoint.rollback()
            return None
        await _start_totals(conn, list(made), workspace_id=workspace_id)
    return {row["id"]: made[row["id"]] for row in rows}


async def _start_totals(conn: AsyncConnection, ids: list[LinkId], *, workspace_id: WorkspaceId) -> None:
    is_new = (col(Link.workspace_id) == workspace_id, col(Link.id) == any_of(ids))
    none = literal(0, BigInteger)
    columns = ["link_id", "workspace_id", "clicks", "unique_clicks", "bot_clicks"]
    totals = select(col(Link.id), col(Link.workspace_id), none, none, none).where(*is_new)
    await conn.execute(insert(LinkTotal).from_select(columns, totals))


async def _with_suggestions(
    session: AsyncSession, wanted: Sequence[_Wanted | Refused], plan: Sequence[Row | Refused], *, domain_id: DomainId
) -> list[Row | Refused]:
    """The plan, where codes are taken with others that are free: asked for all of them at once."""
    taken = [_taken_code(item, row) for item, row in zip(wanted, plan, strict=True)]
    if not any(taken):
        return list(plan)
    meant = {str(row["code"]) for row in plan if isinstance(row, dict)}
    conn, codes = await session.connection(), {code for code in taken if code}
    free = await suggest_all(conn, domain_id=domain_id, wanted=codes, but_not=meant)
    return [_suggesting(row, free.get(code or "", ())) for code, row in zip(taken, plan, strict=True)]


def _taken_code(item: _Wanted | Refused, row: Row | Refused) -> str | None:
    is_taken = isinstance(row, Refused) and any(isinstance(problem, CodeTaken) for problem in row.problems)
    return item.code if is_taken and isinstance(item, _Wanted) else None


def _suggesting(row: Row | Refused, suggestions: tuple[str, ...]) -> Row | Refused:
    if isinstance(row, dict):
        return row
    told = (replace(one, suggestions=suggestions) if isinstance(one, CodeTaken) else one for one in row.problems)
    return Refused(*told)
