"""The headers of a plain request, read line by line; most lines are those of many requests, and are remembered."""

import re
from typing import Final

from recording.client import Headers
from recording.memo import LONGEST_REMEMBERED, Memo

Line = tuple[bytes, bytes]  # name in lower case, value

LINES_BYTES: Final = 8 * 2**20  # some 10,000 lines

# RFC 9112, section 5, only stricter: one blank after the colon, none at the end, no empty value. A parser can read
# such a line in one way only; whatever else a client sends is for the real one to judge.
_PLAIN = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)")
# They change how a request is read or answered.
_MORE_THAN_PLAIN: Final = frozenset(
    (b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"proxy-connection")
)
_CONNECTION: Final = b"connection"
_CLOSE: Final = b"close"
_REFERER: Final = b"referer"  # common, but where somebody was is to be forgotten with the day: recording/browser.py
_PLAIN_CONNECTIONS: Final = frozenset((_CLOSE, b"keep-alive", b"Keep-Alive"))
# Of these one line serves many visitors, and tells nothing about one. Others are read each time, and not kept.
_COMMON: Final = frozenset(
    (
        *(b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"connection", b"dnt", b"host"),
        *(b"pragma", b"priority", b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-fetch-dest"),
        *(b"sec-fetch-mode", b"sec-fetch-site", b"sec-fetch-user", b"sec-gpc", b"sec-purpose"),
        *(b"upgrade-insecure-requests", b"user-agent", b"via", b"x-forwarded-host", b"x-forwarded-proto"),
    )
)


class UnplainError(ValueError):
    """A line that says more than the lane understands."""


class HeaderLines(Memo[bytes, Line]):
    """`lines[line]` is name and value, or UnplainError."""

    def __init__(self) -> None:
        super().__init__(LINES_BYTES)
        self._has_close = False
        self.are_common = True  # all lines of the last block that was read

    def __missing__(self, line: bytes) -> Line:
        match = _PLAIN.fullmatch(line)
        if match is None:
            raise UnplainError
        name, value = match[1].lower(), match[2]
        if name in _MORE_THAN_PLAIN or (name == _CONNECTION and value not in _PLAIN_CONNECTIONS):
            raise UnplainError
        if name == _CONNECTION and value == _CLOSE:
            self._has_close = True  # said each time, since the line is not remembered
            self.are_common = False
        elif name in _COMMON and len(line) <= LONGEST_REMEMBERED:
            self.remember(line, (name, value), size=2 * len(line))
        elif name != _REFERER:
            self.are_common = False
        return name, value

    def read(self, block: bytes) -> tuple[Headers, bool] | None:
        """The headers of a request without a body, and whether the client wants the connection closed after it.

        `block` is all from the first header's name to the empty line; None when it is not plain.
        """
        if not block.endswith(b"\r\n\r\n"):
            return None
        self._has_close, self.are_common = False, True
        try:
            return [self[line] for line in block[:-4].split(b"\r\n")], self._has_close
        except UnplainError:
            return None
