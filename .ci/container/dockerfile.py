"""Reads a Dockerfile into stages of instructions."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction: `COPY`, its flags such as `--from=ui`, and the rest of its text."""

    name: str
    flags: dict[str, str]
    text: str
    line: int

    def exec_form(self) -> list[str]:
        """The words of `["a", "b"]`; ValueError for the shell form."""
        words = json.loads(self.text.removeprefix("CMD ") if self.name == "HEALTHCHECK" else self.text)
        if not isinstance(words, list):
            raise TypeError(f"line {self.line}: {self.name} is not a list of words")
        return [str(word) for word in words]


@dataclass(frozen=True)
class Stage:
    """What is built on one base image."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def last(self, name: str) -> Instruction:
        """The one that holds; LookupError when there is none."""
        found = [instruction for instruction in self.instructions if instruction.name == name]
        if not found:
            raise LookupError(f"no {name} in the stage on {self.base}")
        return found[-1]

    def environment(self) -> dict[str, str]:
        """What ENV sets, as written."""
        texts = [instruction.text for instruction in self.instructions if instruction.name == "ENV"]
        pairs = [pair.partition("=") for text in texts for pair in shlex.split(text)]
        return {name: value for name, _, value in pairs}


def read(file: Path) -> list[Stage]:
    """The stages in order; a stage without a name is named by its number."""
    stages: list[Stage] = []
    for instruction in _instructions(file):
        if instruction.name == "FROM":
            base, _, name = instruction.text.partition(" AS ")
            stages.append(Stage(base=base, name=name or str(len(stages))))
        else:
            stages[-1].instructions.append(instruction)
    return stages


def _instructions(file: Path) -> list[Instruction]:
    found: list[Instruction] = []
    text, begin = "", 0
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begin = begin or number
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            found.append(_parse(text, begin))
            text, begin = "", 0
    return found


def _parse(text: str, line: int) -> Instruction:
    name, *words = text.split()
    flags: dict[str, str] = {}
    while words and words[0].startswith("--"):
        flag, _, value = words.pop(0)[2:].partition("=")
        flags[flag] = value
    return Instruction(name=name, flags=flags, text=" ".join(words), line=line)
