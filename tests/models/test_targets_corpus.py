"""Destinations held to the web platform's own URL cases; each difference has a reason."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import pytest

from models.refusals import Refused
from models.targets import TargetPolicy, judge

ANY_HOST = TargetPolicy(own_hosts=frozenset(), allow_private=True)


class Case(TypedDict, total=False):
    input: str
    base: str | None
    failure: bool
    href: str
    protocol: str
    username: str
    password: str


# What the standard accepts and we do not. A case that is refused for another reason than these is a fault.
DIFFERENCES: dict[str, Callable[[Case], bool]] = {
    "only http and https: a browser must not be sent to javascript:, data: or file:": lambda case: (
        case["protocol"] not in ("http:", "https:")
    ),
    "no credentials: they make one host look like another, and would be shown to every visitor": lambda case: bool(
        case["username"] or case["password"]
    ),
    "no control characters: the standard drops or encodes them, so another URL than the given one would be stored": (
        lambda case: any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in case["input"])
    ),
    "no lone surrogates: the standard replaces them by U+FFFD, which is another URL": lambda case: any(
        0xD800 <= ord(letter) < 0xE000 for letter in case["input"]
    ),
}


@pytest.fixture(scope="module")
def corpus() -> list[Case]:
    path = os.environ.get("KURZ_URL_CORPUS")
    if not path:
        pytest.skip("KURZ_URL_CORPUS does not name a copy of web-platform-tests' urltestdata.json")
    cases: list[Case | str] = json.loads(Path(path).read_text(encoding="utf-8"))
    return [case for case in cases if isinstance(case, dict) and case.get("base") is None]


def verdict(raw: str) -> str | None:
    try:
        return judge(raw, ANY_HOST, path=("destinationUrl",))
    except Refused:
        return None


def differences(case: Case) -> list[str]:
    return [reason for reason, applies in DIFFERENCES.items() if applies(case)]


def test_what_the_standard_refuses_is_refused(corpus: list[Case]) -> None:
    cases = [case for case in corpus if case.get("failure")]
    assert len(cases) > 100
    assert [case["input"] for case in cases if verdict(case["input"]) is not None] == []


def test_what_is_accepted_is_serialised_as_the_standard_says(corpus: list[Case]) -> None:
    cases = [case for case in corpus if not case.get("failure") and not differences(case)]
    assert len(cases) > 50
    assert [(case["input"], verdict(case["input"])) for case in cases if verdict(case["input"]) != case["href"]] == []


def test_every_difference_is_deliberate(corpus: list[Case]) -> None:
    cases = [case for case in corpus if not case.get("failure") and differences(case)]
    assert [case["input"] for case in cases if verdict(case["input"]) is not None] == []
    met = {reason for case in cases for reason in differences(case)}
    assert len(met) >= 3, "the corpus has cases for the differences"
