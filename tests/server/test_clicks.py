"""Recording as the server runs it: readiness, `kurz audit` and `kurz load`, and what may be missing."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager
from sqlalchemy import text

from models import feed
from models.database import Database
from models.instance import InstanceRecord
from recording.content import read
from recording.segments import State, listed
from recording.spool import Sync
from recording.visit import Utm
from recording.visit_line import link_parts
from server.app import create_app
from server.audit import run_audit
from server.clicks import make_recorder
from server.first_start import prepare
from server.load import load_now
from server.loader_config import loader_config
from server.settings import Settings
from server.spool import make_spool, spool_folder
from server.start_error import StartError
from tests.recording.mmdb import write_mmdb
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


async def test_readiness_tells_of_recording(settings: Settings, instance: InstanceRecord) -> None:
    assert await readiness(settings, instance) == (200, 200, {"ready": True, "reason": None, "dropped": 0})


async def test_readiness_tells_that_visits_are_lost(settings: Settings, instance: InstanceRecord) -> None:
    spool_folder(settings).touch()
    assert await readiness(settings, instance) == (
        *(200, 503),
        {"ready": False, "reason": "spool_unusable", "dropped": 0},
    )


@pytest.mark.parametrize(("waited_s", "is_behind"), [(5, False), (3_600, True)])
async def test_readiness_tells_that_nobody_loads(
    settings: Settings, instance: InstanceRecord, worker: Writer, waited_s: int, is_behind: bool
) -> None:
    sealed_at = datetime.now(UTC).timestamp() - waited_s
    for file in (worker.write(visit()), worker.write(visit())):
        os.utime(file.path, (sealed_at, sealed_at))
        sealed_at += 20
    status, recording, found = await readiness(settings, instance, waited_s=waited_s)
    assert (status, recording) == (200, 503 if is_behind else 200)
    assert found == {"ready": not is_behind, "reason": "loader_behind" if is_behind else None, "dropped": 0}


async def readiness(
    settings: Settings, instance: InstanceRecord, *, waited_s: int = 0
) -> tuple[int, int, dict[str, object]]:
    """The status of all, that of recording, and what it says of it."""
    app = create_app(settings, instance, recorder=make_recorder(settings, spool_id=1))
    async with LifespanManager(app, startup_timeout=60, shutdown_timeout=60):
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
            ready = await client.get("/readyz")
            recording = await client.get("/readyz/recording")
    found = recording.json()["recording"]
    assert found.pop("waiting_s") >= waited_s
    return ready.status_code, recording.status_code, found


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


def test_the_loader_does_as_the_settings_say(settings: Settings) -> None:
    given = {"click_retention_days": 60, "audit_retention_days": 7, "spool_max_bytes": 2**21}
    config = loader_config(settings.model_copy(update=given), spool_id=5)
    assert (config.click_days, config.audit_days, config.max_bytes) == (60, 7, 2**21)
    assert (config.instance_id, config.folder) == (5, spool_folder(settings))


@pytest.mark.parametrize("heeds", [True, False])
async def test_visits_are_recorded_as_the_settings_say(
    settings: Settings, instance: InstanceRecord, tmp_path: Path, heeds: bool
) -> None:
    # given a table of countries, a trusted proxy, and wishes that are heeded or not
    table = tmp_path / "country.mmdb"
    write_mmdb(table, {"192.0.2.0/24": {"country": "NZ"}})
    given = {"geoip_database": table, "trusted_proxies": ("10.0.0.1/32",), "heed_privacy_signals": heeds}
    recorder = make_recorder(settings.model_copy(update=given | {"spool_sync": Sync.ALWAYS}), spool_id=1)

    # when somebody who does not want to be tracked comes through the proxy
    await recorder.start()
    headers = [(b"x-forwarded-for", b"192.0.2.7"), (b"referer", b"https://example.org/"), (b"dnt", b"1")]
    link = link_parts(link_id=1, workspace_id=1, version=1, utm=Utm())
    recorder.record(headers, ("10.0.0.1", 1), b"", link, time.time_ns(), False)
    await recorder.stop()

    # then
    [file] = listed(spool_folder(settings), State.SEALED)
    [(_, visit)] = read(file.path).visits
    assert (visit.country, visit.referrer) == ("NZ", None if heeds else "example.org")
    assert recorder.waits_for_disk


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
