"""Which paths are short links."""

import re

import pytest
from starlette.routing import Router

from models.codes import RESERVED
from redirect.code_path import CODE, code_route, segment_pattern


def code_in(path: str) -> str | None:
    """The code the route takes from the path, if the path is the route's."""
    match, scope = code_route(Router()).matches({"type": "http", "method": "GET", "path": path})
    code: str | None = scope["path_params"]["code"] if match.value else None
    return code


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_reserved_word_in_any_case_with_or_without_slash_is_no_code(word: str) -> None:
    spellings = {word, word.upper(), word.title(), word.swapcase()}
    assert {code_in(f"/{spelling}{slash}") for spelling in spellings for slash in ("", "/")} == {None}


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_a_word_beside_a_reserved_one_is_a_code(word: str) -> None:
    for near in (f"{word}x", f"x{word}", f"{word}-", f"{word}_{word}"):
        assert code_in(f"/{near}") == code_in(f"/{near}/") == near


@pytest.mark.parametrize("path", ["/", "//", "//abc", "/abc//", "/abc/x", "/abc/x/", "/.well-known/x", ""])
def test_other_paths_are_not_ours(path: str) -> None:
    assert code_in(path) is None


@pytest.mark.parametrize("segment", ["abc\n", "graphql\n", "a b", "a.b", "\x00", "x" * 10_000])
def test_a_segment_is_taken_whole_to_be_refused(segment: str) -> None:
    assert code_in(f"/{segment}") == segment
    assert CODE.match(segment) is None


def test_words_that_begin_each_other_are_told_apart() -> None:
    pattern = re.compile(segment_pattern({"a", "ab", "abc", "b.c"}) + "$")
    for word, is_free in {
        "a": False,
        "ab": False,
        "abc": False,
        "abcd": True,
        "ac": True,
        "b.c": False,
        "bxc": True,
    }.items():
        assert (pattern.match(word) is not None) is is_free, word
