"""Whether a code can still be had, and what could be had instead."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from sqlalchemy import CompoundSelect, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models import codes
from models.ids import DomainId
from models.links import Link
from models.refusals import ProblemCode
from models.retired_codes import RetiredCode
from models.texts import trimmed

SUGGESTIONS = 3


class UnavailableReason(StrEnum):
    """Why a code cannot be had."""

    TAKEN = "TAKEN"
    RESERVED = "RESERVED"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class Availability:
    """The answer; `suggestions` were free when asked, and there are none for a code that is free itself."""

    code: str
    available: bool
    reason: UnavailableReason | None
    suggestions: tuple[str, ...]


async def availability(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> Availability:
    """Whether a new link on the domain could have this code (without the blanks around it) now."""
    code = trimmed(code) or ""
    reason = await _reason(conn, domain_id=domain_id, code=code)
    if reason is None:
        return Availability(code, available=True, reason=None, suggestions=())
    return Availability(
        code, available=False, reason=reason, suggestions=await suggest(conn, domain_id=domain_id, code=code)
    )


async def suggest(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> tuple[str, ...]:
    """At most three free codes like this one."""
    candidates = list(dict.fromkeys(codes.alternatives(code)))
    taken = set((await conn.execute(_taken(domain_id, candidates))).scalars())
    return tuple(islice((candidate for candidate in candidates if candidate not in taken), SUGGESTIONS))


async def _reason(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> UnavailableReason | None:
    problem = codes.problem_of(code)
    if problem is not None:
        is_word = problem.code is ProblemCode.RESERVED
        return UnavailableReason.RESERVED if is_word else UnavailableReason.INVALID
    return UnavailableReason.TAKEN if await is_taken(conn, domain_id=domain_id, code=code) else None


async def is_taken(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> bool:
    """Whether a link on the domain has exactly this code, or one had it that was deleted not a year ago."""
    return (await conn.execute(_taken(domain_id, [code]))).first() is not None


def _taken(domain_id: DomainId, candidates: Collection[str]) -> CompoundSelect[str]:
    used = select(col(Link.code)).where(col(Link.domain_id) == domain_id, col(Link.code).in_(candidates))
    retired = select(col(RetiredCode.code)).where(
        col(RetiredCode.domain_id) == domain_id, col(RetiredCode.code).in_(candidates)
    )
    return used.union_all(retired)
