"""A link as the redirect keeps it: flat tuples of plain values, which the garbage collector soon stops walking."""

from typing import Final

from recording.campaign import utm_of
from recording.visit import Utm

Headers = tuple[tuple[bytes, bytes], ...]
Campaign = tuple[str | None, str | None, str | None]  # source, medium, name, as in recording.visit.Utm

# (monotonic time its read began, link id, is deactivated, headers of the redirect, and for the recorder: workspace id,
# version of the link, campaign of the destination or None).
# Not a NamedTuple: the collector untracks only exact tuples, and a full cache is 100,000 of them. Once the worker has
# frozen what it started with, the cache's own dictionary included, no collection walks the cache at all.
Entry = tuple[float, int, bool, Headers, int, int, Campaign | None]

READ_AT: Final = 0
HEADERS: Final = 3
CAMPAIGN: Final = 6

# RFC 9111 5.2.2: nobody stores the answer, so that an edit counts from the next click on and every click is seen.
_AFTER_LOCATION: Headers = ((b"cache-control", b"private, no-store"), (b"content-length", b"0"))

# Tuples, numbers, the byte strings, the key and its place in the dictionary: rounded up from a measured 490 bytes.
OVERHEAD_BYTES = 520
# A campaign's tuple; and for each text its header, and what a text that is not ASCII may take, its UTF-8 form included.
CAMPAIGN_BYTES = 64
TEXT_BYTES = 80
BYTES_PER_CHARACTER = 8


class UnsafeDestinationError(ValueError):
    """A stored destination that would not survive in a header; it got past `models.targets`."""


def make_entry(
    *, link_id: int, workspace_id: int, version: int, destination: str, is_deactivated: bool, read_at: float
) -> Entry:
    """The link as it is answered; UnsafeDestinationError unless the destination is printable ASCII without blanks."""
    if is_deactivated:
        return (read_at, link_id, True, (), workspace_id, version, None)  # the destination is not even kept
    if not (destination.isascii() and destination.isprintable()) or " " in destination:
        raise UnsafeDestinationError(f"the destination of link {link_id} is not printable ASCII")
    location = destination.encode("ascii")
    headers = ((b"location", location), *_AFTER_LOCATION)
    return (read_at, link_id, False, headers, workspace_id, version, _campaign(location))


def _campaign(location: bytes) -> Campaign | None:
    utm = utm_of(location.partition(b"#")[0].partition(b"?")[2])
    return None if utm == Utm() else (utm.source, utm.medium, utm.campaign)


def size_of(code: str, entry: Entry) -> int:
    """Bytes the entry takes in the cache, about."""
    headers, campaign = entry[HEADERS], entry[CAMPAIGN]
    size = OVERHEAD_BYTES + len(code) + (len(headers[0][1]) if headers else 0)
    return size if campaign is None else size + CAMPAIGN_BYTES + sum(_text_size(text) for text in campaign if text)


def _text_size(text: str) -> int:
    return TEXT_BYTES + (len(text) if text.isascii() else BYTES_PER_CHARACTER * len(text))
