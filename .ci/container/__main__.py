"""Checks the container's files, builds what they describe in an empty folder, and serves it once."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from build import Builder
from contents import faults_of_contents, size
from context import export
from dockerfile import read
from lint import faults_of_compose, faults_of_dockerfile, faults_of_workflow
from smoke import smoke

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Ends with status 1 at the first step that finds a fault."""
    stages = read(CHECKOUT / "Dockerfile")
    _refuse(faults_of_dockerfile(stages, CHECKOUT))
    _refuse(faults_of_compose(CHECKOUT / "compose.yaml"))
    _refuse(faults_of_workflow(CHECKOUT / ".github" / "workflows" / "ci.yml", CHECKOUT))
    if "--lint" in sys.argv[1:]:
        return
    work = Path(tempfile.mkdtemp(prefix="kurz-image-"))
    work.chmod(0o755)
    try:
        builder = Builder(context=export(CHECKOUT, work / "context"), work=work, path=_path())
        builder.build(stages)
        _refuse(faults_of_contents(builder.root, CHECKOUT / "requirements-server.lock"))
        print(f"the image adds {size(builder.root) / 1e6:.0f} MB to its base")
        smoke(builder, stages[-1])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _refuse(faults: Iterable[str]) -> None:
    found = list(faults)
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        sys.exit(1)


def _path() -> str:
    """PATH with a Python like the image's first, and without this environment's own."""
    newer = sorted(Path.home().glob(".pyenv/versions/3.13*/bin"))
    own = Path(sys.prefix) / "bin"
    rest = [folder for folder in os.environ["PATH"].split(":") if Path(folder) != own]
    path = ":".join([*map(str, newer[-1:]), *rest])
    print(f"stands for the image's Python: {shutil.which('python3', path=path)}; npm: {shutil.which('npm', path=path)}")
    return path


main()
