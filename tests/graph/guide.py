"""The guides as tests read them: their sections, their examples, and whether an answer is the one that is shown."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```\n(?P<gap>\n?)", re.DOTALL | re.MULTILINE)
# What differs from run to run, or is for people: only its kind is compared.
VOLATILE = {"asOf", "cursor", "endCursor", "message", "remaining", "requestId", "summary"}


@dataclass(frozen=True)
class Example:
    """A block of a guide, with the variables and the answer that stand right below it."""

    language: str
    text: str
    variables: dict[str, Any]
    answer: Any


def examples(guide: str, *languages: str) -> Iterator[Example]:
    """The examples in one of these languages, in the guide's order."""
    blocks = list(BLOCK.finditer(guide))
    for number, block in enumerate(blocks):
        if block["language"] in languages:
            below = list(_below(blocks, number))
            answers = [one for one in below if {"data", "errors"} & set(one)]
            variables = [one for one in below if one not in answers]
            yield Example(block["language"], block["text"], next(iter(variables), {}), answers[0] if answers else None)


def _below(blocks: list[re.Match[str]], number: int) -> Iterator[dict[str, Any]]:
    end = blocks[number].end()
    for block in blocks[number + 1 :]:
        if block["language"] != "json" or block.start() != end:
            return
        yield json.loads(block["text"])
        end = block.end()


def section(guide: str, title: str) -> str:
    """The text under a heading, with the smaller headings in it."""
    return guide.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def differences(shown: Any, answered: Any, place: str = "") -> Iterator[str]:
    """Where an answer is not what the guide shows; of what is volatile, the kind is enough."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        if shown.keys() != answered.keys():
            yield f"{place}: {sorted(shown)} is shown, {sorted(answered)} answered"
        for key in shown.keys() & answered.keys():
            if key not in VOLATILE or type(shown[key]) is not type(answered[key]):
                yield from differences(shown[key], answered[key], f"{place}.{key}")
    elif isinstance(shown, list) and isinstance(answered, list) and len(shown) == len(answered):
        for number, (one, other) in enumerate(zip(shown, answered, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif shown != answered and not (
        isinstance(shown, str) and isinstance(answered, str) and _are_clicks(shown, answered)
    ):
        yield f"{place}: {json.dumps(shown)} is shown, {json.dumps(answered)} answered"


def _are_clicks(shown: str, answered: str) -> bool:
    return shown.startswith("clk_") and answered.startswith("clk_")
