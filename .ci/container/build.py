"""Builds the stages of a Dockerfile without an engine: COPY and RUN, below an empty folder instead of the root."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from dockerfile import Instruction, Stage

# The folders that the Dockerfile makes; what belongs to the base image is used where it lies on this machine.
OWN_FOLDERS = re.compile(r"(?<![\w./-])/(?=(?:src|build|dist|opt|data)\b)")


@dataclass
class Builder:
    """Runs one stage after the other in the same folder, so that what a stage wrote about its place stays true."""

    context: Path
    work: Path
    path: str

    @property
    def root(self) -> Path:
        """Where `/` lies."""
        return self.work / "root"

    def build(self, stages: list[Stage]) -> None:
        """Builds all; the last one's files stay in `root`, and nothing of the others is left."""
        for stage in stages:
            self._build_stage(stage)
            if stage is not stages[-1]:
                self.root.rename(self.work / f"stage-{stage.name}")
        for stage in stages[:-1]:
            shutil.rmtree(self.work / f"stage-{stage.name}")

    def environment(self, stage: Stage) -> dict[str, str]:
        """What a process of this stage finds set: the clients' own settings here, then ENV."""
        ours = ("KURZ_", "PYTHON", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {"PATH": self.path}
        wanted = {name: value.replace("$PATH", self.path) for name, value in stage.environment().items()}
        return kept | {name: self.below_root(value) for name, value in wanted.items()}

    def below_root(self, text: str) -> str:
        """The text with the absolute paths of the image's own folders below our root."""
        return OWN_FOLDERS.sub(f"{self.root}/", text)

    def _build_stage(self, stage: Stage) -> None:
        self.root.mkdir(mode=0o755)
        folder = self.root
        for instruction in stage.instructions:
            if instruction.name == "WORKDIR":
                folder = self.root / instruction.text.lstrip("/")
                folder.mkdir(parents=True, exist_ok=True)
            elif instruction.name == "COPY":
                self._copy(instruction, folder)
            elif instruction.name == "RUN":
                self._run(instruction, folder, stage)

    def _run(self, instruction: Instruction, folder: Path, stage: Stage) -> None:
        print(f"RUN (line {instruction.line}, stage {stage.name}) {instruction.text[:90]}", flush=True)
        begin = time.monotonic()
        command = ["/bin/sh", "-c", self.below_root(instruction.text)]
        with tempfile.TemporaryFile("w+") as output:
            environment = self.environment(stage)
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
            if done.returncode:
                output.seek(0)
                sys.exit(f"{output.read()}\nline {instruction.line} ended with {done.returncode}")
        print(f"    {time.monotonic() - begin:.1f} s", flush=True)

    def _copy(self, instruction: Instruction, folder: Path) -> None:
        *sources, target = instruction.text.split()
        origin = instruction.flags.get("from")
        begin = self.work / f"stage-{origin}" if origin else self.context
        place = self.root / target.lstrip("/") if target.startswith("/") else folder / target
        for source in sources:
            _copy_one(begin / source.lstrip("/"), place, into=target.endswith(("/", ".")))
        if owner := instruction.flags.get("chown"):
            _give(place, *(int(number) for number in owner.split(":")))


def _copy_one(source: Path, place: Path, *, into: bool) -> None:
    """As COPY does: a folder's contents, or one file, also into a folder."""
    if source.is_dir():
        shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)
        return
    target = place / source.name if into else place
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _give(place: Path, user: int, group: int) -> None:
    if os.geteuid() == 0:
        for path in (place, *place.rglob("*")):
            os.chown(path, user, group)
