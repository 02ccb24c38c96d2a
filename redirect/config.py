"""What the redirect is told by the server: where the database is, and how long it may wait or believe."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectConfig:
    """Durations are seconds; `clock` is monotonic, `now` says when visits happen, in nanoseconds since 1970.

    Only the URLs have no default.
    """

    database_url: str = field(repr=False)
    direct_database_url: str = field(repr=False)
    domain_id: int | None = None  # None: read from the instance's row as soon as the database can be asked
    pool_size: int = 4
    trusted_proxies: tuple[str, ...] = ()
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], int] = time.time_ns  # no function of our own: it is called for each redirect

    start_within: float = 1.0  # a start waits so long for the database, then goes on without it

    # The cache
    max_entries: int = 100_000
    max_bytes: int = 64 * 2**20
    max_unknown: int = 10_000
    unknown_for: float = 1.0
    fresh_for: float = 5.0
    max_stale: float = 24 * 3600.0

    # LISTEN
    heartbeat_every: float = 1.0
    lost_after: float = 2.0
    reconnect_every: float = 0.5

    # Asking the database: a cached link has an answer without it, so it waits less
    revalidate_within: float = 0.1
    miss_within: float = 1.0
    probe_every: float = 1.0

    # Unknown codes per client
    unknown_per_minute: int = 60
    max_clients: int = 65_536
