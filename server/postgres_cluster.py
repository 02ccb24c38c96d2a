"""Making a new PostgreSQL cluster, whole or not at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from server.postgres_home import PostgresHome
from server.postgres_programs import Programs
from server.start_error import StartError

ROLE = "kurz"


class PostgresError(StartError):
    """PostgreSQL could not be initialised or started; the text holds its last words."""


def make_cluster(home: PostgresHome, programs: Programs, *, durable: bool) -> None:
    """Makes the cluster with its database `kurz` beside its place and then renames it: a half-made one never counts.

    Raises PostgresError. To be called by the owner of the home's lock only.
    """
    for leftover in home.folder.glob("postgres-new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    half_made = home.make_private(home.folder / f"postgres-new-{os.getpid()}")
    initdb = [str(programs.initdb), "-D", str(half_made), "-U", ROLE, "--encoding=UTF8", "--no-instructions"]
    initdb += ["--auth-local=trust", "--auth-host=reject", *_locale(programs)]
    single = [str(programs.postgres), "--single", "-D", str(half_made)]
    if not durable:
        initdb.append("--no-sync")
        single.append("-F")
    _run(initdb, home)
    _run([*single, "postgres"], home, f"create database {ROLE}\n".encode())
    half_made.rename(home.cluster)


def _run(command: list[str], home: PostgresHome, text: bytes = b"") -> None:
    done = subprocess.run(  # noqa: S603
        command,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        cwd="/",
        user=home.uid,
        group=home.gid,
        extra_groups=home.groups,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    if done.returncode or "ERROR:" in output or "FATAL:" in output:
        raise PostgresError(f"{Path(command[0]).name} failed: {last_reason(output)}")


def environment() -> dict[str, str]:
    """The environment of every PostgreSQL program: nothing of ours."""
    # Ours would leak into the server: a passfile's path, a locale, somebody's PGDATA.
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def _locale(programs: Programs) -> list[str]:
    """The same order and letter cases on every machine: built in since 17, the C library's before."""
    if programs.major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8"]


def last_reason(output: str) -> str:
    """The last line of a program's output that names a fault, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in ("FATAL:", "ERROR:", "error:", "PANIC:"))]
    return (telling or lines or ["it said nothing"])[-1][:300]
