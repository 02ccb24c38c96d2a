"""What a sealed segment holds, line by line."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from recording.visit import FORMAT, Dropped, Header, Line, Sealed, Visit, decode

YEARS = range(1970, 2100)  # of a clock that may be wrong, but with which one can still calculate


class UnreadableSegmentError(ValueError):
    """A file without a header that this version understands."""


@dataclass(frozen=True, slots=True)
class Content:
    """A segment as it was read. A visit's number is that of its line; the header is line 0."""

    header: Header
    sealed_at: datetime
    sha256: bytes
    raw: bytes
    visits: list[tuple[int, Visit]]
    unreadable: list[int]
    dropped: int

    def lines(self) -> list[bytes]:
        """The raw lines, without their ends."""
        return _lines(self.raw)


def read(path: Path) -> Content:
    """The segment's content; UnreadableSegmentError without a header, OSError when the file is gone."""
    written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    raw = path.read_bytes()
    lines = _lines(raw)
    header = _header(lines)
    visits: list[tuple[int, Visit]] = []
    unreadable: list[int] = []
    dropped = 0
    sealed_at = written_at
    for number, line in enumerate(lines[1:], start=1):
        match _line(line):
            case Visit() as visit:
                visits.append((number, visit))
            case Dropped(count=count):
                dropped += count
            case Sealed(at=at) if at.year in YEARS:
                sealed_at = at
            case _:
                unreadable.append(number)
    return Content(header, sealed_at, hashlib.sha256(raw).digest(), raw, visits, unreadable, dropped)


def _lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\n")[:-1]  # what follows the last line end is half a line


def _header(lines: list[bytes]) -> Header:
    header = _line(lines[0]) if lines else None
    if not isinstance(header, Header) or header.format > FORMAT or header.opened_at.year not in YEARS:
        raise UnreadableSegmentError("no header of a known format")
    return header


def _line(raw: bytes) -> Line | None:
    try:
        return decode(raw)
    except ValueError:
        return None
