"""Questions put to a served Kurz over HTTP, and what PostgreSQL had to do for one."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from benchmarks.contestants import uncounted
from models.database import asyncpg_dsn
from server.postgres import Postgres

# Answers the codes of what was refused; nothing else may be wrong.
Ask = Callable[[str], frozenset[str]]
REFUSALS = frozenset({"TOO_MANY_CLICKS", "TIMEOUT"})

_ROWS_READ = """
select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_user_tables where relname like 'click%'"""
# Without what drivers ask of a new connection, and the heartbeat of the link cache.
_NOT_OURS = "pg_catalog|current_schema|current_setting|set_config|pg_notify|recursive typeinfo"
_STATEMENT = re.compile(rf"LOG: +execute [^:]*:\s*(?:select|with)\s(?!\s*(?:{_NOT_OURS}))", re.I)


@dataclass(frozen=True, slots=True)
class Asked:
    """How long one question took, and how many statements and rows of click tables PostgreSQL read for it."""

    milliseconds: float
    statements: int
    rows_read: int
    refused: frozenset[str]


def new_key(database_url: str) -> str:
    """The secret of a new API key."""
    command = [str(Path(sys.executable).with_name("kurz")), "keys", "create", "benchmark"]
    env = os.environ | {"KURZ_DATABASE_URL": database_url}
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def asking(database_url: str) -> Iterator[Ask]:
    """Asks the application, without the loader, which would fill the day cache, over one connection kept alive.

    RuntimeError for an answer with errors other than refusals.
    """
    with uncounted(database_url) as ours, _client(ours.port, new_key(database_url)) as ask:
        yield ask


def ask_once(postgres: Postgres, query: str) -> Asked:
    """Asks a fresh application, and has PostgreSQL log what it does for it; nothing else uses the database then."""
    address, key = postgres.url(), new_key(postgres.url())
    before = asyncio.run(_rows_read(address))
    with uncounted(f"{address}&log_statement=all") as ours, _client(ours.port, key) as ask:
        ask("{ viewer { scopes } }")  # what every first request does is not counted
        time.sleep(1)
        log_begin = postgres.home.log.stat().st_size
        begin = time.perf_counter()
        refused = ask(query)
        taken = (time.perf_counter() - begin) * 1000
        logged = postgres.home.log.read_bytes()[log_begin:].decode(errors="replace")
    time.sleep(0.5)  # the sessions that ended tell what they did
    statements, rows = len(_STATEMENT.findall(logged)), asyncio.run(_rows_read(address)) - before
    return Asked(taken, statements, rows, refused)


@contextlib.contextmanager
def _client(port: int, key: str) -> Iterator[Ask]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {key}"

        def ask(query: str) -> frozenset[str]:
            errors = client.post("/graphql", json={"query": query}).json().get("errors", [])
            codes = frozenset(error["extensions"]["code"] for error in errors)
            if codes - REFUSALS:
                raise RuntimeError(errors)
            return codes

        yield ask


async def _rows_read(database_url: str) -> int:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    rows: int = await connection.fetchval(_ROWS_READ)
    await connection.close()
    return rows
