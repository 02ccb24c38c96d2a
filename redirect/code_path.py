"""Which paths are short links: one segment that no fixed route may want."""

import re
from collections.abc import Collection, Iterable

from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Route
from starlette.types import ASGIApp

from models.codes import RESERVED

NAME = "short_code"

# `\Z` and never `$`, which lets a last newline through: "/abc%0A" would be the link "abc".
CODE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


class CodeConvertor(Convertor[str]):
    """Takes any one segment, with or without a slash behind it, except the reserved words."""

    def convert(self, value: str) -> str:
        """The segment without the slash."""
        return value.removesuffix("/")

    def to_string(self, value: str) -> str:
        return value


def code_route(endpoint: ASGIApp) -> Route:
    """The route of short links; it takes no path of a fixed route, so it can stand before them all."""
    convertor = CodeConvertor()
    convertor.regex = segment_pattern(RESERVED)  # type: ignore[misc]  # the words decide, not the class
    register_url_convertor(NAME, convertor)
    return Route(f"/{{code:{NAME}}}", endpoint)


def segment_pattern(reserved: Collection[str]) -> str:
    """A regular expression of one path segment that is none of the words, compared without case."""
    return rf"(?!{_any_of(sorted(word.lower() for word in reserved))}/?\Z)[^/]+/?\Z"


def _any_of(words: Iterable[str]) -> str:
    """The words as a tree by their letters: one comparison tells most codes from all of them."""
    tails: dict[str, list[str]] = {}
    is_end = False
    for word in words:
        if word:
            tails.setdefault(word[0], []).append(word[1:])
        else:
            is_end = True
    branches = [_letter(first) + _any_of(rest) for first, rest in tails.items()]
    if not branches:
        return ""
    tree = branches[0] if len(branches) == 1 and not is_end else f"(?:{'|'.join(branches)})"
    return f"{tree}?" if is_end else tree


def _letter(letter: str) -> str:
    return f"[{letter}{letter.upper()}]" if letter.isalpha() else re.escape(letter)
