"""`kurz workspaces export`: everything of one workspace as lines of JSON, and nothing of another."""

import io
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from graph import ids
from models import workspaces
from models.actors import OPERATOR
from models.database import Database, asyncpg_dsn
from models.instance import InstanceRecord
from models.retention import forget
from server.first_start import prepare
from server.settings import Settings
from server.start_error import StartError
from server.workspaces import export, opened
from tests.erased import MARK, Furnished, every_row, furnish
from tests.serving import KURZ, environment

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
pytestmark = pytest.mark.database
Lines = list[dict[str, Any]]


@pytest.fixture
async def raw(database_url: str) -> Any:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    yield connection
    await connection.close()


@pytest.fixture
async def instance(settings: Settings, now: datetime) -> InstanceRecord:
    return (await prepare(settings, keeps_first_key=False, now=now)).instance


@pytest.fixture
async def shop(database: Database, instance: InstanceRecord, now: datetime) -> InstanceRecord:
    """A second workspace, on the installation's domain."""
    async with database.write() as session:
        made = await workspaces.create(session, name=MARK, timezone="UTC", by=OPERATOR, now=now)
    return InstanceRecord(made.id, instance.domain_id)


@pytest.fixture
async def stock(
    database: Database, raw: asyncpg.Connection, instance: InstanceRecord, shop: InstanceRecord
) -> Furnished:
    """What is in the shop; the default workspace has something as well."""
    await furnish(database, raw, instance, mark="lion", segment=1)
    return await furnish(database, raw, shop, mark=MARK, segment=11)


def name_of(where: InstanceRecord) -> str:
    return ids.encode(ids.WORKSPACE, where.workspace_id)


async def lines(settings: Settings, where: InstanceRecord, now: datetime) -> Lines:
    stream = io.BytesIO()
    count = await export(settings, workspace=name_of(where), to=stream, now=now)
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(found) == count
    return found


async def test_everything_is_there_and_nothing_of_others(
    settings: Settings, shop: InstanceRecord, stock: Furnished, now: datetime
) -> None:
    told = await lines(settings, shop, now)
    assert Counter(line["type"] for line in told) == {
        "export": 1,
        "workspace": 1,
        "domain": 1,
        "member": 2,
        "key": 1,
        "link": 3,
        "auditEntry": 8,
        "click": 32,
        "end": 1,
    }
    assert (told[0]["type"], told[-1]) == ("export", {"type": "end", "lines": len(told) - 2})
    text = json.dumps(told)
    assert "lion" not in text
    assert stock.key.secret[-20:] not in text
    emails = {line["email"] for line in told if line["type"] == "member"}
    assert emails == {"both@example.com", f"{MARK}@example.com"}


async def test_lines_bear_the_names_and_ids_of_the_api(
    settings: Settings, shop: InstanceRecord, stock: Furnished, now: datetime
) -> None:
    told = await lines(settings, shop, now)
    link = next(line for line in told if line["type"] == "link")
    assert link["id"] == ids.encode(ids.LINK, stock.links[0].id)
    assert link["createdByKey"] == ids.encode(ids.API_KEY, stock.key.record.id)
    assert (link["clicks"], link["uniqueClicks"], link["botClicks"]) == (12, 12, 4)
    clicks = [line for line in told if line["type"] == "click"]
    assert {click["linkId"] for click in clicks} == {ids.encode(ids.LINK, one.id) for one in stock.links}
    assert len({click["id"] for click in clicks}) == len(clicks)
    assert {(click["kind"], click["unique"]) for click in clicks} == {("PERSON", True), ("CRAWLER", False)}
    assert {click["occurredAt"][-1] for click in clicks} == {"Z"}
    entry = next(line for line in told if line["type"] == "auditEntry" and line["action"] == "link.deactivate")
    assert entry["targetId"] == ids.encode(ids.LINK, stock.links[1].id)
    assert entry["after"]["deactivation_reason"] == MARK


async def test_what_single_clicks_are_gone_of_is_there_as_sums(
    settings: Settings, raw: asyncpg.Connection, shop: InstanceRecord, stock: Furnished, now: datetime
) -> None:
    await forget(raw, now=datetime.fromisoformat("2028-06-01T00:00:00+00:00"))
    told = await lines(settings, shop, now)
    sums = [line for line in told if line["type"] == "quarterHour"]
    assert [line for line in told if line["type"] == "click"] == []
    assert sum(line["clicks"] for line in sums) == 24
    assert sums[0].keys() == {"type", "linkId", "beginsAt", "clicks", "uniqueClicks", "botClicks"}


async def test_its_shape_is_documented(
    settings: Settings, raw: asyncpg.Connection, shop: InstanceRecord, stock: Furnished, now: datetime
) -> None:
    told = await lines(settings, shop, now)
    await forget(raw, now=datetime.fromisoformat("2028-06-01T00:00:00+00:00"))
    told += await lines(settings, shop, now)
    section = DOCUMENT.read_text().partition("## Exporting")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section, re.MULTILINE)
    documented = {kind: {*re.findall(r"`(\w+)`", fields), "type"} for kind, fields in rows[1:]}
    assert {line["type"]: set(line) for line in told} == documented


async def test_an_export_changes_nothing(
    settings: Settings, raw: asyncpg.Connection, shop: InstanceRecord, stock: Furnished, now: datetime
) -> None:
    before = await every_row(raw)
    await lines(settings, shop, now)
    assert await every_row(raw) == before


async def test_a_file_is_new_private_and_gone_again_after_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    with opened(file) as stream:
        stream.write(b"{}\n")
    assert file.stat().st_mode & 0o777 == 0o600
    for unusable in (file, tmp_path / "no folder" / "file"):
        with pytest.raises(StartError), opened(unusable):
            pass
    assert file.read_bytes() == b"{}\n"
    with pytest.raises(StartError), opened(tmp_path / "other"):
        raise StartError
    assert not (tmp_path / "other").exists()


def test_a_reader_that_goes_away_ends_it_with_one_line(database_url: str, tmp_path: Path) -> None:
    settings = {"KURZ_DATABASE_URL": database_url, "KURZ_DATA_DIR": str(tmp_path)}
    run = {"env": environment(settings), "cwd": "/", "stdin": subprocess.DEVNULL, "text": True}
    made = [*KURZ, "workspaces", "create", "Shop", "--owner", "a@example.com"]
    workspace = subprocess.run(made, capture_output=True, check=True, **run).stdout.strip()  # type: ignore[call-overload]
    exporting = [*KURZ, "workspaces", "export", workspace]
    done = subprocess.run(exporting, capture_output=True, check=True, **run)  # type: ignore[call-overload]
    assert json.loads(done.stdout.splitlines()[-1])["type"] == "end"
    with subprocess.Popen([sys.executable, "-c", "pass"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = subprocess.run(  # type: ignore[call-overload]
            exporting, **{**run, "stdout": reader.stdin, "stderr": subprocess.PIPE}, check=False
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
