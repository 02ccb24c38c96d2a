"""What a resolver may reach: the database, loaders, the caller's key and the clock. Never a connection."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import strawberry

from graph.failures import ApiFailure, FailureCode
from graph.ids import Node
from graph.loaders import Loaders
from models.click_reads import MAX_CLICKS_READ
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.keys import KeyRecord
from models.targets import TargetPolicy

DEADLINE_S: Final = 10
ANALYTICS_DEADLINE_S: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The API's settings. `base_url` has no slash at its end; `clock` answers aware UTC times.

    A request that takes longer than `deadline_s` is given up, and before that, after `analytics_deadline_s`, what is
    not yet known about clicks. One statement reads at most `most_clicks_read` clicks.
    """

    base_url: str
    own_hosts: frozenset[str]
    allow_private_targets: bool
    clock: Callable[[], datetime]
    deadline_s: float = DEADLINE_S
    analytics_deadline_s: float = ANALYTICS_DEADLINE_S
    most_clicks_read: int = MAX_CLICKS_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One request's: made by the endpoint, reached by resolvers as `info.context`."""

    database: Database
    config: ApiConfig
    instance: InstanceRecord
    on_created: Callable[[str], None]
    request_id: str
    presented_key: KeyRecord | None
    loaders: Loaders
    # What `node` does. Passed in, since what it finds has fields that ask for it.
    find_node: Callable[[str, "Context"], Awaitable[Node | None]]

    @property
    def key(self) -> KeyRecord:
        """The caller's key; raises UNAUTHENTICATED when none was sent."""
        if self.presented_key is None:
            raise ApiFailure(FailureCode.UNAUTHENTICATED, "Send an API key: `Authorization: Bearer kurz_...`.")
        return self.presented_key

    @property
    def workspace_id(self) -> WorkspaceId:
        """The workspace of the caller's key: the only one this request can see."""
        return self.key.workspace_id

    @property
    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self.config.clock()

    @property
    def target_policy(self) -> TargetPolicy:
        """Which destinations this server allows."""
        return TargetPolicy(own_hosts=self.config.own_hosts, allow_private=self.config.allow_private_targets)


Info = strawberry.Info[Context, None]
