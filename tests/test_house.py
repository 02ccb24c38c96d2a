"""The rules of the house: imports point down, files are named for subjects and stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A room may import itself and the rooms named here. The two doors never import each other.
BELOW = {
    "models": set[str](),
    "recording": {"models"},
    "redirect": {"recording", "models"},
    "graph": {"recording", "models"},
    "server": {"graph", "redirect", "recording", "models"},
    "migrations": {"models"},
}
KINDS_NOT_SUBJECTS = {
    *("utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc", "shared", "core"),
    *("service", "services", "repository", "repositories", "types", "constants", "functions", "tools", "lib"),
}
LINES = 250
# Longer than that, each with its reason.
LONG_FILES: dict[str, str] = {}
# The command line imports late, so that `kurz --help` answers at once.
LATE_IMPORTS = {
    "server/cli.py",
    *(f"server/commands_{subject}.py" for subject in ("keys", "links", "members", "workspaces")),
}


def files_of(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


ROOM_FILES = [pytest.param(file, id=name_of(file)) for file in files_of(*BELOW)]
ALL_FILES = [*ROOM_FILES, *(pytest.param(file, id=name_of(file)) for file in files_of("tests", "benchmarks"))]


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def imported(tree: ast.AST) -> Iterator[str]:
    """The first part of every imported name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("file", ROOM_FILES)
def test_imports_point_down(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0]
    others = (set(BELOW) | {"tests", "benchmarks"}) - {room}
    assert set(imported(tree_of(file))) & others <= BELOW[room]


@pytest.mark.parametrize("file", ROOM_FILES)
def test_imports_stand_at_the_top(file: Path) -> None:
    tree = tree_of(file)
    late = [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == [] or name_of(file) in LATE_IMPORTS
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "TYPE_CHECKING" not in names, "an import for types only hides a circle"


@pytest.mark.parametrize("file", ALL_FILES)
def test_files_are_named_for_subjects(file: Path) -> None:
    assert file.stem not in KINDS_NOT_SUBJECTS


@pytest.mark.parametrize("file", ROOM_FILES)
def test_files_stay_small(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LINES or name_of(file) in LONG_FILES


@pytest.mark.parametrize("file", ALL_FILES)
def test_every_module_opens_with_one_line(file: Path) -> None:
    tree = tree_of(file)
    assert tree.body == [] or ast.get_docstring(tree)


def test_exceptions_are_still_needed() -> None:
    for name in (*LONG_FILES, *LATE_IMPORTS):
        assert (ROOT / name).is_file()
