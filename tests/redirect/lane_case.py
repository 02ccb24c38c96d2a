"""A case of the lane's proof: bytes to send over one connection, and the links that everyone knows meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import Final

TARGET = "https://example.com/a|b?c={d}&%0d%0ax=1#%"

# What the cache holds when the first case begins.
LINKS: Final = {
    "abc": TARGET,
    "Ab-_9": "https://example.com/",
    "x" * 64: "http://example.com:8080/?#",
    "mail": "https://example.com/?utm_source=mail&utm_medium=letter&utm_campaign=gr%C3%BCn#utm_source=no",
    "long": "https://example.com/" + "x" * 7_000,
    "graphqls": "https://example.com/nearly-reserved",
    "last": "https://last.example/",
}
OFF: Final = "off"  # deactivated
UNKNOWN: Final = "unknown"  # known not to be there; each other unknown code is asked for
HOST: Final = b"Host: kurz.test"


class Ending(Enum):
    """What the client does when all is sent."""

    ASKS = auto()  # once more, for a link that both ways may answer, and then has the connection closed
    ASKS_ELSE = auto()  # once more, for what the ordinary path alone answers
    HALF_CLOSES = auto()  # says in the same moment that nothing follows, and reads on
    LISTENS = auto()  # sends nothing more: the server is to close


@dataclass(frozen=True, slots=True)
class Case:
    """What one connection sends: pieces that arrive one after the other, and an ending."""

    name: str
    pieces: tuple[bytes, ...]
    ending: Ending = Ending.ASKS

    @property
    def size(self) -> int:
        """Bytes that are sent before the ending."""
        return sum(map(len, self.pieces))

    def split(self, at: int) -> "Case":
        """The same bytes in two pieces."""
        whole = b"".join(self.pieces)
        return replace(self, name=f"{self.name}, split at {at}", pieces=(whole[:at], whole[at:]))


def request(
    target: bytes = b"/abc",
    *headers: bytes,
    method: bytes = b"GET",
    version: bytes = b"HTTP/1.1",
    host: bytes | None = HOST,
    body: bytes = b"",
) -> bytes:
    """The bytes of one request, its header lines as they are given."""
    first = b" ".join(part for part in (method, target, version) if part)
    lines = [first, *([host] if host is not None else []), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def one(name: str, sent: bytes, ending: Ending = Ending.ASKS) -> Case:
    """A case of one piece."""
    return Case(name, (sent,), ending)


def shown(raw: bytes, limit: int = 40) -> str:
    """Bytes as part of a name."""
    text = repr(raw)[2:-1]
    return text if len(text) <= limit else f"{text[:limit]}... ({len(raw)} bytes)"


def pieces_of(raw: bytes, cuts: Sequence[int]) -> tuple[bytes, ...]:
    """The bytes cut at these places; empty pieces are left out."""
    places = [0, *sorted(cuts), len(raw)]
    return tuple(raw[start:end] for start, end in pairwise(places) if start < end)
