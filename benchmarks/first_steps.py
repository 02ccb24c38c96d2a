"""How long a newcomer waits: from an empty folder to the first redirect, by the README's words alone.

Clones this checkout, runs `make run` there and makes the first link with the key it finds, once with pip's and npm's
caches empty and once with them filled. Also times `kurz --help`. Needs git, make and curl.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import free_port, wait_until
from benchmarks.report import write_figures

ROOT = Path(__file__).parent.parent
CREATE = {"query": 'mutation { createLink(input: {destinationUrl: "https://example.com/", code: "hi"}) { created } }'}


def main() -> None:
    """Measures cold, warm, and `--help`, and writes them into docs/performance.md."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as caches:  # npm may still be writing
        cold, warm = (_clone_to_redirect(Path(caches)) for _ in range(2))
    shortest = min(_help() for _ in range(5))
    rows = (
        ("clone to first redirect, download caches empty", f"{cold:.0f} s"),
        ("clone to first redirect, download caches filled", f"{warm:.0f} s"),
        ("`kurz --help`, best of five", f"{shortest:.2f} s"),
    )
    write_figures("first steps", ["| | |", "|---|---|", *(f"| {what} | {took} |" for what, took in rows)])


def _clone_to_redirect(caches: Path) -> float:
    port = free_port()
    env = os.environ | {
        "PIP_CACHE_DIR": str(caches / "pip"),
        "npm_config_cache": str(caches / "npm"),
        "KURZ_PORT": str(port),
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # so that root's PostgreSQL, run as another user, can have its data in the checkout
        checkout = Path(folder) / "kurz"
        begin = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(checkout)], check=True)
        with _started(checkout, env):
            wait_until(lambda: _key(checkout) is not None and _makes(port, _key(checkout)), 600)
            wait_until(lambda: "302" in _curl("-o", "/dev/null", "-w", "%{http_code}", f"http://localhost:{port}/hi"))
            return time.monotonic() - begin


@contextlib.contextmanager
def _started(checkout: Path, env: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        ["make", "run"], cwd=checkout, env=env, start_new_session=True, stdin=subprocess.DEVNULL, stdout=sys.stderr
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _key(checkout: Path) -> str | None:
    found = sorted(checkout.glob("data/first-key"))
    return found[0].read_text().strip() if found else None


def _makes(port: int, key: str | None) -> bool:
    said = _curl(
        *("-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"),
        *("-d", json.dumps(CREATE), f"http://localhost:{port}/graphql"),
    )
    return "data" in said


def _curl(*arguments: str) -> str:
    said = subprocess.run(["curl", "-s", *arguments], capture_output=True, text=True, check=False)
    return said.stdout


def _help() -> float:
    begin = time.monotonic()
    subprocess.run([Path(sys.executable).with_name("kurz"), "--help"], check=True, capture_output=True)
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
