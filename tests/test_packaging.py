"""What goes into the wheel, and what its build hook does with and without npm."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHEEL = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
PACKAGES: list[str] = WHEEL["packages"]
SOURCES = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", *PACKAGES)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project's sources without a bundle, in a folder of the test's own."""
    unwanted = shutil.ignore_patterns("__pycache__", "graphiql_files*", "node_modules")
    for name in (*SOURCES, "tests"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=unwanted)
        else:
            shutil.copy(source, tmp_path / name)
    return tmp_path


@pytest.fixture
def no_npm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which there is nothing."""
    return str(tmp_path_factory.mktemp("empty"))


def with_bundle(checkout: Path) -> None:
    assets = checkout / "server" / "graphiql_files" / "assets"
    assets.mkdir(parents=True)
    (assets / "main-ABCDEFGH.js").write_text("made up")
    (assets.parent / "manifest.json").write_text("{}")


def build(checkout: Path, *, path: str, mode: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "KURZ_BUILD_UI"} | {"PATH": path}
    if mode is not None:
        environment["KURZ_BUILD_UI"] = mode
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    return subprocess.run(
        command, cwd=checkout, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def contents(checkout: Path) -> set[str]:
    (wheel,) = (checkout / "dist").glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_migrations_and_bundle_and_no_tests(checkout: Path, no_npm: str) -> None:
    with_bundle(checkout)

    assert build(checkout, path=no_npm, mode="require").returncode == 0

    names = contents(checkout)
    assert {
        "migrations/env.py",
        "migrations/script.py.mako",
        "migrations/versions/0001_first.py",
        "server/graphiql_files/manifest.json",
        "server/graphiql_files/assets/main-ABCDEFGH.js",
    } <= names
    rooms = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert rooms == set(PACKAGES)
    assert not [name for name in names if name.endswith((".pyc", ".graphql", ".jsx"))]


def test_a_wheel_that_must_have_the_bundle_is_not_built_without(checkout: Path, no_npm: str) -> None:
    assert build(checkout, path=no_npm, mode="require").returncode != 0
    assert not list((checkout / "dist").glob("*.whl"))


@pytest.mark.parametrize("mode", [None, "skip"])
def test_where_there_is_no_npm_the_wheel_goes_without(checkout: Path, no_npm: str, mode: str | None) -> None:
    assert build(checkout, path=no_npm, mode=mode).returncode == 0
    assert not [name for name in contents(checkout) if "graphiql_files" in name]


def test_an_unknown_mode_is_refused(checkout: Path, no_npm: str) -> None:
    assert build(checkout, path=no_npm, mode="always").returncode != 0
