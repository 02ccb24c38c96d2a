"""`kurz serve` as a person or an orchestrator meets it: real processes, started, stopped, killed and started again."""

import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from server.postgres_home import SystemUser, find_home
from server.postgres_process import read_pid_file
from tests.serving import KURZ, Kurz, environment, is_alive, open_folder, run_kurz, serving, until

pytestmark = pytest.mark.database

STRANGER = SystemUser("nobody", 65_534, 65_534)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A data folder that later starts find as earlier ones left it."""
    with open_folder() as path:
        yield path


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def post(url: str, query: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.post(f"{url}/graphql", json={"query": query}, headers=headers, timeout=30)


def make_link(url: str, key: str, code: str) -> None:
    destination = f"https://example.com/{code}"
    query = (
        f'mutation {{ createLink(input: {{destinationUrl: "{destination}", code: "{code}"}}) {{ link {{ code }} }} }}'
    )
    assert post(url, query, key).json()["data"]["createLink"]["link"]["code"] == code


def follow(url: str, code: str) -> tuple[int, str]:
    """What a visitor gets who asks again after a 503: a starved machine may take longer than one is made to wait."""

    def answer() -> tuple[int, str] | None:
        given = httpx.get(f"{url}/{code}", timeout=30)
        return None if given.status_code == 503 else (given.status_code, given.headers.get("location", ""))

    return until(answer)


def first_key(folder: Path) -> str:
    return (folder / "first-key").read_text().strip()


def postmaster(folder: Path) -> int:
    found = read_pid_file(find_home(folder).cluster)
    assert found
    return found.pid


def test_a_first_start_a_crash_of_everything_and_a_second_start(home: Path) -> None:
    with serving(home, workers=2) as kurz:
        key = first_key(home)
        assert stat.S_IMODE((home / "first-key").stat().st_mode) == 0o600
        assert key not in kurz.output()  # no terminal: nobody is to find it in a log
        assert f"{home}\n" in kurz.output()
        make_link(kurz.url, key, "kept")
        server, workers = postmaster(home), kurz.worker_pids()
        os.kill(server, signal.SIGKILL)
        kurz.kill()
        until(lambda: not any(is_alive(pid) for pid in workers))
    with serving(home) as kurz:
        assert first_key(home) == key
        assert follow(kurz.url, "kept") == (302, "https://example.com/kept")
        assert post(kurz.url, "{ viewer { __typename } }", key).json()["data"]["viewer"]
        running = [postmaster(home), *kurz.worker_pids(), *until(kurz.loader_pids)]
        assert kurz.stop(signal.SIGTERM) == 0
        assert not any(is_alive(pid) for pid in running)


def test_a_killed_worker_is_replaced_while_the_other_serves(folder: Path, database_url: str) -> None:
    with serving(folder, database_url=database_url, workers=2) as kurz:
        before = kurz.worker_pids()
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        assert httpx.get(f"{kurz.url}/healthz").status_code == 200
        until(lambda: len(kurz.worker_pids()) == 2 and before[0] not in kurz.worker_pids())
        assert before[1] in kurz.worker_pids()
        assert "kurz keys create" in kurz.output()
        assert not (folder / "first-key").exists()  # only our own database gets a first key


def test_a_terminal_shows_the_key_and_ctrl_c_ends_it(home: Path) -> None:
    controller, terminal = pty.openpty()
    command = [*KURZ, "serve", "--port", "0"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env=environment({"KURZ_DATA_DIR": str(home), "NO_COLOR": "1"}),
        cwd="/",
        start_new_session=True,
        # As a shell does it to a background job.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509
    )
    os.close(terminal)
    shown = b""
    while not re.search(rb"Data +\S+\r\n", shown):
        shown += os.read(controller, 10_000)
    assert f"/graphql#key={first_key(home)}\r\n".encode() in shown
    os.killpg(process.pid, signal.SIGINT)  # Ctrl-C reaches the whole group
    assert process.wait(60) == 0
    os.close(controller)


def test_a_second_kurz_joins_and_takes_over(home: Path) -> None:
    with serving(home) as first:
        key = first_key(home)
        make_link(first.url, key, "shared")
        with serving(home) as second:
            assert follow(second.url, "shared")[0] == 302
            assert run_kurz("keys", "list", settings={"KURZ_DATA_DIR": str(home)}).stdout.count("\n") == 1
            workers = [*first.worker_pids(), *until(first.loader_pids)]
            os.kill(first.process.pid, signal.SIGKILL)  # it alone: its workers and its loader notice
            first.process.wait()
            until(lambda: not any(is_alive(pid) for pid in workers))
            until(lambda: httpx.get(f"{second.url}/readyz/api", timeout=30).status_code == 200 and owns(second, home))
            make_link(second.url, key, "later")
            assert follow(second.url, "later")[0] == 302


def owns(kurz: Kurz, folder: Path) -> bool:
    found = read_pid_file(find_home(folder).cluster)
    return found is not None and found.pid in kurz.child_pids()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as somebody else")
def test_an_ordinary_user_needs_nothing_more(folder: Path) -> None:
    python = interpreter_for(STRANGER)
    if python is None:
        pytest.skip("no interpreter that another user can reach")
    data = folder / "data"
    data.mkdir(mode=0o700)
    os.chown(data, STRANGER.uid, STRANGER.gid)
    with serving(data, user=STRANGER.uid, python=python) as kurz:
        assert follow(kurz.url, "nothing")[0] == 404
        assert {path.stat().st_uid for path in data.iterdir()} == {STRANGER.uid}


def interpreter_for(user: SystemUser) -> str | None:
    """This interpreter, or the system's of the same version where this one lies in a closed home."""
    own = sys.executable
    systems = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    return next((path for path in (own, systems) if user.reaches(Path(path))), None)


