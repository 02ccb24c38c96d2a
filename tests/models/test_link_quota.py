"""How many links a workspace may have: exact, also when many are made at once."""

import asyncio

import pytest

from models import workspaces
from models.actors import OPERATOR
from models.database import Database
from models.instance import InstanceRecord
from models.links import LinkRecord
from models.refusals import LimitReached, Refused
from tests.models.making import NOW, make_link

pytestmark = pytest.mark.database


async def limit(database: Database, here: InstanceRecord, links: int | None) -> None:
    async with database.write() as session:
        await workspaces.set_link_limit(session, workspace_id=here.workspace_id, limit=links, by=OPERATOR, now=NOW)


async def test_of_many_at_once_as_many_are_made_as_there_is_room_for(database: Database, here: InstanceRecord) -> None:
    await limit(database, here, 3)
    made = await asyncio.gather(*(make_link(database, here) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, LinkRecord) for one in made) == 3
    refusals = [one.problems for one in made if isinstance(one, Refused)]
    assert [(type(problem), getattr(problem, "limit", None)) for (problem,) in refusals] == [(LimitReached, 3)] * 2


async def test_a_limit_below_what_is_there_stops_new_ones_until_it_is_lifted(
    database: Database, here: InstanceRecord, elsewhere: InstanceRecord
) -> None:
    await make_link(database, here)
    await limit(database, here, 0)
    with pytest.raises(Refused):
        await make_link(database, here)
    await make_link(database, elsewhere)  # has a limit of its own: none
    await limit(database, here, None)
    await make_link(database, here)
