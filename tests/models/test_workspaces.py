"""Workspaces: made and changed by the rules, and told in the audit log."""

import pytest

from models import audit_entries, workspaces
from models.actors import OPERATOR
from models.database import Database
from models.instance import InstanceRecord
from models.refusals import Refused
from tests.models.making import LATER, NOW, kinds

pytestmark = pytest.mark.database


async def test_a_workspace_is_made_changed_and_told(database: Database) -> None:
    async with database.write() as session:
        made = await workspaces.create(session, name=" Shop ", timezone="Europe/Berlin", by=OPERATOR, now=NOW)
        changed = await workspaces.change(
            session, workspace_id=made.id, name="Store", timezone=None, by=OPERATOR, now=LATER
        )
    async with database.read() as conn:
        assert await workspaces.find(conn, workspace_id=made.id) == changed
        told = await audit_entries.page(conn, workspace_id=made.id, after=None, size=10)
    assert (made.name, changed.name, changed.timezone) == ("Shop", "Store", "Europe/Berlin")
    assert [entry.after for entry in told] == [{"name": "Store"}, {"name": "Shop", "timezone": "Europe/Berlin"}]


@pytest.mark.parametrize(
    ("name", "timezone", "paths"),
    [
        ("", "UTC", {("name",)}),
        ("a\x00", "UTC", {("name",)}),
        ("x" * 201, "UTC", {("name",)}),
        ("Shop", "Mars/Base", {("timezone",)}),
        (" ", "", {("name",), ("timezone",)}),
    ],
)
async def test_what_cannot_be_is_refused_all_at_once(
    database: Database, here: InstanceRecord, name: str, timezone: str, paths: set[tuple[str, ...]]
) -> None:
    async with database.write() as session:
        with pytest.raises(Refused) as made:
            await workspaces.create(session, name=name, timezone=timezone, by=OPERATOR, now=NOW)
        with pytest.raises(Refused) as changed:
            await workspaces.change(
                session, workspace_id=here.workspace_id, name=name, timezone=timezone, by=OPERATOR, now=NOW
            )
    assert {path for _, _, path in kinds(made.value)} == {path for _, _, path in kinds(changed.value)} == paths
