"""From a visit of a running Kurz to a number, whatever is killed or stopped on the way: real processes and requests."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path

import httpx
import pytest

from server.load import load_now
from server.postgres import Postgres
from server.settings import read_settings
from tests.recording.test_recorder import MARKERS, traces
from tests.serving import DEADLINE_S, Kurz, open_folder, serving, until
from tests.visiting import (
    PERSON,
    Visits,
    all_stored_once,
    ask,
    differences,
    make_links,
    recording_of,
    stored_marks,
)

pytestmark = pytest.mark.database

TARGET = "https://example.com/"
LIMIT = 1024**2
LONG = {"user-agent": '"' * 600, "referer": f"https://{'x' * 60}.example/"}  # a quote takes two bytes in a line


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture
def one_day() -> None:
    """Waits for tomorrow just before midnight UTC, since a visitor is unique once a day."""
    until(lambda: datetime.now(UTC).time() < time_of_day(23, 59), deadline_s=120)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test alone may stop."""
    with open_folder() as path, Postgres(path, durable=False) as postgres:
        yield postgres


@pytest.mark.usefixtures("one_day")
def test_visits_become_clicks_of_their_kind(folder: Path, database_url: str) -> None:
    with serving(folder, database_url=database_url) as kurz:
        make_links(database_url, known=f"{TARGET}?utm_medium=email&utm_campaign=spring")
        visits = Visits(kurz.url)
        referred = {"referer": "https://www.example.org/page?secret=1"}
        person = visits.one("known", headers={**referred, "accept-language": "de-CH,de;q=0.9"})
        again = visits.one("known")
        head = visits.one("known", method="HEAD")
        preview = visits.one("known", headers={"user-agent": "Slackbot-LinkExpanding 1.0"})
        prefetch = visits.one("known", headers={"sec-purpose": "prefetch"})
        private = [visits.one("known", headers={**referred, name: "1"}) for name in ("sec-gpc", "dnt")]
        assert [httpx.get(f"{kurz.url}/unknown").status_code, httpx.post(f"{kurz.url}/known").status_code] == [404, 405]
        all_stored_once(database_url, visits)
        rows = {row["utm_source"]: row for row in ask(database_url, "select * from click")}
    assert rows.keys() == {person, again, head, preview, prefetch, *private}
    kinds = {person: 0, again: 0, head: 5, preview: 2, prefetch: 4, private[0]: 0, private[1]: 0}
    assert {mark: row["kind"] for mark, row in rows.items()} == kinds
    assert [mark for mark, row in rows.items() if row["first"]] == [person]
    assert [mark for mark, row in rows.items() if row["referrer"]] == [person]
    found = rows[person]
    assert (found["referrer"], found["language"], found["browser"]) == ("example.org", "de", "Firefox")
    assert (found["utm_medium"], found["utm_campaign"], found["link_version"]) == ("email", "spring", 1)
    [total] = ask(database_url, "select clicks, unique_clicks, bot_clicks from link_total")
    assert tuple(total) == (4, 1, 3)
    assert differences(database_url) == []


def test_whoever_is_killed_no_answered_visit_is_lost_or_stored_twice(folder: Path, database_url: str) -> None:
    with serving(folder, database_url=database_url, workers=2) as kurz:
        make_links(database_url, one=f"{TARGET}1", two=f"{TARGET}2")
        visits = Visits(kurz.url)
        with visits.going_on("one", "two"):
            for pids in (kurz.worker_pids, kurz.loader_pids):
                visits.wait_for(50)
                kill_first(kurz, pids()[0])
            visits.wait_for(50)
        kurz.kill()  # and at last all at once
    load_what_is_left(folder, database_url)
    all_stored_once(database_url, visits)
    assert differences(database_url) == []


def load_what_is_left(folder: Path, database_url: str) -> None:
    settings = read_settings(database_url=database_url, data_dir=folder)
    asyncio.run(load_now(settings, force=False, now=datetime.now(UTC)))


def kill_first(kurz: Kurz, pid: int) -> None:
    """Kills the process and waits until another is there for it."""
    before = len(kurz.child_pids())
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid not in kurz.child_pids() and len(kurz.child_pids()) == before)


def test_visits_wait_for_a_database_that_is_away_and_beyond_the_limit_are_counted(
    folder: Path, own_postgres: Postgres
) -> None:
    database_url = own_postgres.url()
    with serving(folder, database_url=database_url, settings={"KURZ_SPOOL_MAX_BYTES": str(LIMIT)}) as kurz:
        make_links(database_url, known=TARGET)
        visits = Visits(kurz.url)
        visits.some("known", 10)
        own_postgres.stop()
        visits.some("known", 200)
        assert recording_of(kurz) | {"waiting_s": 0} == {"ready": True, "reason": None, "dropped": 0, "waiting_s": 0}
        while not recording_of(kurz)["dropped"]:
            visits.some("known", 100, headers=LONG)
        visits.some("known", 20)
        own_postgres.start()
        until(lambda: recording_of(kurz)["ready"])
        visits.some("known", 10)
        until(lambda: stored_marks(database_url).total() + recording_of(kurz)["dropped"] == len(visits.answered))
    assert set(stored_marks(database_url).values()) == {1}
    assert differences(database_url) == []


