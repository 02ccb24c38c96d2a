"""Where a worker's time goes, by samples that py-spy takes (when it is installed): which package was at work."""

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

RATE = 200
PACKAGES = {
    "graphql": "graphql-core",
    "strawberry": "Strawberry",
    "graph": "Kurz, graph",
    "models": "Kurz, models",
    "server": "Kurz, server",
    "sqlalchemy": "SQLAlchemy",
    "asyncpg": "asyncpg",
    "asyncio": "asyncio and uvloop",
    "uvicorn": "uvicorn and Starlette",
    "starlette": "uvicorn and Starlette",
}
REST = "the rest of Python"


class Profile:
    """Samples of one process, from when it is made until `shares` is asked; empty without py-spy."""

    def __init__(self, pid: int, *, seconds: float) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "samples"
        program = shutil.which("py-spy")
        command = [str(program), "record", "--pid", str(pid), "--duration", f"{seconds:.0f}", "--rate", str(RATE)]
        command += ["--gil", "--format", "raw", "--output", str(self._file)]
        self._running = subprocess.Popen(command, stdout=subprocess.DEVNULL) if program else None

    def shares(self) -> dict[str, float]:
        """The part of the samples in which each package's code, or what it calls in C, was at work; most first."""
        counts = Counter[str]()
        if self._running is not None and self._running.wait() == 0:
            for line in self._file.read_text().splitlines():
                stack, _, number = line.rpartition(" ")
                counts[_package(stack)] += int(number)
        self._folder.cleanup()
        return {package: count / counts.total() for package, count in counts.most_common()}


def _package(stack: str) -> str:
    found = re.search(r"\((\w+)/[^()]*\)$", stack)
    return PACKAGES.get(found[1], REST) if found else REST
