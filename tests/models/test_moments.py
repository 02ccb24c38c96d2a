"""Moments: what the present is to a workspace."""

import asyncpg
import pytest

from models import moments
from models.database import Database
from models.instance import InstanceRecord

pytestmark = pytest.mark.database


async def test_the_present_is_the_databases_and_days_begin_in_the_workspaces_zone(
    database: Database, here: InstanceRecord, raw: asyncpg.Connection
) -> None:
    await raw.execute("update workspace set timezone = 'Europe/Berlin' where id = $1", here.workspace_id)
    before = await raw.fetchval("select clock_timestamp()")
    async with database.read() as conn:
        moment = await moments.moment(conn, workspace_id=here.workspace_id)

    assert before <= moment.now <= await raw.fetchval("select clock_timestamp()")
    assert moment.timezone == "Europe/Berlin"
