"""A link as the redirect keeps it: flat tuples of plain values, which the garbage collector soon stops walking."""

from typing import Final

from recording.campaign import utm_of
from recording.visit_line import NO_CAMPAIGN, link_parts

Headers = tuple[tuple[bytes, bytes], ...]

# (monotonic time its read began, is deactivated, destination, and recording.visit_line.LinkParts for the recorder:
# workspace id, what a visit's line says about the link, and what it says about the destination's campaign).
# Not a NamedTuple: the collector untracks only exact tuples, and a full cache is 100,000 of them. Once the worker has
# frozen what it started with, the cache's own dictionary included, no collection walks the cache at all.
Entry = tuple[float, bool, bytes, int, bytes, bytes]

READ_AT: Final = 0
LOCATION: Final = 2
CAMPAIGN: Final = 5

# RFC 9111 5.2.2: nobody stores the answer, so that an edit counts from the next click on and every click is seen.
AFTER_LOCATION: Final[Headers] = ((b"cache-control", b"private, no-store"), (b"content-length", b"0"))

# The tuple, numbers, byte strings, the key and its place in the dictionary: rounded up from a measured 385 bytes.
OVERHEAD_BYTES = 450
CAMPAIGN_BYTES = 48  # of a byte string that no other link has


class UnsafeDestinationError(ValueError):
    """A stored destination that would not survive in a header; it got past `models.targets`."""


def make_entry(
    *, link_id: int, workspace_id: int, version: int, destination: str, is_deactivated: bool, read_at: float
) -> Entry:
    """The link as it is answered; UnsafeDestinationError unless the destination is printable ASCII without blanks."""
    if is_deactivated:
        return (read_at, True, b"", workspace_id, b"", NO_CAMPAIGN)  # the destination is not even kept
    if not (destination.isascii() and destination.isprintable()) or " " in destination:
        raise UnsafeDestinationError(f"the destination of link {link_id} is not printable ASCII")
    location = destination.encode("ascii")
    utm = utm_of(location.partition(b"#")[0].partition(b"?")[2])
    link = link_parts(link_id=link_id, workspace_id=workspace_id, version=version, utm=utm)
    return (read_at, False, location, *link)


def size_of(code: str, entry: Entry) -> int:
    """Bytes the entry takes in the cache, about."""
    campaign = entry[CAMPAIGN]
    size = OVERHEAD_BYTES + len(code) + len(entry[LOCATION])
    return size if campaign is NO_CAMPAIGN else size + CAMPAIGN_BYTES + len(campaign)
