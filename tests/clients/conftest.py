"""A running Kurz for clients that others wrote, and the programs that they need."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import DEADLINE_S, PROJECT, environment, open_folder, serving

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Served:
    """A Kurz that runs: the address that its short URLs begin with, and a key that may do everything."""

    origin: str
    key: str

    def environment(self) -> dict[str, str]:
        """What clients and examples read."""
        return environment({"KURZ_URL": f"{self.origin}/graphql", "KURZ_KEY": self.key})


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    with open_folder() as folder, serving(folder / "data") as kurz:
        key = (folder / "data" / "first-key").read_text().strip()
        yield Served(kurz.url, key)


@dataclass(frozen=True)
class Packages:
    """A folder whose npm packages are installed."""

    folder: Path

    def run(self, *command: str, variables: Mapping[str, str] | None = None) -> None:
        """Runs a command in the folder; fails with all it said when it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"


def packages(folder: Path) -> Packages:
    """The folder, once `make clients` has installed what its lock names; else the test is skipped."""
    installed, lock = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if shutil.which("npm") is None:
        pytest.skip("no npm here: Node 20 or newer brings it, then `make clients`")
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        pytest.skip("the clients' packages are not installed: make clients")
    return Packages(folder)


@pytest.fixture(scope="session")
def clients() -> Packages:
    return packages(HERE)


@pytest.fixture(scope="session")
def typescript() -> Packages:
    return packages(PROJECT / "examples" / "typescript")
