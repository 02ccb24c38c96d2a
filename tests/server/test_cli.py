"""The `kurz` command: instant help, secrets alone on standard output, exit codes."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.version import kurz_version
from tests.serving import environment, run_kurz

# What makes a start slow; help must need none of it.
HEAVY = {"asyncpg", "sqlalchemy", "alembic", "strawberry", "uvicorn", "pydantic_settings", "starlette", "asyncio"}


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["keys", "create", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom server.cli import app\n"
        f"try: app({arguments!r}, prog_name='kurz')\n"
        "except SystemExit as end: print(end.code, *sys.modules)"
    )
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment({}), check=True)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert code == "0"
    assert HEAVY & {*modules} == set()


def test_the_version_is_printed() -> None:
    assert run_kurz("version", settings={}).stdout == f"{kurz_version()}\n"


def test_a_new_key_is_all_that_standard_output_gets(database_url: str, tmp_path: Path) -> None:
    settings = {"KURZ_DATABASE_URL": database_url, "KURZ_DATA_DIR": str(tmp_path)}
    made = run_kurz("keys", "create", "Reports", "--scope", "LINKS_READ", settings=settings)
    assert made.returncode == 0
    (secret,) = made.stdout.splitlines()
    prefix, public_id, _ = secret.split("_")
    assert prefix == "kurz"
    assert run_kurz("keys", "revoke", public_id, settings=settings).returncode == 0
    assert run_kurz("keys", "revoke", "unknown", settings=settings).returncode == 2
    assert list(tmp_path.iterdir()) == []
