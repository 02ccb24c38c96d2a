"""What a document costs before it runs: parsing, the guard, validation, its price; seen before, and new."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from graphql import ExecutionResult
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from benchmarks.dashboards import page_of_links
from graph.api_config import ApiConfig
from graph.asked import Asked
from graph.operations import QUERIES, Caller, Operations
from graph.principals import Principal
from graph.rate import RateLimit, RateLimiter
from models.database import Database, make_engine
from models.ids import DomainId, KeyId, WorkspaceId
from models.instance import InstanceRecord
from models.keys import KeyRecord, Scope

TIMES = 1_000
DOCUMENTS = {"`{ viewer { scopes } }`": "{ viewer { scopes } }", "the dashboard": page_of_links("CODE")}


class Stopped(StrawberryGraphQLCoreExecutionContext):
    """Answers nothing, at once."""

    def execute_operation(self, *_: object) -> ExecutionResult:
        """The empty answer."""
        return ExecutionResult({}, None)


def before_execution() -> dict[str, dict[str, float]]:
    """Milliseconds of CPU for each document, up to its execution and from its end to the answer; medians."""
    return asyncio.run(_all())


async def _all() -> dict[str, dict[str, float]]:
    operations = _operations()
    operations.schema.execution_context_class = Stopped
    return {
        name: {"repeated": await _median(operations, [text] * TIMES), "new": await _median(operations, _varied(text))}
        for name, text in DOCUMENTS.items()
    }


def _varied(text: str) -> list[str]:
    return [f"{text} # {number}" for number in range(TIMES)]


def _operations() -> Operations:
    """With the limits on; the database is never asked."""
    config = ApiConfig(
        base_url="http://localhost",
        own_hosts=frozenset(),
        allow_private_targets=False,
        clock=lambda: datetime.now(UTC),
        rate_limiter=RateLimiter(RateLimit(1_000_000_000, 1_000_000_000)),
    )
    return Operations(
        database=Database(make_engine("postgresql://nobody@localhost/none")),
        config=config,
        instance=InstanceRecord(WorkspaceId(1), DomainId(1)),
        on_created=lambda _: None,
    )


async def _median(operations: Operations, texts: Sequence[str]) -> float:
    key = KeyRecord(
        KeyId(1), WorkspaceId(1), "benchmark", "0" * 12, frozenset(Scope), datetime.now(UTC), None, None, None
    )  # fmt: skip
    taken = []
    for text in texts:
        asked = Asked(text, None, None)
        begin = time.thread_time()
        result = await operations.run(
            asked, caller=Caller(principal=Principal.of_key(key), request_id="1", client=""), kinds=QUERIES
        )
        taken.append((time.thread_time() - begin) * 1000)
        if result.errors:
            raise RuntimeError(result.errors)
    return statistics.median(taken)
