"""Recording as the server runs it: readiness, `kurz audit` and `kurz load`, and what may be missing."""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from models import feed
from models.database import Database
from models.instance import InstanceRecord
from recording.segments import State
from server.app import create_app
from server.audit import run_audit
from server.clicks import make_recorder, make_spool, spool_folder
from server.first_start import prepare
from server.load import load_now
from server.settings import Settings
from server.start_error import StartError
from tests.recording.writing import Writer, states, visit, writer
from tests.serving import run_kurz
from tests.visiting import ask

pytestmark = pytest.mark.database

WRONG_TOTAL = "insert into link_total (link_id, workspace_id, clicks, unique_clicks, bot_clicks) values (1, 1, 5, 0, 0)"


@pytest.fixture
async def instance(settings: Settings, now: datetime) -> InstanceRecord:
    return (await prepare(settings, keeps_first_key=False, now=now)).instance


@pytest.fixture
async def worker(settings: Settings, database: Database) -> Writer:
    """Leaves segments in the spool, as a worker does."""
    async with database.read() as connection:
        return writer(spool_folder(settings), await feed.spool_id(connection))


@pytest.mark.parametrize("is_usable", [True, False])
async def test_readiness_tells_of_recording_and_does_not_follow_it(
    settings: Settings, instance: InstanceRecord, is_usable: bool
) -> None:
    if not is_usable:
        spool_folder(settings).touch()
    app = create_app(settings, instance, recorder=make_recorder(settings, spool_id=1))
    async with LifespanManager(app, startup_timeout=60, shutdown_timeout=60):
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            ready = await client.get("/readyz")
            recording = await client.get("/readyz/recording")
    assert ready.status_code == 200
    assert recording.status_code == (200 if is_usable else 503)
    reason = None if is_usable else "spool_unusable"
    assert recording.json()["recording"] == {"ready": is_usable, "reason": reason, "dropped": 0}


async def test_a_start_is_refused_where_every_visit_would_be_lost(settings: Settings) -> None:
    make_spool(settings)
    assert spool_folder(settings).stat().st_mode & 0o777 == 0o700
    spool_folder(settings).rmdir()
    spool_folder(settings).touch()
    with pytest.raises(StartError):
        make_spool(settings)


async def test_a_worker_starts_though_the_table_of_countries_is_gone(settings: Settings) -> None:
    gone = settings.model_copy(update={"geoip_database": Path("gone.mmdb")})
    recorder = make_recorder(gone, spool_id=1)
    assert recorder.reason() == "spool_unusable"  # not started yet


def test_an_audit_finds_differences_and_repairs_them(database_url: str, tmp_path: Path) -> None:
    settings = {"KURZ_DATABASE_URL": database_url, "KURZ_DATA_DIR": str(tmp_path)}
    assert run_kurz("audit", settings=settings).returncode == 0
    ask(database_url, WRONG_TOTAL)
    codes = [run_kurz("audit", *repair, settings=settings).returncode for repair in ((), ("--repair",), ())]
    assert codes == [1, 0, 0]
    assert ask(database_url, "select from link_total where clicks > 0") == []


async def test_an_audit_tells_what_it_found_and_what_is_left(
    settings: Settings, instance: InstanceRecord, database: Database, now: datetime
) -> None:
    async with database.write() as session:
        await session.execute(text(WRONG_TOTAL))
    found = await run_audit(settings, repairs=False, now=now)
    assert [one.count for one in found.found] == [1]
    assert found.left == found.found
    repaired = await run_audit(settings, repairs=True, now=now)
    assert (repaired.found, repaired.left) == (found.found, [])


async def test_a_load_takes_what_waits_and_old_segments_only_when_forced(
    settings: Settings, worker: Writer, now: datetime
) -> None:
    long_ago = now - timedelta(days=40)
    worker.write(visit(at=now), visit(at=now), sealed_at=now)
    worker.write(visit(at=long_ago), opened_at=long_ago, sealed_at=long_ago)
    assert (await load_now(settings, force=False, now=now)).clicks == 2
    assert states(worker.folder) == {State.LOADED: 1, State.ASIDE: 1}
    assert (await load_now(settings, force=True, now=now)).clicks == 1
    assert states(worker.folder) == {State.LOADED: 2}
