"""Which PostgreSQL programs are used, and from where."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.postgres import Postgres
from server.postgres_home import find_home
from server.postgres_programs import Programs, ProgramsMissingError, find_programs
from tests.serving import open_folder


@pytest.fixture
def empty() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def make_programs(folder: Path, version: str) -> Path:
    for name in ("initdb", "postgres"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_programs_are_taken_from_the_folder_that_is_named(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KURZ_POSTGRES_BIN", str(make_programs(empty, "17.2")))
    assert find_programs() == Programs(empty, "17.2")


@pytest.mark.parametrize("version", ["14.9", "9.6.3", "nonsense"])
def test_programs_too_old_or_broken_are_refused(empty: Path, version: str) -> None:
    with pytest.raises(ProgramsMissingError):
        find_programs(make_programs(empty, version))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes users")
def test_programs_the_servers_user_cannot_reach_are_copied(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KURZ_POSTGRES_BIN", raising=False)  # only a wheel can be moved
    closed = empty / "closed"
    closed.mkdir(mode=0o700)
    programs = find_programs().copy_to(closed / "programs")
    home = find_home(empty)
    assert home.user
    assert not home.user.reaches(programs.postgres)
    with Postgres(empty, durable=False, programs=programs.folder) as postgres:
        assert postgres.is_owner
    assert closed.stat().st_mode & 0o777 == 0o700