def test_what_was_visited_before_the_end_is_stored_or_kept_for_the_next_load(folder: Path, database_url: str) -> None:
    with serving(folder, database_url=database_url, settings={"KURZ_SPOOL_SYNC": "always"}) as kurz:
        make_links(database_url, known=TARGET)
        visits = Visits(kurz.url)
        visits.some("known", 20)
        assert kurz.stop() == 0
    assert list((folder / "spool").glob("*.open")) == []
    load_what_is_left(folder, database_url)  # on a machine too slow for the last load
    all_stored_once(database_url, visits)
    assert len(visits.answered) == 20


@pytest.mark.usefixtures("one_day")
def test_no_address_of_a_visitor_is_kept_anywhere(folder: Path, own_postgres: Postgres) -> None:
    database_url = own_postgres.url()
    settings = {"KURZ_TRUSTED_PROXIES": "127.0.0.1", "KURZ_LOG_LEVEL": "debug"}
    with serving(folder, database_url=database_url, settings=settings) as kurz:
        make_links(database_url, known=TARGET)
        visits = Visits(kurz.url)
        for marker in MARKERS:
            for name, value in spellings(marker):
                visits.one("known", headers={name: value})
        refused = {"x-forwarded-for": MARKERS[0], "user-agent": PERSON}
        assert httpx.get(f"{kurz.url}/unknown", headers=refused, timeout=DEADLINE_S).status_code == 404
        during = contents(folder)
        all_stored_once(database_url, visits)
        ask(database_url, "checkpoint")
        [unique] = ask(database_url, "select unique_clicks from link_total")
        database = contents(own_postgres.home.folder)
        places = {"during": during, "after": contents(folder), "output": kurz.output().encode(), "database": database}
    assert {place: found for place, kept in places.items() if (found := traces(kept))} == {}
    assert unique["unique_clicks"] == len(MARKERS)  # so the addresses were read, in every spelling as the same


def spellings(marker: str) -> list[tuple[str, str]]:
    quoted = f'for="[{marker}]:4711"' if ":" in marker else f"for={marker}"
    return [("x-forwarded-for", marker.upper()), ("x-forwarded-for", f"6.6.6.6, {marker}"), ("forwarded", quoted)]


def contents(folder: Path) -> bytes:
    """Every file that is there; one may go meanwhile."""
    kept = []
    for path in folder.rglob("*"):
        if path.is_file():
            with contextlib.suppress(FileNotFoundError):
                kept.append(path.read_bytes())
    return b"\n".join(kept)


@pytest.mark.nightly
@pytest.mark.parametrize("sync", ["interval", "always"])
def test_five_rounds_of_killing_everything(folder: Path, database_url: str, sync: str) -> None:
    settings = {"KURZ_SPOOL_SYNC": sync}
    answered: list[str] = []
    for round_ in range(5):
        with serving(folder, database_url=database_url, workers=2, settings=settings) as kurz:
            if round_ == 0:
                make_links(database_url, one=f"{TARGET}1", two=f"{TARGET}2")
            visits = Visits(kurz.url, prefix=f"r{round_}m")
            with visits.going_on("one", "two"):
                for pids in (kurz.worker_pids, kurz.loader_pids) * 3:
                    visits.wait_for(500)
                    kill_first(kurz, pids()[0])
                visits.wait_for(500)
                kurz.kill()
            answered += visits.answered
    with serving(folder, database_url=database_url) as kurz:
        visits = Visits(kurz.url)
        visits.answered = answered
        all_stored_once(database_url, visits)
    assert differences(database_url) == []


OUTAGE_S = 20.0


@pytest.mark.nightly
def test_an_outage_of_twenty_seconds_under_load(folder: Path, own_postgres: Postgres) -> None:
    database_url = own_postgres.url()
    with serving(folder, database_url=database_url, workers=2) as kurz:
        make_links(database_url, one=f"{TARGET}1", two=f"{TARGET}2")
        visits = Visits(kurz.url)
        for code in ("one", "two") * 20:  # until both workers know both
            visits.one(code)
        with visits.going_on("one", "two"):
            visits.wait_for(200)
            own_postgres.stop()
            before = len(visits.answered)
            time.sleep(OUTAGE_S)
            during = len(visits.answered) - before
            own_postgres.start()
            visits.wait_for(500)
        all_stored_once(database_url, visits)
        assert visits.refused == []
        assert during > 500
        until(lambda: recording_of(kurz)["ready"])
    assert differences(database_url) == []
