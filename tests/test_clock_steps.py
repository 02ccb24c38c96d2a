"""The wall clock of a running Kurz set back and forth, by libfaketime and for its processes alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.serving import Kurz, open_folder, serving, until
from tests.visiting import Visits, all_stored_once, ask, differences, make_links, recording_of

pytestmark = [pytest.mark.database, pytest.mark.nightly]

# As if for ever since: the steps add up to nothing, and there are some of a second at a time.
AHEAD_S = [0, -3_600, 3_600, 86_400, -86_400, -1, -2, -3, -4, 0]
# libfaketime 0.9.10 refuses the absolute clock_nanosleep() that time.sleep() is.
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
WITHIN = timedelta(seconds=60)  # of the stepped clock, on a machine that may be slow


@pytest.fixture
def library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed: the clock of whole processes was not stepped")
    return found[0]


def test_clicks_keep_their_times_through_every_step(database_url: str, library: Path, tmp_path: Path) -> None:
    steps = tmp_path / "ahead"
    settings = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(steps),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # it cannot be set on a real machine either
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    steps.write_text("+0\n")
    with open_folder() as folder, serving(folder, database_url=database_url, settings=settings) as kurz:
        make_links(database_url, known="https://example.com/")
        meant: dict[str, datetime] = {}
        everything = Visits(kurz.url)
        for number, ahead in enumerate(AHEAD_S):
            steps.write_text(f"{ahead:+d}\n")
            visits = Visits(kurz.url, prefix=f"s{number}m")
            visits.some("known", 20)
            meant |= dict.fromkeys(visits.answered, datetime.now(UTC) + timedelta(seconds=ahead))
            everything.answered += visits.answered
            all_stored_once(database_url, visits)  # so that each step finds a segment of its own
            is_well(kurz)
        assert kurz.worker_pids() and not everything.refused
    rows = ask(database_url, "select utm_source, occurred_at, time_replaced from click")
    assert not any(row["time_replaced"] for row in rows)
    wrong = {row["utm_source"]: row for row in rows if abs(row["occurred_at"] - meant[row["utm_source"]]) > WITHIN}
    assert wrong == {}
    made = ask(database_url, "select inhparent::regclass::text as name, count(*) as n from pg_inherits group by 1")
    counted = {row["name"]: row["n"] for row in made}
    assert counted["click"] <= 3 and counted["click_slot"] <= 3  # last month's end may be a step away
    assert counted["visitor"] <= 12
    assert differences(database_url) == []


def is_well(kurz: Kurz) -> None:
    """Visits wait for nobody, and for no negative time."""
    until(lambda: recording_of(kurz)["ready"])
    assert recording_of(kurz)["waiting_s"] >= 0
