"""Where the embedded PostgreSQL lies: never by widening a permission."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.postgres import Postgres
from server.postgres_home import LONGEST_SOCKET_FOLDER, find_home
from server.start_error import StartError
from tests.serving import open_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")


@pytest.fixture
def empty() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@as_root
def test_a_closed_folder_stays_closed_and_the_state_folder_is_used(empty: Path) -> None:
    closed = empty / "closed"
    closed.mkdir(mode=0o700)
    home = find_home(closed / "data", state_root=empty / "state")
    assert home.folder.is_relative_to(empty / "state")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert home.user
    assert home.user.reaches(home.folder)
    assert find_home(closed / "data", state_root=empty / "state") == home


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused(empty: Path) -> None:
    empty.chmod(0o500)
    with pytest.raises(StartError):
        find_home(empty / "data")


def test_a_file_in_the_folders_place_is_refused(empty: Path) -> None:
    (empty / "data").touch()
    with pytest.raises(StartError):
        find_home(empty / "data")


@as_root
def test_a_file_is_never_opened_through_a_link(empty: Path) -> None:
    (empty / "elsewhere").touch()
    home = find_home(empty)
    home.log.symlink_to(empty / "elsewhere")
    with pytest.raises(OSError):
        home.open_file(home.log, os.O_WRONLY)


@pytest.mark.database
def test_a_long_path_gets_a_short_socket(empty: Path) -> None:
    home = empty / ("long" * 25)
    with Postgres(home, durable=False) as postgres:
        socket_folder = Path(postgres.url().partition("?host=")[2])
        assert len(str(socket_folder)) <= LONGEST_SOCKET_FOLDER
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    socket_folder.rmdir()