def test_requests_under_way_are_finished(folder: Path, database_url: str) -> None:
    with serving(folder, database_url=database_url) as kurz, ThreadPoolExecutor() as pool:
        port = int(kurz.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as begun:
            body = b'{"query": "{ __typename }"}'
            head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            begun.sendall(head % len(body) + body[:5])
            until(lambda: httpx.get(f"{kurz.url}/healthz").status_code == 200)  # so the first one was accepted
            ending = pool.submit(kurz.stop)
            until(lambda: refuses(port))
            begun.sendall(body[5:])
            assert b'"__typename":"Query"' in begun.makefile("rb").read()
        assert ending.result() == 0


def refuses(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("trouble", ["port in use", "folder is a file", "database away", "bad value"])
def test_what_makes_a_start_impossible_is_said_in_one_line(folder: Path, trouble: str) -> None:
    settings = {"KURZ_DATA_DIR": str(folder), "KURZ_PORT": "0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        if trouble == "port in use":
            settings["KURZ_PORT"] = port
        elif trouble == "folder is a file":
            (folder / "file").touch()
            settings["KURZ_DATA_DIR"] = str(folder / "file")
        elif trouble == "database away":
            taken.close()
            settings["KURZ_DATABASE_URL"] = f"postgresql://kurz:hush@127.0.0.1:{port}/kurz"
        else:
            settings["KURZ_WORKERS"] = "many"
        done = run_kurz("serve", settings=settings)
    assert done.returncode == (2 if trouble == "bad value" else 1)
    assert len(done.stderr.splitlines()) == 1
    assert "hush" not in done.stderr


@pytest.mark.nightly
def test_a_request_that_never_ends_holds_the_end_up_for_ten_seconds_at_most(folder: Path) -> None:
    with serving(folder) as kurz, socket.create_connection(("127.0.0.1", int(kurz.url.rpartition(":")[2]))) as begun:
        begun.sendall(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        assert httpx.get(f"{kurz.url}/healthz").status_code == 200
        asked_at = time.monotonic()
        assert kurz.stop() == 0
        assert time.monotonic() - asked_at < 10
