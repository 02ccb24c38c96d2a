"""A visit as the spool holds it: one line of JSON, never with an address."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

FORMAT = 1  # raised when older readers would misread the lines

Id = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Hash = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Instant = Annotated[datetime, Meta(tz=True)]


class Hint(StrEnum):
    """What the request itself said about not being a person's visit."""

    HEAD = "head"
    PREFETCH = "prefetch"


class Utm(NamedTuple):
    """The campaign parameters of a URL."""

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None


class Line(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="line", tag=str.lower):
    """The parent of everything a segment holds; `line` names which it is."""


class Header(Line, frozen=True):
    """The first line of a segment: who wrote it, and for which database."""

    format: int
    producer: Id
    segment: Id
    opened_at: Instant
    instance_id: Id


class Visit(Line, frozen=True):
    """One visit: instants in UTC, texts cleaned (recording/cleaning.py)."""

    at: Instant
    link_id: Id
    workspace_id: Id
    version: Id = 0
    visitor: Hash | None = None
    hint: Hint | None = None
    country: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    language: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None


class Dropped(Line, frozen=True):
    """How many visits could not be written before this line."""

    count: Id


class Sealed(Line, frozen=True):
    """The last line: when the segment was closed, after which nobody writes to it."""

    at: Instant


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Header | Visit | Dropped | Sealed)


def encode(line: Line) -> bytes:
    """The line with its line end; a text can hold no line end of its own, JSON escapes it."""
    return _encoder.encode(line) + b"\n"


def decode(raw: bytes) -> Line:
    """The line that the bytes hold; ValueError for anything else."""
    line: Line = _decoder.decode(raw)  # msgspec's errors are ValueErrors
    return line
