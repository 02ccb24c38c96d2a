"""The two files that browsers and crawlers ask every host for."""

import struct
import zlib

from starlette.types import Receive, Scope, Send

from redirect.entry import Headers
from redirect.pages import Pages

# Short links may be followed, each answer says itself that it is not to be kept; the API is of no use to a crawler.
ROBOTS = b"User-agent: *\nDisallow: /graphql\n"

_A_DAY = b"public, max-age=86400"
_INK, _PAPER = b"\x1f\x4e\x8c\xff", b"\x00\x00\x00\x00"
_ICON_ROWS = (  # a K, each cell two by two pixels
    "........",
    ".#...##.",
    ".#..##..",
    ".#.##...",
    ".####...",
    ".##.##..",
    ".#...##.",
    "........",
)


class FixedAnswer:
    """An ASGI endpoint that always says the same to GET and HEAD."""

    def __init__(self, content_type: bytes, body: bytes, pages: Pages) -> None:
        self._headers: Headers = (
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", _A_DAY),
            (b"x-content-type-options", b"nosniff"),
        )
        self._body = body
        self._pages = pages

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await self._pages.not_allowed.send(scope, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._body})


def robots_txt(pages: Pages) -> FixedAnswer:
    return FixedAnswer(b"text/plain; charset=utf-8", ROBOTS, pages)


def favicon_ico(pages: Pages) -> FixedAnswer:
    """A PNG: browsers read it under this name as well, and it needs no file."""
    return FixedAnswer(b"image/png", _icon(), pages)


def _icon() -> bytes:
    rows = [b"".join((_INK if cell == "#" else _PAPER) * 2 for cell in row) for row in _ICON_ROWS for _ in range(2)]
    size = len(rows)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))  # filter 0 before each row
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)),
            _chunk(b"IDAT", pixels),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk as the PNG specification has it: length, kind, data, CRC of kind and data."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
