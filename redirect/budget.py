"""How many unknown codes a client may ask the database for."""

import math
from collections import OrderedDict

from recording.client import Address

MINUTE_S = 60.0


class UnknownBudget:
    """A minute of credit per client, in memory only and for a bounded number of clients; time gives it back.

    Charged after the fact and only for codes that turned out unknown: many uncached known links at once cost nothing.
    """

    def __init__(self, *, per_minute: int, max_clients: int) -> None:
        self._price = MINUTE_S / per_minute
        self._max_clients = max_clients
        self._credits: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # (seconds left, as of)

    def __len__(self) -> int:
        return len(self._credits)

    def is_spent(self, client: bytes, *, now: float) -> bool:
        """Whether this client's next unknown code is one too many."""
        return self._missing(client, now) > 0

    def charge(self, client: bytes, *, now: float) -> None:
        """Counts one unknown code."""
        # Not below nothing: questions that were asked at the same time are not held against the time after.
        self._credits[client] = (max(self._left(client, now) - self._price, 0.0), now)
        self._credits.move_to_end(client)
        if len(self._credits) > self._max_clients:
            self._credits.popitem(last=False)

    def retry_after(self, client: bytes, *, now: float) -> int:
        """Whole seconds until one more code may be asked."""
        return max(1, math.ceil(self._missing(client, now)))

    def _missing(self, client: bytes, now: float) -> float:
        return round(self._price - self._left(client, now), 6)  # a price like 60/7 does not add up exactly

    def _left(self, client: bytes, now: float) -> float:
        left, as_of = self._credits.get(client, (MINUTE_S, now))
        return min(MINUTE_S, left + now - as_of)


def client_key(address: Address | None) -> bytes:
    """The network a budget belongs to: /24 or /64, which one customer commonly has to himself."""
    if address is None:
        return b""
    return address.packed[:3] if address.version == 4 else address.packed[:8]
