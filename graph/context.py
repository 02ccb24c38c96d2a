"""What a resolver may reach: its share of the database, loaders, who asks and the clock. Never a connection."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import strawberry

from graph.api_config import ApiConfig
from graph.database_share import DatabaseShare
from graph.failures import ApiFailure, FailureCode
from graph.ids import Node
from graph.loaders import Loaders, make_loaders
from graph.plans import Plans
from graph.principals import Principal
from models.database import Database
from models.ids import WorkspaceId
from models.instance import InstanceRecord
from models.targets import TargetPolicy
from recording.feed import ClickFeed


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
    # How the document is executed, once it is known to be valid.
    plans: Plans | None = None
    database: DatabaseShare = field(init=False)
    _loaders: Loaders | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.database = DatabaseShare(
            self.store,
            workspace_id=self.caller.workspace_id if self.caller else None,
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
