"""What .dockerignore lets through to the builder."""

import os
import re
import shutil
from pathlib import Path

# Ignored in any case (a test of ours says so), and too large to walk through.
NEVER_WALKED = {".git", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"}


def allowed_files(checkout: Path) -> list[Path]:
    """The files of the build context, relative to the checkout; the last pattern that matches decides."""
    lines = [line.strip() for line in (checkout / ".dockerignore").read_text().splitlines()]
    patterns = [(line.startswith("!"), _compile(line.removeprefix("!"))) for line in lines if line and line[0] != "#"]
    found: list[Path] = []
    for folder, folders, files in os.walk(checkout):
        folders[:] = [name for name in folders if name not in NEVER_WALKED and not name.startswith(".venv")]
        names = [(Path(folder) / name).relative_to(checkout) for name in files]
        found += [name for name in names if _is_allowed(name.as_posix(), patterns)]
    return sorted(found)


def _compile(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", pattern)
    wild = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts) + "(?:/.*)?")


def _is_allowed(name: str, patterns: list[tuple[bool, re.Pattern[str]]]) -> bool:
    decisions = [allows for allows, pattern in patterns if pattern.fullmatch(name)]
    return decisions[-1] if decisions else True


def export(checkout: Path, folder: Path) -> Path:
    """Copies the build context into a new folder."""
    for name in allowed_files(checkout):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, folder / name)
    return folder
