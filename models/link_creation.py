"""Making a link: judge everything, then let the indexes decide who gets the code."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models import audit_log, codes
from models.actors import Actor
from models.audit_log import Action, Change, Target
from models.code_availability import is_taken, suggest
from models.codes import ATTEMPTS, RANDOM_CODES, CodeSpace
from models.ids import DomainId, LinkId, WorkspaceId, new_id
from models.link_fields import judged
from models.link_quota import take_room
from models.links import Link, LinkRecord, LinkTotal
from models.refusals import CodeTaken, Problem, ProblemCode, Refused
from models.retired_codes import is_retired
from models.targets import TargetPolicy
from models.texts import trimmed


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """What somebody wants a link to be; without a code it gets a random one."""

    destination_url: str
    code: str | None = None
    title: str | None = None
    notes: str | None = None
    external_id: str | None = None


async def create(
    session: AsyncSession,
    *,
    workspace_id: WorkspaceId,
    domain_id: DomainId,
    draft: LinkDraft,
    by: Actor,
    policy: TargetPolicy,
    now: datetime,
    space: CodeSpace = RANDOM_CODES,
) -> LinkRecord:
    """The new link; Refused with every rule the draft breaks, or with what is taken already.

    A random code is tried 10 times, then 10 times one character longer, and then it is a CONFLICT.
    """
    chosen = trimmed(draft.code)
    values = values_of(draft, chosen, policy)
    values |= {"workspace_id": workspace_id, "domain_id": domain_id, "created_by_key": by.key}
    values |= {"created_by_user": by.user, "created_at": now, "updated_at": now, "version": 1}
    await take_room(session, workspace_id=workspace_id)
    for code in [chosen] * ATTEMPTS if chosen else _random_codes(space):
        record = await _insert(session, values | {"code": code})
        if record is not None:
            await audit_log.note(session, creation_of(record), workspace_id=workspace_id, by=by, now=now)
            return record
        await _refuse_what_is_taken(session, values, chosen=chosen)
    raise Refused(no_free_code())


def values_of(draft: LinkDraft, chosen: str | None, policy: TargetPolicy) -> dict[str, Any]:
    """The draft's fields, by column, as they are stored; Refused with every rule that they or the chosen code break."""
    problems: list[Problem] = []
    fields = {
        "destination_url": draft.destination_url,
        "title": draft.title,
        "notes": draft.notes,
        "external_id": draft.external_id,
    }
    values: dict[str, Any] = {**judged(fields, policy=policy, problems=problems)}
    code_problem = None if chosen is None else codes.problem_of(chosen)
    if code_problem is not None:
        problems.append(code_problem)
    if problems:
        raise Refused(*problems)
    return values


def _random_codes(space: CodeSpace) -> Iterator[str]:
    yield from (codes.random_code(length, space.alphabet) for length in codes.lengths_to_try(space))


async def _insert(session: AsyncSession, values: dict[str, Any]) -> LinkRecord | None:
    """The link, or None where an index already holds the id, the code or the external id, or the code is retired."""
    link_id = LinkId(new_id())
    conn = await session.connection()  # Core: rows, not entities
    # Asked before, not in the same statement: a code is retired while its link is still there to conflict with.
    if await is_retired(conn, domain_id=values["domain_id"], code=values["code"]):
        return None
    statement = insert(Link).values(id=link_id, **values).on_conflict_do_nothing().returning(Link)
    row = (await conn.execute(statement)).one_or_none()
    if row is None:
        return None
    total = {"link_id": link_id, "workspace_id": values["workspace_id"]}
    await conn.execute(insert(LinkTotal).values(**total, clicks=0, unique_clicks=0, bot_clicks=0))
    return LinkRecord(**row._mapping)


def creation_of(link: LinkRecord) -> Change:
    """The link's first entry in the audit log."""
    shown = ("code", "destination_url", "title", "notes", "external_id")
    after = {name: getattr(link, name) for name in shown if getattr(link, name) is not None}
    return Change(Action.LINK_CREATE, Target.link(link.id), after=after)


async def _refuse_what_is_taken(session: AsyncSession, values: dict[str, Any], *, chosen: str | None) -> None:
    """Raises Refused for what another attempt would meet again."""
    conn = await session.connection()
    problems: list[Problem] = []
    if chosen is not None and await is_taken(conn, domain_id=values["domain_id"], code=chosen):
        suggestions = await suggest(conn, domain_id=values["domain_id"], code=chosen)
        problems.append(code_taken(chosen, suggestions))
    if values["external_id"] is not None:
        others = select(col(Link.id)).where(
            col(Link.workspace_id) == values["workspace_id"], col(Link.external_id) == values["external_id"]
        )
        if (await conn.execute(others)).first() is not None:
            problems.append(external_id_taken(values["external_id"]))
    if problems:
        raise Refused(*problems)


def no_free_code() -> Problem:
    """The problem of random codes that were all in use."""
    return Problem(ProblemCode.CONFLICT, "No free code was found; try again.", codes.PATH)


def code_taken(code: str, suggestions: tuple[str, ...] = ()) -> CodeTaken:
    """The problem of a code in use."""
    message = f"{code!r} belongs to another link."
    return CodeTaken(ProblemCode.TAKEN, message, codes.PATH, suggestions=suggestions)


def external_id_taken(external_id: str) -> Problem:
    """The problem of an external id in use."""
    return Problem(ProblemCode.TAKEN, f"{external_id!r} belongs to another link.", ("externalId",))
