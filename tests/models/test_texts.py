"""Texts: trimmed, bounded, printable."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.refusals import LimitReached, Problem
from models.texts import clean


def judge(raw: str | None, *, limit: int = 10, multiline: bool = False) -> tuple[str | None, list[type[Problem]]]:
    problems: list[Problem] = []
    text = clean(raw, limit=limit, path=("title",), problems=problems, multiline=multiline)
    return text, [type(problem) for problem in problems]


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (None, None),
        ("", None),
        ("   ", None),
        ("\u00a0\u3000\u2003", None),
        (" a ", "a"),
        ("a  b", "a  b"),
        ("é", "é"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("a" * 10, "a" * 10),
        (" " + "a" * 10 + " ", "a" * 10),
    ],
)
def test_what_is_kept_of_a_line(raw: str | None, kept: str | None) -> None:
    assert judge(raw) == (kept, [])


@pytest.mark.parametrize(
    "bad", ["\x00", "\x07", "\n", "\t", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\ud83d", "\udc00"]
)
@pytest.mark.parametrize("form", ["a{}b", "{}a", "a{}", "{}"])
def test_control_characters_are_refused_anywhere_in_a_line(bad: str, form: str) -> None:
    assert judge(form.format(bad))[1] == [Problem]


@pytest.mark.parametrize(
    ("raw", "kept"), [("a\nb\tc", "a\nb\tc"), ("\n a \n", "a"), ("a\r\nb", "a\nb"), ("\n\t ", None)]
)
def test_notes_may_have_lines_and_tabs(raw: str, kept: str | None) -> None:
    assert judge(raw, multiline=True) == (kept, [])


@pytest.mark.parametrize("bad", ["\x00", "\r", "\x0b", "\x1b", "\ud800", "\u2029"])
def test_other_control_characters_are_refused_in_notes_too(bad: str) -> None:
    assert judge(f"a{bad}b", multiline=True)[1] == [Problem]


def test_the_limit_counts_characters_after_trimming() -> None:
    assert judge("é" * 11)[1] == [LimitReached]


def test_every_problem_is_told_at_once() -> None:
    assert judge("\x00" + "a" * 11)[1] == [Problem, LimitReached]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=12), st.booleans())
def test_what_is_kept_is_kept_again(raw: str, multiline: bool) -> None:
    text, problems = judge(raw, multiline=multiline)
    if not problems:
        assert judge(text, multiline=multiline) == (text, [])
