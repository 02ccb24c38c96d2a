"""Which waiting segments go into one transaction.

The more visits are stored at once, the fewer sums are written for each of them. Nobody waits for a transaction to be
full: only what is sealed already goes together. Whoever deletes a link waits for one transaction.
"""

from collections.abc import Iterator, Sequence

from recording.segments import SegmentFile

BYTES_TOGETHER = 8 * 1024**2  # in the loader's memory twice: one group is read while another is stored
SEGMENTS_TOGETHER = 64


def together(files: Sequence[SegmentFile]) -> Iterator[list[SegmentFile]]:
    """The files in their order, in groups of what may be stored at once; at least one in each."""
    group: list[SegmentFile] = []
    size = 0
    for file in files:
        more = _size(file)
        if group and (size + more > BYTES_TOGETHER or len(group) == SEGMENTS_TOGETHER):
            yield group
            group, size = [], 0
        group.append(file)
        size += more
    if group:
        yield group


def _size(file: SegmentFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:  # gone, or not readable: whoever reads it will see
        return 0
