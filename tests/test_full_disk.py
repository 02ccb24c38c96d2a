"""A disk that is full under a running Kurz: links redirect, what is lost is counted exactly, and it recovers."""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.serving import DEADLINE_S, Kurz, open_folder, serving, until
from tests.visiting import Visits, all_stored_once, differences, make_links, recording_of, stored_marks

TARGET = "https://example.com/"
LOST = 50  # visits, at least
SMALL_DISK = 'mount -t tmpfs -o size=%s,mode=700 kurz-test "$0" && exec "$@"'


class SmallDisk:
    """A small disk at the spool's place, in a mount namespace that only this Kurz is in."""

    def __init__(self, spool: Path, within: Sequence[str], *, size: str) -> None:
        self.within = [*within, "sh", "-c", SMALL_DISK % size, str(spool)]
        self._spool = spool

    @contextlib.contextmanager
    def full(self, kurz: Kurz) -> Iterator[None]:
        """Takes all the room that is left, and gives it back."""
        # Another mount namespace, seen through its process; a leading dot is left alone.
        ballast = Path(f"/proc/{kurz.process.pid}/root{self._spool}/.ballast")
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x"):
                file.write(bytes(4096))
        yield
        ballast.unlink()


class NoGrowth:
    """A limit that lets the workers' files grow no further: their writes fail, as on a full disk."""

    within: Sequence[str] = ()

    @contextlib.contextmanager
    def full(self, kurz: Kurz) -> Iterator[None]:
        """Sets the limit for the workers of now, and lifts it."""
        limits = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in kurz.worker_pids()}
        for pid, (_, hard) in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
        yield
        for pid, before in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def namespace() -> list[str] | None:
    """The command that gives another one its own mounts, for root or a user who is root there; None where it fails."""
    for command in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        trial = [*command, "sh", "-c", "mount -t tmpfs kurz-test /mnt"]
        if shutil.which("unshare") and subprocess.run(trial, capture_output=True, check=False).returncode == 0:
            return command
    return None


def small_disk(spool: Path, *, size: str = "1m") -> SmallDisk | NoGrowth:
    """A small disk, or where nobody may mount one, files that do not grow: that much can be tried everywhere."""
    within = namespace()
    return NoGrowth() if within is None else SmallDisk(spool, within, size=size)


def disk_with_room(spool: Path) -> SmallDisk | NoGrowth:
    """One on which segments take their room ahead, so that it lasts for a while after the disk is full."""
    return small_disk(spool, size="8m")


def no_growth(_spool: Path) -> NoGrowth:
    return NoGrowth()


NIGHTLY = [pytest.param(disk, marks=pytest.mark.nightly) for disk in (disk_with_room, no_growth)]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other processes, and namespaces, are Linux's")
@pytest.mark.parametrize("make_disk", [small_disk, *NIGHTLY])
def test_on_a_full_disk_links_redirect_and_what_is_lost_is_counted(
    make_disk: Callable[[Path], SmallDisk | NoGrowth], database_url: str
) -> None:
    with open_folder() as folder:
        spool = folder / "spool"
        spool.mkdir()
        disk = make_disk(spool)
        with serving(folder, database_url=database_url, within=disk.within) as kurz:
            make_links(database_url, known=TARGET)
            visits = Visits(kurz.url)
            visits.some("known", 20)
            assert recording_of(kurz)["dropped"] == 0
            # when there is no room: every visit is answered, and readiness tells
            with disk.full(kurz):
                while not tells_of_loss(kurz):  # the loader may find a little room now and then
                    visits.some("known", 20)
                assert status(kurz, "/readyz") == status(kurz, "/readyz/api") == 200
            # when there is room again: it goes on by itself, and every visit was either stored or counted
            until(lambda: recording_of(kurz)["ready"])
            before = len(visits.answered)
            visits.some("known", 20)
            last = Visits(kurz.url)
            last.answered = visits.answered[before:]
            all_stored_once(database_url, last)
            dropped = recording_of(kurz)["dropped"]
            until(lambda: stored_marks(database_url).total() == len(visits.answered) - dropped)
            assert set(stored_marks(database_url)) <= set(visits.answered)
    assert not os.path.ismount(spool)
    assert differences(database_url) == []


def tells_of_loss(kurz: Kurz) -> bool:
    answer = httpx.get(f"{kurz.url}/readyz/recording", timeout=DEADLINE_S)
    found = answer.json()["recording"]
    is_lost = found["reason"] in ("spool_full", "spool_unusable")
    assert answer.status_code == (503 if is_lost else 200)
    return is_lost and found["dropped"] >= LOST


def status(kurz: Kurz, path: str) -> int:
    return httpx.get(f"{kurz.url}{path}", timeout=DEADLINE_S).status_code
