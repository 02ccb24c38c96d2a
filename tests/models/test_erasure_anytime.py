"""Deleting, restoring and erasing in any order, while segments are loaded: everything always agrees."""

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import erasure, link_deletion, workspaces
from models.actors import OPERATOR
from models.clicks import VisitorKind
from models.clicks_audit import audit
from models.database import Database
from models.ids import LinkId
from models.instance import InstanceRecord
from models.links import ById, LinkRecord
from models.refusals import Refused
from models.workspace_erasure import erase_workspace
from tests.clicks_data import Visit, load
from tests.clicks_worlds import utc
from tests.models.making import NOW, deactivate, make_link

pytestmark = pytest.mark.database
DATABASE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
BEGIN = utc(2026, 11, 19)
OVERDUE = NOW + timedelta(days=31)
LINKS = 3
ERASE_LINKS, ERASE_WORKSPACE = "erase links", "erase workspace"

numbers = st.integers(0, LINKS - 1)
visit = st.tuples(
    numbers, st.integers(0, 2), st.integers(0, 3), st.sampled_from([VisitorKind.PERSON, VisitorKind.HEAD])
)
change = st.tuples(st.sampled_from(["delete", "restore"]), numbers)
changes = st.lists(change | st.sampled_from([(ERASE_LINKS, 0), (ERASE_WORKSPACE, 0)]), max_size=6)
Segment = list[tuple[int, int, int, VisitorKind]]  # link, when, who and what of each visit


@dataclass(frozen=True)
class Course:
    """What is loaded, what is changed meanwhile, and how many visits are erased at once."""

    segments: list[Segment]
    changes: list[tuple[str, int]]
    at_once: int


courses = st.builds(
    Course,
    segments=st.lists(st.lists(visit, max_size=6), max_size=5),
    changes=changes,
    at_once=st.sampled_from([1, 4, 1_000]),
)


class Shop:
    """A workspace with a few links, changed in one transaction each while another connection loads."""

    def __init__(self, database: Database, where: InstanceRecord, links: list[LinkRecord]) -> None:
        self.database = database
        self.where = where
        self.links = links

    def visits(self, segment: Segment) -> list[Visit]:
        return [
            Visit(
                occurred_at=BEGIN + timedelta(hours=13 * at),
                link_id=self.links[number].id,
                workspace_id=self.where.workspace_id,
                visitor=visitor,
                kind=kind,
            )
            for number, at, visitor, kind in segment
        ]

    async def change(self, raw: asyncpg.Connection, what: str, number: int) -> None:
        if what == ERASE_LINKS:
            await erasure.erase_overdue(raw, now=OVERDUE)
        elif what == ERASE_WORKSPACE:
            await erase_workspace(raw, self.where.workspace_id, now=NOW)
        else:
            with contextlib.suppress(Refused):
                await self._delete_or_restore(what, self.links[number].id)

    async def _delete_or_restore(self, what: str, link_id: LinkId) -> None:
        async with self.database.write() as session:
            if what == "delete":
                await link_deletion.delete(
                    session, workspace_id=self.where.workspace_id, lookup=ById(link_id), by=OPERATOR, now=NOW
                )
            else:
                await link_deletion.restore(
                    session, workspace_id=self.where.workspace_id, link_id=link_id, by=OPERATOR, now=NOW
                )


async def new_shop(database: Database, here: InstanceRecord) -> Shop:
    async with database.write() as session:
        made = await workspaces.create(session, name="Shop", timezone="UTC", by=OPERATOR, now=NOW)
    where = InstanceRecord(made.id, here.domain_id)
    links = [await make_link(database, where) for _ in range(LINKS)]
    return Shop(database, where, [await deactivate(database, where, ById(link.id), now=NOW) for link in links])


@settings(DATABASE, max_examples=25, derandomize=True)
@given(course=courses)
async def test_everything_agrees_whatever_happens_while_segments_are_loaded(
    database: Database, here: InstanceRecord, raw: asyncpg.Connection, other: asyncpg.Connection, course: Course
) -> None:
    shop = await new_shop(database, here)
    producer = shop.where.workspace_id  # whose segments are the first of theirs

    async def load_all() -> None:
        for number, segment in enumerate(course.segments):
            await load(other, shop.visits(segment), segment=number, producer=producer)

    async def change_all() -> None:
        for what, number in course.changes:
            if await raw.fetchval("select exists (select from workspace where id = $1)", shop.where.workspace_id):
                await shop.change(raw, what, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(erasure, "VISITS_AT_ONCE", course.at_once)
        await asyncio.gather(load_all(), change_all())
    assert await audit(raw) == []
    if (ERASE_WORKSPACE, 0) in course.changes:
        found = await raw.fetchval("select count(*) from click where workspace_id = $1", shop.where.workspace_id)
        assert found == 0
