"""What the redirect hands to the recorder, and that a recorder in trouble costs no redirect."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recording.content import read
from recording.recorder import Recorder, RecorderConfig
from recording.segments import State, listed
from recording.spool import Sync
from recording.visit import Hint, Visit
from redirect.config import RedirectConfig
from tests.redirect.house import NEW, OLD, Owner, Visitor

pytestmark = pytest.mark.database

CAMPAIGN = f"{OLD}?utm_source=mail&utm_medium=letter&utm_campaign=gr%C3%BCn#utm_source=no"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def recorder(spool: Path, database_url: str) -> Recorder:
    return Recorder(RecorderConfig(folder=spool, database_url=database_url, instance_id=1))


@pytest.fixture
async def recorded(owner: Owner, config: RedirectConfig, recorder: Recorder) -> AsyncIterator[Visitor]:
    """Visits a door whose visits are recorded."""
    await recorder.start()
    async with Visitor(config, recorder=recorder) as visitor:
        yield visitor
    await recorder.stop()


async def visits(spool: Path, recorder: Recorder) -> list[Visit]:
    """What was written so far; the recorder is stopped for it."""
    await recorder.stop()
    contents = [read(file.path) for file in listed(spool, State.SEALED)]
    return [visit for content in contents for _, visit in content.visits]


async def test_each_redirect_is_recorded_and_nothing_else(
    owner: Owner, recorded: Visitor, spool: Path, recorder: Recorder
) -> None:
    await owner.make("abc")
    await owner.make("off")
    await owner.deactivate("off")
    for _ in range(3):  # from the database, then from the cache
        assert await recorded.visit("abc") == OLD
    assert (await recorded.client.head("/abc")).status_code == 302
    assert [await recorded.visit(code) for code in ("off", "unknown", "a.b")] == [410, 404, 404]
    assert (await recorded.client.post("/abc")).status_code == 405
    assert (await recorded.client.get("/robots.txt")).status_code == 200
    found = await visits(spool, recorder)
    assert [visit.hint for visit in found] == [None, None, None, Hint.HEAD]
    assert len({(visit.link_id, visit.workspace_id, visit.version) for visit in found}) == 1
    assert found[0].workspace_id == owner.instance.workspace_id


async def test_a_change_is_recorded_as_its_version_and_campaign(
    owner: Owner, recorded: Visitor, spool: Path, recorder: Recorder
) -> None:
    await owner.make("abc", CAMPAIGN)
    await recorded.listens()
    await recorded.visit("abc")
    await recorded.get("/abc?utm_medium=poster")
    await owner.retarget("abc", NEW)
    await recorded.sees("abc", NEW)
    found = await visits(spool, recorder)
    campaigns = [(visit.version, visit.utm_source, visit.utm_medium, visit.utm_campaign) for visit in found]
    assert campaigns[:2] == [(1, "mail", "letter", "grün"), (1, "mail", "poster", "grün")]
    assert campaigns[-1] == (2, None, None, None)


async def test_the_visit_is_written_before_the_answer_is_sent(
    owner: Owner, recorded: Visitor, spool: Path, recorder: Recorder
) -> None:
    await owner.make("abc")
    await recorded.visit("abc")
    [current] = [file for file in listed(spool, State.OPEN, State.SEALED) if read(file.path).visits]
    assert len(read(current.path).visits) == 1


async def test_in_always_mode_the_answer_waits_for_the_disk(
    owner: Owner, config: RedirectConfig, spool: Path, database_url: str
) -> None:
    await owner.make("abc")
    patient = Recorder(RecorderConfig(folder=spool, database_url=database_url, instance_id=1, sync=Sync.ALWAYS))
    await patient.start()
    async with Visitor(config, recorder=patient) as visitor:
        assert [await visitor.visit("abc") for _ in range(5)] == [OLD] * 5
    assert len(await visits(spool, patient)) == 5


async def test_without_a_spool_links_redirect_and_the_loss_is_counted(
    owner: Owner, config: RedirectConfig, tmp_path: Path, database_url: str
) -> None:
    await owner.make("abc")
    (tmp_path / "file").touch()
    config_of_no_spool = RecorderConfig(folder=tmp_path / "file", database_url=database_url, instance_id=1)
    recorder = Recorder(config_of_no_spool)
    await recorder.start()
    async with Visitor(config, recorder=recorder) as visitor:
        assert [await visitor.visit("abc") for _ in range(5)] == [OLD] * 5
    assert (recorder.dropped, recorder.reason()) == (5, "spool_unusable")
    await recorder.stop()
