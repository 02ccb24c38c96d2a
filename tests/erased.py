"""A workspace to be erased, with something in every table, and ways to see that nothing of it is left."""

import json
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from models import keys, member_changes
from models.actors import OPERATOR
from models.click_days import build, candidates
from models.clicks import VisitorKind
from models.database import Database
from models.instance import InstanceRecord
from models.keys import NewKey, Scope
from models.links import ById, LinkRecord
from models.members import MemberRecord
from models.roles import Role
from tests.clicks_data import Visit, load
from tests.clicks_worlds import utc
from tests.models.making import NOW, deactivate, make_link

MARK = "zebra"
BEGIN = utc(2026, 11, 19)
BOTH = "both@example.com"
# What says nothing of whose it was, or only its number, on purpose.
KEPT_ON_PURPOSE = {"erased_workspace", "erased_link", "retired_code"}
# The entry of the erasure itself, in the default workspace's log: the number alone.
TELLS_OF_IT = '"action":"workspace.erase"'


@dataclass(frozen=True)
class Furnished:
    """What was put into a workspace."""

    links: list[LinkRecord]
    key: NewKey
    members: list[MemberRecord]

    @property
    def ids(self) -> set[int]:
        """The ids of all of it."""
        people = {member.user_id for member in self.members if member.role is not Role.OWNER}
        return {self.key.record.id, *(link.id for link in self.links), *(one.id for one in self.members), *people}


async def furnish(
    database: Database, raw: asyncpg.Connection, where: InstanceRecord, *, mark: str, segment: int
) -> Furnished:
    """Three links on its domain with clicks of two days that are summed up, one of them deactivated; a key; two
    members, one of whom belongs to every workspace that is furnished."""
    async with database.write() as session:
        key = await keys.create(session, workspace_id=where.workspace_id, name=mark, scopes=Scope, now=NOW)
        members = [
            await member_changes.add(
                session,
                workspace_id=where.workspace_id,
                email=email,
                role=role,
                by=OPERATOR,
                as_role=Role.OWNER,
                now=NOW,
            )
            for email, role in ((BOTH, Role.OWNER), (f"{mark}@example.com", Role.ADMIN))
        ]
    links = [
        await make_link(
            database,
            where,
            url=f"https://{mark}.example/{number}",
            title=mark,
            external_id=f"{mark} {number}",
            created_by=key.record.id,
        )
        for number in range(3)
    ]
    await load(raw, [visit for link in links for visit in visits(link, mark=mark)], segment=segment)
    await load(raw, visits(links[0], mark=mark, first=50), segment=segment + 1)
    await build(raw, await candidates(raw, first=BEGIN.date(), now=BEGIN + timedelta(days=9), at_least=1))
    await deactivate(database, where, ById(links[1].id), reason=mark)
    return Furnished(links, key, members)


def visits(link: LinkRecord, *, mark: str, first: int = 0, count: int = 8) -> list[Visit]:
    """Visits of two days, each of another visitor; every fourth is a crawler's."""
    return [
        Visit(
            occurred_at=BEGIN + timedelta(hours=5 * number),
            link_id=link.id,
            workspace_id=link.workspace_id,
            visitor=first + number,
            kind=VisitorKind.CRAWLER if number % 4 == 3 else VisitorKind.PERSON,
            utm_source=mark,
        )
        for number in range(count)
    ]


async def every_row(raw: asyncpg.Connection) -> dict[str, list[str]]:
    """All rows of all tables, each as a line of JSON."""
    tables = await raw.fetch(
        "select relname::text as name from pg_class where relkind in ('r', 'p') and not relispartition "
        "and relnamespace = 'public'::regnamespace order by 1"
    )
    return {
        table["name"]: [row[0] for row in await raw.fetch(f"select to_json(t)::text from {table['name']} t order by 1")]
        for table in tables
    }


def traces(rows: dict[str, list[str]], *, ids: set[int], mark: str) -> dict[str, list[str]]:
    """The rows that still say something: a word with the mark, or one of the ids anywhere."""

    def tells(row: str) -> bool:
        return mark in row or (TELLS_OF_IT not in row and not ids.isdisjoint(_numbers(json.loads(row))))

    told = {name: list(filter(tells, lines)) for name, lines in rows.items() if name not in KEPT_ON_PURPOSE}
    return {name: lines for name, lines in told.items() if lines}


def _numbers(value: object) -> set[int]:
    if isinstance(value, dict):
        return set().union(*map(_numbers, value.values()))
    if isinstance(value, list):
        return set().union(*map(_numbers, value))
    return {value} if isinstance(value, int) else set()
