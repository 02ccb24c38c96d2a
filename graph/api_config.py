"""The API's settings, as the server gives them; apart from what executes operations, which takes long to import."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from graph.rate import RateLimiter
from models.click_reads import MAX_CLICKS_READ

DEADLINE_S: Final = 10
ANALYTICS_DEADLINE_S: Final = 8
MAX_QUERY_COST: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The API's settings. `base_url` has no slash at its end; `clock` answers aware UTC times.

    An operation that takes longer than `deadline_s` is given up, and before that, after `analytics_deadline_s`, what
    is not yet known about clicks. One statement reads at most `most_clicks_read` clicks.
    """

    base_url: str
    own_hosts: frozenset[str]
    allow_private_targets: bool
    clock: Callable[[], datetime]
    deadline_s: float = DEADLINE_S
    analytics_deadline_s: float = ANALYTICS_DEADLINE_S
    most_clicks_read: int = MAX_CLICKS_READ
    # Points; without a limiter operations are not charged, but none may cost more than `max_query_cost`.
    rate_limiter: RateLimiter | None = None
    max_query_cost: int = MAX_QUERY_COST
    click_retention_days: int | None = None

    @property
    def most_points(self) -> int:
        """What one operation may cost: also no more than a full budget, which it would wait for in vain."""
        limiter = self.rate_limiter
        return min(self.max_query_cost, limiter.rate.capacity) if limiter else self.max_query_cost
