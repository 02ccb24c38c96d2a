"""What the processes of `kurz serve` load: each what it works with, since a start is mostly that."""

import subprocess
import sys

import pytest

from tests.serving import environment

API = {"graphql", "strawberry", "starlette", "uvicorn", "httpx"}
CLASSIFIER = {"ua_parser", "crawleruseragents"}
MIGRATIONS = {"alembic"}


@pytest.mark.parametrize(
    ("process", "needless"),
    [("supervisor", API | CLASSIFIER), ("worker", CLASSIFIER | MIGRATIONS), ("loader", API | MIGRATIONS)],
)
def test_no_process_loads_what_only_others_need(process: str, needless: set[str]) -> None:
    """Time at each start and memory meanwhile; asked in a process of its own."""
    command = [sys.executable, "-P", "-c", f"import sys, server.{process}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment({}), check=True)
    assert needless & {*done.stdout.split()} == set()
