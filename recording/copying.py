"""Rows of the staging table in COPY's binary format, so that they are ready before the transaction begins.

The format: PostgreSQL's manual, the page of COPY, "Binary Format"; each value is preceded by its length in bytes.
"""

import struct
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

TEXTS_REMEMBERED = 20_000
LONGEST_REMEMBERED = 64

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # of PostgreSQL's timestamps, which count microseconds
_EPOCH_DAY = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_NUMBER = struct.Struct(">i")


class Row(NamedTuple):
    """A row of the staging table but for its batch, in the order of the columns."""

    batch_row: int
    occurred_at: datetime
    utc_day: date
    link_id: int
    workspace_id: int
    link_version: int
    kind: int
    visitor: int | None
    time_replaced: bool
    device: str
    country: str | None
    referrer: str | None
    browser: str | None
    os: str | None
    language: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    bot: str | None


COLUMNS = ("batch_id", *Row._fields)

# Up to the device: lengths and values in turn.
_BEGIN = struct.Struct(">iiiqiiiqiqiiihiqi?")
_BEGIN_WITHOUT_VISITOR = struct.Struct(">iiiqiiiqiqiiihii?")
_BATCH = struct.Struct(">hiq")


class UnfitRowError(ValueError):
    """A value that no column of its kind can hold."""


class RowEncoder:
    """Encodes rows; texts repeat, and are encoded once."""

    def __init__(self) -> None:
        self._texts = _Texts()

    def encode(self, row: Row) -> bytes:
        """The row without its batch; raises UnfitRowError."""
        number, at, day, link, workspace, version, kind, visitor, replaced, *words = row
        micros, days = (at - _EPOCH) // _MICROSECOND, day.toordinal() - _EPOCH_DAY
        fixed = (4, number, 8, micros, 4, days, 8, link, 8, workspace, 4, version, 2, kind)
        texts = self._texts
        try:
            if visitor is None:
                begin = _BEGIN_WITHOUT_VISITOR.pack(*fixed, -1, 1, replaced)
            else:
                begin = _BEGIN.pack(*fixed, 8, visitor, 1, replaced)
            return b"".join([begin, *[texts[word] for word in words]])
        except (struct.error, ValueError) as error:
            raise UnfitRowError(number) from error


class _Texts(dict[str | None, bytes]):
    def __missing__(self, text: str | None) -> bytes:
        if text is None:
            return _NULL
        raw = text.encode()
        encoded = _NUMBER.pack(len(raw)) + raw
        if len(text) <= LONGEST_REMEMBERED:
            if len(self) >= TEXTS_REMEMBERED:
                self.clear()
            self[text] = encoded
        return encoded


def number_of(encoded: bytes) -> int:
    """The `batch_row` of an encoded row."""
    number: int = _NUMBER.unpack_from(encoded, 4)[0]
    return number


async def copied(batches: Iterable[tuple[int, list[bytes]]]) -> AsyncIterator[bytes]:
    """What COPY is sent for the encoded rows of these batches, each with its id and at least one row."""
    yield _HEADER
    for batch_id, rows in batches:
        begin = _BATCH.pack(len(COLUMNS), 8, batch_id)
        yield begin + begin.join(rows)
    yield _TRAILER
