"""The embedded PostgreSQL, with real processes: first start, owners that die, and leftovers of every kind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from server.postgres import Postgres
from server.postgres_cluster import PostgresError
from server.postgres_home import PostgresHome, find_home
from server.postgres_process import read_pid_file
from server.postgres_programs import ProgramsMissingError, find_programs
from tests.serving import environment, is_alive, open_folder, until

pytestmark = pytest.mark.database

# Starts the server in the folder it is given, says so, and waits to be killed.
OWNER = """
import signal, sys
from pathlib import Path
from server.postgres import Postgres
with Postgres(Path(sys.argv[1]), durable=False):
    print("ready", flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One home for all tests that leave it as they found it: whole, with nothing running."""
    with open_folder() as path:
        yield path


@pytest.fixture
def empty() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@contextlib.contextmanager
def owner_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns a server in the folder; killed without warning at the end, if not before."""
    command = [sys.executable, "-P", "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment({})) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def ask(postgres: Postgres, question: str = "select 1") -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(postgres.url())
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(answer())


def server_pid(home: PostgresHome) -> int:
    found = read_pid_file(home.cluster)
    assert found
    return found.pid


def replace_pid(home: PostgresHome, pid: int) -> None:
    path = home.cluster / "postmaster.pid"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([f"{pid}\n", *lines[1:]]))


def test_data_outlive_a_stop(folder: Path) -> None:
    with Postgres(folder, durable=False) as postgres:
        ask(postgres, "create table kept (n int)")
        stopped = server_pid(postgres.home)
    assert not is_alive(stopped)
    with Postgres(folder, durable=False) as postgres:
        assert ask(postgres, "select count(*) from kept") == 0


def test_text_sorts_alike_on_every_machine(folder: Path) -> None:
    with Postgres(folder, durable=False) as postgres:
        assert ask(postgres, "select string_agg(w, '' order by w) from unnest(array['b', 'a', 'B', 'é']) w") == "Babé"
        assert ask(postgres, "select upper('é') || current_setting('timezone')") == "ÉUTC"


def test_nobody_else_may_enter_the_socket_or_the_data(folder: Path) -> None:
    with Postgres(folder, durable=False) as postgres:
        socket_folder = Path(postgres.url().partition("?host=")[2])
        for private in (socket_folder, postgres.home.cluster):
            assert private.stat().st_mode & 0o777 == 0o700
        assert postgres.home.log.stat().st_mode & 0o077 == 0


def test_a_second_one_joins_and_takes_over_when_the_owner_is_killed(folder: Path) -> None:
    second = Postgres(folder, durable=False)
    with owner_process(folder) as owner:
        second.start()
        assert not second.is_owner
        assert ask(second) == 1
        first_server = server_pid(second.home)
        owner.kill()
        owner.wait()
        try:
            until(lambda: second.tend() and second.is_owner)
            assert ask(second) == 1
            assert second.pid != first_server
        finally:
            second.stop()


def test_leaving_does_not_stop_the_owners_server(folder: Path) -> None:
    with Postgres(folder, durable=False) as owner:
        with Postgres(folder, durable=False) as guest:
            assert guest.url() == owner.url()
        assert ask(owner) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems stop the server at the next start")
def test_the_server_stops_when_its_owner_is_killed(folder: Path) -> None:
    with owner_process(folder) as owner:
        server = server_pid(find_home(folder))
        owner.kill()
        owner.wait()
        until(lambda: not is_alive(server))


def test_a_killed_server_is_started_again(folder: Path) -> None:
    with Postgres(folder) as postgres:  # durable: what was committed must be there again
        ask(postgres, "create table saved (n int)")
        killed = server_pid(postgres.home)
        os.kill(killed, signal.SIGKILL)  # its parent, this process, leaves it a zombie until it looks
        until(postgres.tend)
        until(lambda: postgres.tend() and server_pid(postgres.home) != killed)
        assert ask(postgres, "select count(*) from saved") == 0


def test_a_start_after_everything_was_killed(folder: Path) -> None:
    with owner_process(folder) as owner:
        os.kill(server_pid(find_home(folder)), signal.SIGKILL)
        owner.kill()
    with Postgres(folder, durable=False) as postgres:
        assert ask(postgres) == 1


@pytest.mark.parametrize("leftover", ["a zombie", "a number used again", "a server without owner"])
def test_a_pid_file_that_was_left_behind(folder: Path, leftover: str) -> None:
    with Postgres(folder, durable=False) as postgres:
        kept = (postgres.home.cluster / "postmaster.pid").read_text()
        home = postgres.home
    user = {"user": home.uid, "group": home.gid, "extra_groups": home.groups}
    with contextlib.ExitStack() as cleaning:
        if leftover == "a server without owner":
            command = [find_programs().postgres, "-D", home.cluster, "-c", "listen_addresses="]
            command += ["-c", f"unix_socket_directories={home.socket_folder()}"]
            process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **user)  # type: ignore[call-overload]
            until(lambda: (found := read_pid_file(home.cluster)) and found.is_ready)
            cleaning.callback(process.kill)
        else:  # it must belong to the server's user: PostgreSQL sees that another user's is none of its own
            process = subprocess.Popen(["sleep", "60"], cwd="/", **user)  # type: ignore[call-overload]
            cleaning.callback(process.kill)
            (home.cluster / "postmaster.pid").write_text(kept)
            replace_pid(home, process.pid)
            if leftover == "a zombie":
                process.kill()
        with Postgres(folder, durable=False) as postgres:
            assert ask(postgres) == 1
        assert leftover != "a server without owner" or process.wait(60) == 0
        process.kill()
        process.wait()


def test_a_half_made_cluster_does_not_count(empty: Path) -> None:
    (empty / "postgres-new-1").mkdir()
    (empty / "postgres-new-1" / "PG_VERSION").write_text("18\n")
    with Postgres(empty, durable=False) as postgres:
        assert ask(postgres) == 1
    assert not list(empty.glob("postgres-new-*"))


def test_data_of_another_major_version_are_not_touched(folder: Path) -> None:
    with Postgres(folder, durable=False) as postgres:
        version = postgres.home.cluster / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("14\n")
    with pytest.raises(PostgresError):
        Postgres(folder, durable=False).start()
    version.write_text(made_by)


def test_a_failed_start_leaves_the_lock_to_others(empty: Path) -> None:
    with pytest.raises(ProgramsMissingError):
        Postgres(empty, programs=empty).start()
    with owner_process(empty):
        pass


def test_a_server_that_cannot_start_says_so_at_once(folder: Path) -> None:
    with Postgres(folder, durable=False) as postgres:
        configuration = postgres.home.cluster / "postgresql.conf"
    right = configuration.read_text()
    configuration.write_text(f"{right}no_such_setting = 1\n")
    with pytest.raises(PostgresError):
        Postgres(folder, durable=False).start()
    configuration.write_text(right)
