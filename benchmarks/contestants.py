"""What is measured side by side: Kurz with and without recording, a bare application, and nginx."""

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOAD_CORE, family, free_port, named, running, wait_until

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; location / {{
    add_header Cache-Control "private, no-store" always;
    return 302 "https://example.com/a/page?of=some&length=1"; }} }}
}}
"""

SEALED_AFTER_S = 1.0  # the spool's second or so


@dataclass(frozen=True, slots=True)
class Contestant:
    """`pids` are the processes whose CPU time counts: those that answer, not PostgreSQL."""

    name: str
    port: int
    pids: list[int]
    loader: "Loading | None" = None


@dataclass(frozen=True, slots=True)
class Loading:
    """The loader of a contestant, which can be made to wait."""

    pids: list[int]
    spool: Path

    def stop(self) -> None:
        """From now on it does nothing."""
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """It loads what has come meanwhile."""
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)

    def is_done(self) -> bool:
        """Whether there is nothing left to load; asked a moment after the last visit, when its segment is sealed."""
        time.sleep(SEALED_AFTER_S)
        return not any(self.spool.glob("*.sealed"))


@contextlib.contextmanager
def bare() -> Iterator[Contestant]:
    """The bare ASGI application."""
    port = free_port()
    with running([sys.executable, "-m", "benchmarks.bare", str(port)], port=port) as process:
        yield Contestant("bare", port, [process.pid])


@contextlib.contextmanager
def nginx() -> Iterator[Contestant]:
    """nginx with `return 302` and one worker."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port))
        command = ["nginx", "-c", str(config), "-e", "stderr"]
        with running(command, port=port) as process:
            yield Contestant("nginx", port, family(process.pid))


@contextlib.contextmanager
def kurz(database_url: str, *, name: str = "kurz", **settings: str) -> Iterator[Contestant]:
    """`kurz serve` as a user has it, but for these settings; its loader runs on the other core, beside PostgreSQL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        env = _env(database_url) | {"KURZ_PORT": str(port), "KURZ_DATA_DIR": folder} | settings
        with running([str(Path(sys.executable).with_name("kurz")), "serve"], port=port, env=env) as process:
            wait_until(lambda: bool(named(family(process.pid), "server.worker")))
            wait_until(lambda: bool(named(family(process.pid), "server.loader")))
            loader = Loading(named(family(process.pid), "server.loader"), Path(folder) / "spool")
            for pid in loader.pids:
                os.sched_setaffinity(pid, {int(LOAD_CORE)})
            yield Contestant(name, port, named(family(process.pid), "server.worker"), loader)


@contextlib.contextmanager
def uncounted(database_url: str, *, name: str = "uncounted", **settings: str) -> Iterator[Contestant]:
    """Kurz's application without recording; the database must have been served before."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.uncounted", str(port)]
    with running(command, port=port, env=_env(database_url) | settings) as process:
        yield Contestant(name, port, [process.pid])


@contextlib.contextmanager
def api(database_url: str) -> Iterator[Contestant]:
    """Kurz's application without recording and without limits, and a bare JSON route in the same process."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.api_server", str(port)]
    with running(command, port=port, env=_env(database_url)) as process:
        yield Contestant("kurz", port, [process.pid])


def _env(database_url: str) -> dict[str, str]:
    return os.environ | {
        "KURZ_DATABASE_URL": database_url,
        "KURZ_TRUSTED_PROXIES": "127.0.0.1",
        "KURZ_RATE_LIMIT": "off",
    }
