"""Requests that a proxy passes on: a browser's usual headers, and among them X-Forwarded-For with somebody's address.

The rest is looked up as a whole, so that a visitor never seen costs hardly more than one who stays.
"""

import re
from socket import AF_INET, inet_pton
from typing import Final

from recording.browser import Browser, Browsers, PassedOn
from redirect.header_lines import HeaderLines

_NAME: Final = b"\r\nX-Forwarded-For: "  # as proxies write it; else the lines are read one by one
_is_hops = re.compile(rb"[0-9A-Fa-f.:]+(?:, ?[0-9A-Fa-f.:]+)*").fullmatch
_V4: Final = int(AF_INET)  # the member of an enumeration takes longer
_SAY_WHO: Final = frozenset((b"x-forwarded-for", b"forwarded"))

Around = tuple[bytes, bytes, Browser]  # what precedes and what follows the hops


def passed_on(block: bytes, around: Around) -> PassedOn | None:
    """The browser and X-Forwarded-For, if `block` has nothing else that is new."""
    before, after, browser = around
    if not (block.startswith(before) and block.endswith(after)):
        return None
    hops = block[len(before) : -len(after)]  # empty where the two overlap, which is not plain
    try:
        return browser, hops, inet_pton(_V4, hops.decode("latin-1"))  # one IPv4 address, as mostly
    except (OSError, ValueError):
        return (browser, hops, None) if _is_hops(hops) else None


class PassedOnBlocks:
    """Reads the headers of such requests."""

    def __init__(self, lines: HeaderLines, browsers: Browsers) -> None:
        self._lines = lines
        self._browsers = browsers

    def read(self, block: bytes) -> Around | None:
        """The browser of a plain request that is to leave its connection open, and what stands around the hops.

        `block` is all from the first header's name to the empty line; None when it has to be read line by line.
        """
        begin = block.find(_NAME)
        end = block.find(b"\r\n", begin + 2)
        if begin < 0 or end < 0 or not _is_hops(block, begin + len(_NAME), end):
            return None
        after = block[end:]
        rest = block[:begin] + after  # a plain line put between two lines of a plain block leaves it plain
        browser = self._browsers.get(rest) or self._meet(rest)
        return None if browser is None else (block[: begin + len(_NAME)], after, browser)

    def _meet(self, rest: bytes) -> Browser | None:
        read = self._lines.read(rest)
        if read is None or not self._lines.are_common:
            return None
        headers = dict(read[0])
        if not _SAY_WHO.isdisjoint(headers):  # the address may be said twice
            return None
        browser = self._browsers.read(headers)
        self._browsers.keep(rest, browser)
        return browser
