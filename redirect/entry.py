"""A link as the redirect keeps it: flat tuples of plain values, which the garbage collector soon stops walking."""

from typing import Final

Headers = tuple[tuple[bytes, bytes], ...]

# (monotonic time its read began, link id, is deactivated, headers of the redirect).
# Not a NamedTuple: the collector untracks only exact tuples, and a full cache is 100,000 of them. Once the worker has
# frozen what it started with, the cache's own dictionary included, no collection walks the cache at all.
Entry = tuple[float, int, bool, Headers]

READ_AT: Final = 0
HEADERS: Final = 3

# RFC 9111 5.2.2: nobody stores the answer, so that an edit counts from the next click on and every click is seen.
_AFTER_LOCATION: Headers = ((b"cache-control", b"private, no-store"), (b"content-length", b"0"))

# Tuples, the byte strings, the key and its place in the dictionary: rounded up from a measured 430 bytes.
OVERHEAD_BYTES = 460


class UnsafeDestinationError(ValueError):
    """A stored destination that would not survive in a header; it got past `models.targets`."""


def make_entry(*, link_id: int, destination: str, is_deactivated: bool, read_at: float) -> Entry:
    """The link as it is answered; UnsafeDestinationError unless the destination is printable ASCII without blanks."""
    if is_deactivated:
        return (read_at, link_id, True, ())  # the destination is not even kept
    if not (destination.isascii() and destination.isprintable()) or " " in destination:
        raise UnsafeDestinationError(f"the destination of link {link_id} is not printable ASCII")
    return (read_at, link_id, False, ((b"location", destination.encode("ascii")), *_AFTER_LOCATION))


def size_of(code: str, entry: Entry) -> int:
    """Bytes the entry takes in the cache, about."""
    headers = entry[HEADERS]
    return OVERHEAD_BYTES + len(code) + (len(headers[0][1]) if headers else 0)
