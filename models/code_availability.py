"""Whether a code can still be had, and what could be had instead."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models import codes
from models.codes import CodeSpace
from models.ids import DomainId
from models.links import Link
from models.refusals import ProblemCode
from models.retired_codes import RetiredCode
from models.tables import any_of
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
    return (await suggest_all(conn, domain_id=domain_id, wanted=[code]))[code]


async def suggest_all(
    conn: AsyncConnection, *, domain_id: DomainId, wanted: Collection[str], but_not: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """For each of these codes at most three free ones like it, and none of `but_not`."""
    candidates = {code: dict.fromkeys(codes.alternatives(code)) for code in wanted}
    every = set[str]().union(*candidates.values())
    taken = await taken_codes(conn, domain_id=domain_id, candidates=every) | set(but_not)
    return {
        code: tuple(islice((one for one in its if one not in taken), SUGGESTIONS)) for code, its in candidates.items()
    }


async def free_codes(
    conn: AsyncConnection, *, domain_id: DomainId, count: int, but_not: Collection[str], space: CodeSpace
) -> list[str]:
    """So many different random codes that nobody has, and none of `but_not`; fewer when they are hard to find."""
    found = set[str]()
    for length in codes.lengths_to_try(space):
        if len(found) == count:
            break
        drawn = {codes.random_code(length, space.alphabet) for _ in range(count - len(found))}
        candidates = drawn - found - set(but_not)
        found |= candidates - await taken_codes(conn, domain_id=domain_id, candidates=candidates)
    return list(found)


async def _reason(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> UnavailableReason | None:
    problem = codes.problem_of(code)
    if problem is not None:
        is_word = problem.code is ProblemCode.RESERVED
        return UnavailableReason.RESERVED if is_word else UnavailableReason.INVALID
    return UnavailableReason.TAKEN if await is_taken(conn, domain_id=domain_id, code=code) else None


async def is_taken(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> bool:
    """Whether a link on the domain has exactly this code, or one had it that was deleted not a year ago."""
    return bool(await taken_codes(conn, domain_id=domain_id, candidates=[code]))


async def taken_codes(conn: AsyncConnection, *, domain_id: DomainId, candidates: Collection[str]) -> set[str]:
    """Those of the codes that `is_taken` says are."""
    if not candidates:
        return set()
    used = select(col(Link.code)).where(col(Link.domain_id) == domain_id, col(Link.code) == any_of(candidates))
    retired = select(col(RetiredCode.code)).where(
        col(RetiredCode.domain_id) == domain_id, col(RetiredCode.code) == any_of(candidates)
    )
    return set((await conn.execute(used.union_all(retired))).scalars())
