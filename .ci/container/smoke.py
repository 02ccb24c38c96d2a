"""Serves what lies in the final stage, as its ENTRYPOINT, CMD, USER and HEALTHCHECK say, and uses it once."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from build import Builder
from dockerfile import Stage

from server.postgres import Postgres

SECONDS = 60
DESTINATION = "https://example.com/smoke?a=b"


def smoke(builder: Builder, stage: Stage) -> None:
    """Raises on the first thing that is not as promised."""
    with _database() as address, _served(builder, stage, address) as (base, environment):
        secret = _run(builder, ["kurz", "keys", "create", "smoke"], environment).strip()
        link = _create(base, secret)
        status, headers, _ = _get(link)
        assert (status, headers["location"]) == (302, DESTINATION), (status, headers)
        status, _, page = _get(f"{base}/graphql", accept="text/html")
        script = page.split('type="module" src="')[1].split('"')[0]
        assert (status, _get(base + script)[0]) == (200, 200), page
        print("created a link, followed it, loaded GraphiQL; HEALTHCHECK and `kurz keys create` answered")


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """The address, by TCP, of a database of our own: compose.yaml's stands on another host, too."""
    home = Path(tempfile.mkdtemp(prefix="kurz-image-"))
    home.chmod(0o755)
    try:
        with Postgres(home, durable=False) as postgres, socket.create_server(("127.0.0.1", 0)) as door:
            folder = postgres.url().split("host=")[1]
            threading.Thread(target=_relay, args=(door, f"{folder}/.s.PGSQL.5432"), daemon=True).start()
            yield f"postgresql://kurz@127.0.0.1:{door.getsockname()[1]}/kurz"
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _relay(door: socket.socket, target: str) -> None:
    """Passes each connection on to PostgreSQL's socket, until the door is closed."""
    with contextlib.suppress(OSError):
        while True:
            client, _ = door.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(target)
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=_pass, args=(here, there), daemon=True).start()


def _pass(here: socket.socket, there: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := here.recv(65536):
            there.sendall(data)
        there.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def _served(builder: Builder, stage: Stage, address: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Starts ENTRYPOINT with CMD, waits for HEALTHCHECK, and stops with SIGTERM as an engine does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = builder.work / "database_url"
    secret.write_text(f"{address}\n")
    base = f"http://127.0.0.1:{port}"
    environment = builder.environment(stage) | {
        "KURZ_HOST": "127.0.0.1",
        "KURZ_PORT": str(port),
        "KURZ_BASE_URL": base,
        "KURZ_DATABASE_URL_FILE": str(secret),
    }
    command = stage.last("ENTRYPOINT").exec_form() + stage.last("CMD").exec_form()
    process = subprocess.Popen(
        [*_as_user(stage), *command], cwd=builder.root / "data", env=environment, stdin=subprocess.DEVNULL
    )
    try:
        _wait_until_healthy(builder, stage, environment, process)
        yield base, environment
    finally:
        process.terminate()
        assert process.wait(SECONDS) == 0, "SIGTERM did not end it cleanly"


def _as_user(stage: Stage) -> list[str]:
    """USER, where we may change it; the capability lets it reach this machine's Python, and write nothing more."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("not checked: USER (that takes root and setpriv)")
        return []
    user, group = stage.last("USER").text.split(":")
    reach = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *reach]


def _wait_until_healthy(
    builder: Builder, stage: Stage, environment: dict[str, str], process: subprocess.Popen[bytes]
) -> None:
    check = stage.last("HEALTHCHECK").exec_form()
    deadline = time.monotonic() + SECONDS
    place = builder.root / "data"
    while subprocess.run(check, env=environment, cwd=place, stderr=subprocess.DEVNULL, check=False).returncode:
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline, "HEALTHCHECK failed for too long"
        time.sleep(0.2)


def _run(builder: Builder, command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environment, cwd=builder.root / "data", stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def _create(base: str, secret: str) -> str:
    text = f'mutation {{ createLink(input: {{destinationUrl: "{DESTINATION}"}}) {{ link {{ shortUrl }} }} }}'
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
    request = urllib.request.Request(f"{base}/graphql", json.dumps({"query": text}).encode(), headers)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        link: str = json.load(answer)["data"]["createLink"]["link"]["shortUrl"]
        return link


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _get(url: str, *, accept: str = "*/*") -> tuple[int, dict[str, str], str]:
    """Status, headers (names in lower case) and text; a redirect is an answer, not followed."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        answer = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({})).open(request, timeout=SECONDS)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode()
