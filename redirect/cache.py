"""The links this process knows: bounded by number and by bytes, the least recently used leaves first."""

from collections import OrderedDict
from collections.abc import Iterable

from redirect.entry import Entry, size_of


class LinkCache:
    """Code to link, and for a moment the codes that are known to be unknown.

    A read of the database first claims its codes. A change that is heard meanwhile ends the claim, and what was
    read under an ended claim is not stored: it may be older than the change.
    """

    def __init__(self, *, max_entries: int, max_bytes: int, max_unknown: int, unknown_for: float) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._max_unknown = max_unknown
        self._unknown_for = unknown_for
        self._links: OrderedDict[str, Entry] = OrderedDict()
        # Apart from the links, so that a scan of unknown codes pushes none of them out.
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._claims: dict[str, int] = {}
        self._generation = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._links)

    def get(self, code: str) -> Entry | None:
        """The stored link, however old; it counts as used."""
        entry = self._links.get(code)
        if entry is not None:
            self._links.move_to_end(code)
        return entry

    def is_known_missing(self, code: str, *, now: float) -> bool:
        """Whether the database lately said that there is no such code."""
        read_at = self._unknown.get(code)
        return read_at is not None and now - read_at < self._unknown_for

    def claim(self, codes: Iterable[str]) -> int:
        """Announces a read of these codes; the number goes with its answer to `settle` or `release`."""
        self._generation += 1
        for code in codes:
            self._claims[code] = self._generation
        return self._generation

    def settle(self, code: str, generation: int, entry: Entry | None, *, read_at: float) -> bool:
        """Stores what was read (None: no such code); False, and nothing stored, when it has to be read again."""
        if self._claims.get(code) != generation:
            return False
        del self._claims[code]
        self._remove(code)
        if entry is None:
            self._store_unknown(code, read_at)
        else:
            self._store(code, entry)
        return True

    def release(self, codes: Iterable[str], generation: int) -> None:
        """Gives up the claims of a read that failed."""
        for code in codes:
            if self._claims.get(code) == generation:
                del self._claims[code]

    def drop(self, code: str) -> bool:
        """Forgets what is known or being read about the code; whether a link was stored."""
        self._claims.pop(code, None)
        return self._remove(code)

    def _remove(self, code: str) -> bool:
        self._unknown.pop(code, None)
        entry = self._links.pop(code, None)
        if entry is not None:
            self.bytes -= size_of(code, entry)
        return entry is not None

    def _store(self, code: str, entry: Entry) -> None:
        self._links[code] = entry
        self.bytes += size_of(code, entry)
        while len(self._links) > self._max_entries or self.bytes > self._max_bytes:
            old_code, old_entry = self._links.popitem(last=False)
            self.bytes -= size_of(old_code, old_entry)

    def _store_unknown(self, code: str, read_at: float) -> None:
        self._unknown[code] = read_at
        if len(self._unknown) > self._max_unknown:
            self._unknown.popitem(last=False)
