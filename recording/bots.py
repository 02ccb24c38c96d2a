"""Robots by what they call themselves: our own table first, then the list of crawler-user-agents."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import crawleruseragents  # type: ignore[import-untyped]

from models.clicks import VisitorKind
from recording.bot_names import AMBIGUOUS, KINDS, NAMED
from recording.browsers import looks_like_browser

PATTERNS_AT_ONCE = 25  # joined; more at once is slower again (measured)
LONGEST_NAME = 64

# When a string fits several kinds, the first of these.
_RANKED = (VisitorKind.PREVIEW, VisitorKind.MONITOR, VisitorKind.TOOL, VisitorKind.CRAWLER)

# What a robot says of itself, besides its name. A browser has no reason to name an address to write to.
_CLAIM = re.compile(
    r"[\w.-]*(?:bot(?![a-z])|crawl|spider|slurp|scraper|fetcher|archiver|validator|headless)[\w.-]*|\+https?:|@[\w-]+\.\w"
    r"|compatible; (?!MSIE|Konqueror)",
    re.IGNORECASE,
)
_PRODUCT = re.compile(r"[A-Za-z][\w.+ -]*?(?=[/;()]|$)")
# The model of a phone can be any word (CUBOT, or one that ends in BOT); it stands in the comment after `Android`.
_MODEL = re.compile(r"(\([^)]*Android)[^)]*\)")


class Robot(NamedTuple):
    """A visitor that is no person, under the name it gave."""

    kind: VisitorKind
    name: str | None


class Robots:
    """Knows robots by their User-Agent."""

    def __init__(self) -> None:
        """Compiles the patterns, which takes some ten milliseconds."""
        self._named = [(kind, name, re.compile(pattern)) for kind, name, pattern in NAMED]
        self._sure = {kind: _joined(_patterns(kind, ambiguous=False)) for kind in _RANKED}
        self._doubtful = {kind: _joined(_patterns(kind, ambiguous=True)) for kind in _RANKED}

    def recognise(self, user_agent: str) -> Robot | None:
        """The robot that the string names; None for a browser's. What is neither is a tool."""
        if looks_like_browser(user_agent):
            text = _MODEL.sub(r"\1)", user_agent)
            return self._by_name(text) or _by_list(self._sure, text) or _by_claim(text)
        return (
            self._by_name(user_agent)
            or _by_list(self._sure, user_agent)
            or _by_list(self._doubtful, user_agent)
            or _by_claim(user_agent)
            or Robot(VisitorKind.TOOL, _product(user_agent))
        )

    def _by_name(self, text: str) -> Robot | None:
        return next((Robot(kind, name) for kind, name, pattern in self._named if pattern.search(text)), None)


def _patterns(kind: VisitorKind, *, ambiguous: bool) -> list[str]:
    entries = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    patterns = [entry["pattern"] for entry in entries if _kind_of(entry.get("tags", ())) is kind]
    return [pattern for pattern in patterns if (pattern in AMBIGUOUS) is ambiguous]


def _kind_of(tags: Iterable[str]) -> VisitorKind:
    return next((kind for tag, kind in KINDS if tag in tags), VisitorKind.CRAWLER)


def _joined(patterns: list[str]) -> list[re.Pattern[str]]:
    starts = range(0, len(patterns), PATTERNS_AT_ONCE)
    return [re.compile("|".join(patterns[start : start + PATTERNS_AT_ONCE])) for start in starts]


def _by_list(listed: Mapping[VisitorKind, list[re.Pattern[str]]], text: str) -> Robot | None:
    for kind, patterns in listed.items():
        for pattern in patterns:
            found = pattern.search(text)
            if found:
                return Robot(kind, _name(found))
    return None


def _name(found: re.Match[str]) -> str | None:
    claim = _CLAIM.search(found.string)
    by_address = "/" in found[0].rstrip("/")  # `yandex.com/bots` is where to read about the robot, not its name
    return _word(claim if claim and by_address else found)


def _by_claim(text: str) -> Robot | None:
    found = _CLAIM.search(text)
    return (
        None if found is None else Robot(VisitorKind.CRAWLER, _word(found) if found[0][0].isalnum() else _product(text))
    )


def _word(found: re.Match[str]) -> str | None:
    """The whole word around what was found: `Googlebot` for `bot`."""
    text = found.string
    start, end = found.span()
    while end > start and not text[end - 1].isalnum():  # a pattern may end with what follows the name
        end -= 1
    while start > 0 and (text[start - 1].isalnum() or text[start - 1] in "-_."):
        start -= 1
    while end < len(text) and (text[end].isalnum() or text[end] in "-_"):
        end += 1
    return text[start:end].removeprefix("compatible; ").strip(" /;()+,.")[:LONGEST_NAME] or None


def _product(text: str) -> str | None:
    found = _PRODUCT.match(text)
    return None if found is None else found[0].strip()[:LONGEST_NAME] or None
