"""What a resolver may reach: its share of the database, loaders, who asks and the clock. Never a connection."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import strawberry

from graph.database_share import DatabaseShare
from graph.failures import ApiFailure, FailureCode
from graph.ids import Node
from graph.loaders import Loaders, make_loaders
from graph.principals import Principal
from graph.rate import RateLimiter
from models.click_reads import MAX_CLICKS_READ
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.targets import TargetPolicy
from recording.feed import ClickFeed

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


@dataclass(slots=True, kw_only=True)
class Context:
    """One operation's: made by `Operations`, reached by resolvers as `info.context`."""

    store: Database
    config: ApiConfig
    instance: InstanceRecord
    on_created: Callable[[str], None]
    request_id: str
    # Who asks; None without a credential, and then little can be asked for.
    caller: Principal | None
    # The caller's address, which is kept in memory only; empty when unknown.
    client: str = ""
    # What `node` does. Passed in, since what it finds has fields that ask for it.
    find_node: Callable[[str, "Context"], Awaitable[Node | None]]
    # Clicks as they are stored.
    feed: ClickFeed
    database: DatabaseShare = field(init=False)
    _loaders: Loaders | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.database = DatabaseShare(
            self.store,
            deadline_s=self.config.deadline_s,
            analytics_deadline_s=self.config.analytics_deadline_s,
            on_written=self._forget,
        )

    def _forget(self) -> None:
        """Read everything anew: one mutation of an operation changes what the next one shows."""
        self._loaders = None

    @property
    def loaders(self) -> Loaders:
        """The operation's loaders, made when the first is needed: many an operation needs none."""
        if self._loaders is None:
            self._loaders = make_loaders(
                self.database,
                workspace_id=self.caller.workspace_id if self.caller else None,
                most_clicks_read=self.config.most_clicks_read,
            )
        return self._loaders

    def give_up(self) -> None:
        """End early, since nobody waits for the answer; but what began to change something is carried through."""
        if not self.database.has_changed:
            self.database.end()

    @property
    def principal(self) -> Principal:
        """Who asks; raises UNAUTHENTICATED when no credential was sent."""
        if self.caller is None:
            message = "Send an API key or an access token: `Authorization: Bearer ...`."
            raise ApiFailure(FailureCode.UNAUTHENTICATED, message)
        return self.caller

    @property
    def workspace_id(self) -> WorkspaceId:
        """The workspace the caller acts in: the only one this request can see."""
        return self.principal.workspace_id

    @property
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self.config.clock()

    @property
    def target_policy(self) -> TargetPolicy:
        """Which destinations this server allows."""
        return TargetPolicy(own_hosts=self.config.own_hosts, allow_private=self.config.allow_private_targets)


Info = strawberry.Info[Context, None]
