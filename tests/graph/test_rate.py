"""Budgets: the arithmetic of a bucket, several processes on one table, and what a client is told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.asked import Asked
from graph.charges import MESSAGES_PER_POINT, MessageCharge, credential_of
from graph.context import Context
from graph.failures import ApiFailure
from graph.operations import Caller
from graph.rate import SECOND, SETS, SLOTS_PER_SET, RateLimit, RateLimiter, make_table
from graph.subscriptions import Subscriptions
from models.database import Database
from tests.graph.api import CREATE, Api, error_codes, make_api

ROOT = Path(__file__).parents[2]


@dataclass
class Ticks:
    """Monotonic nanoseconds, as a test sets them."""

    now: int = 1_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@dataclass
class Bucket:
    """One credential's bucket with a clock."""

    capacity: int = 100
    per_second: int = 10
    clock: Ticks = field(default_factory=Ticks)

    def __post_init__(self) -> None:
        self.limiter = RateLimiter(RateLimit(self.capacity, self.per_second), clock=self.clock)

    def take(self, points: int) -> tuple[int, int | None]:
        """What remains, and after how long to try again."""
        budget = self.limiter.take("me", points)
        return budget.remaining, budget.retry_after


def test_a_budget_is_spent_and_comes_back() -> None:
    bucket = Bucket()
    assert bucket.take(60) == (40, None)
    assert bucket.take(41) == (40, 1)  # refused, and nothing is taken
    bucket.clock.advance(0.1)
    assert bucket.take(41) == (0, None)
    assert bucket.take(25) == (0, 3)
    bucket.clock.advance(3)
    assert bucket.take(25) == (5, None)
    bucket.clock.advance(3_600)
    assert bucket.take(0) == (100, None)  # never more than full


def test_points_given_back_are_there_again() -> None:
    bucket = Bucket()
    bucket.take(100)
    assert bucket.limiter.give_back("me", 70).remaining == 70
    assert bucket.limiter.give_back("me", 70).remaining == 100
    assert bucket.take(100) == (0, None)


def test_each_credential_has_its_own_bucket() -> None:
    limiter = RateLimiter(RateLimit(10, 1), clock=Ticks())
    for number in range(1_000):
        assert limiter.take(f"key {number}", 10).retry_after is None
        assert limiter.take(f"key {number}", 1).retry_after == 1


def test_a_full_table_forgets_the_fullest_buckets_first() -> None:
    limiter = RateLimiter(RateLimit(1_000_000, 1), clock=Ticks())
    limiter.take("mine", 1_000_000)
    for number in range(SETS * SLOTS_PER_SET):
        assert limiter.take(f"passer-by {number}", 1).retry_after is None
    assert limiter.take("mine", 1).remaining == 0


@settings(max_examples=200, deadline=None)
@given(
    capacity=st.integers(1, 10_000),
    per_second=st.integers(1, 10_000),
    asked=st.lists(st.tuples(st.integers(0, 12_000), st.integers(-12_000, 20_000)), max_size=60),
)
def test_no_sequence_gets_more_than_the_capacity_and_what_came_back(
    capacity: int, per_second: int, asked: list[tuple[int, int]]
) -> None:
    clock = Ticks()
    limiter, began, spent = RateLimiter(RateLimit(capacity, per_second), clock=clock), clock.now, 0
    for milliseconds, points in asked:
        clock.advance(milliseconds / 1_000)
        if points < 0:
            returned = min(-points, spent)
            spent -= returned
            limiter.give_back("me", returned)
            continue
        before = limiter.take("me", 0)
        budget = limiter.take("me", points)
        assert 0 <= budget.remaining <= capacity
        if budget.retry_after is None:
            spent += points
            assert points <= before.remaining + 1
        else:
            assert points > before.remaining
            clock.advance(budget.retry_after)
            assert (limiter.take("me", points).retry_after is None) == (points <= capacity)
            spent += points if points <= capacity else 0
        # Rounding down to a nanosecond gives away less than a point for each time something is taken.
        assert spent <= capacity + (clock.now - began) * per_second / SECOND + len(asked)


TAKING = """
import json, sys
from graph.rate import SECOND, RateLimit, RateLimiter
table, steps = int(sys.argv[1]), int(sys.argv[2])
now = 1_000 * SECOND
limiter = RateLimiter(RateLimit(4_000, 200), table=table, clock=lambda: now)
print("ready", flush=True)
for line in sys.stdin:
    now = int(line)
    had = 0
    for _ in range(steps):
        had += limiter.take("key 1", 1).retry_after is None
    print(json.dumps(had), flush=True)
"""


@contextmanager
def processes(number: int, *arguments: int, table: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Processes that take points of one credential, each time a line tells them how late it is."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", TAKING, str(table), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[table],
            cwd=ROOT,
        )
        for _ in range(number)
    ]
    try:
        for process in running:
            assert process.stdout and process.stdout.readline() == "ready\n"
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_processes_share_a_budget_within_a_tenth() -> None:
    table, had = make_table(), 0
    with processes(4, 2_000, table=table) as running:
        for second in range(4):
            for process in running:
                assert process.stdin
                process.stdin.write(f"{(1_000 + second) * SECOND}\n")
                process.stdin.flush()
            for process in running:
                assert process.stdout
                had += json.loads(process.stdout.readline())
    os.close(table)
    allowed = 4_000 + 3 * 200
    assert 0.9 * allowed <= had <= 1.1 * allowed


HOLDING = """
import sys, time
from graph.rate import RateLimit, RateLimiter
limiter = RateLimiter(RateLimit(10, 1), table=int(sys.argv[1]))
for start in range(32, 32 + 8_192 * 128, 128):
    assert limiter._lock(start)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("blow", [signal.SIGSTOP, signal.SIGKILL])
def test_a_process_that_holds_every_lock_stops_nobody(blow: signal.Signals) -> None:
    table = make_table()
    command = [sys.executable, "-c", HOLDING, str(table)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[table], cwd=ROOT) as holder:
        try:
            assert holder.stdout and holder.stdout.readline() == b"ready\n"
            holder.send_signal(blow)
            if blow is signal.SIGKILL:
                holder.wait()
            limiter = RateLimiter(RateLimit(10, 1), table=table, clock=Ticks())
            assert limiter.take("me", 10).retry_after is None
            assert limiter.take("me", 1).retry_after == 1
            assert limiter._lock(32) is (blow is signal.SIGKILL)
        finally:
            holder.kill()
    os.close(table)


@dataclass
class Limited:
    """An API with a budget of 100 points, of which 10 come back in a second."""

    api: Api
    clock: Ticks

    async def links(self, first: int, **given: str) -> httpx.Response:
        """An answer that costs 1 with no links, and `first` more while it runs."""
        document = "query ($n: Int) { links(first: $n) { nodes { id } } }"
        return await self.api.post(document, {"n": first}, **given)


@pytest.fixture
async def limited(database: Database) -> AsyncIterator[Limited]:
    clock = Ticks()
    api = await make_api(database, rate_limiter=RateLimiter(RateLimit(100, 10), clock=clock))
    async with api.client:
        yield Limited(api, clock)


@pytest.mark.database
async def test_an_answer_tells_the_budget_and_gives_back_what_was_not_used(limited: Limited) -> None:
    for remaining in (99, 98):
        told = (await limited.links(50)).json()["extensions"]["cost"]
        assert told == {"requested": 51, "actual": 1, "limit": 100, "remaining": remaining, "restoreRate": 10}
    limited.clock.advance(60)
    assert (await limited.links(50)).json()["extensions"]["cost"]["remaining"] == 99


@pytest.mark.database
async def test_a_spent_budget_answers_429_and_when_to_come_back(limited: Limited) -> None:
    variables = {"input": {"destinationUrl": "https://example.com/"}}
    for _ in range(9):
        assert (await limited.api.post(CREATE, variables)).status_code == 200
    refused = await limited.api.post(CREATE, variables)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    body = refused.json()
    assert error_codes(refused) == ["RATE_LIMITED"]
    assert body["errors"][0]["extensions"]["retryAfter"] == 1
    assert "data" not in body
    assert body["extensions"]["cost"] == {
        "requested": 11,
        "actual": 0,
        "limit": 100,
        "remaining": 1,
        "restoreRate": 10,
    }
    limited.clock.advance(1)
    assert (await limited.api.post(CREATE, variables)).status_code == 200
    limited.clock.advance(10)
    counted = await limited.api.ask("{ links(first: 0) { totalCount } }")
    assert counted == {"links": {"totalCount": 10}}  # the refused one made nothing


@pytest.mark.database
async def test_a_spent_budget_reads_no_document_more(limited: Limited) -> None:
    answers = [await limited.api.post(f"{{ nothing{number} }}") for number in range(101)]
    assert [answer.status_code for answer in answers] == [422] * 100 + [429]


@pytest.mark.database
async def test_an_operation_may_cost_no_more_than_a_full_budget(limited: Limited) -> None:
    refused = await limited.links(100)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["extensions"] == {"code": "QUERY_TOO_COMPLEX", "requested": 101, "limit": 100}
    assert (await limited.api.ask("{ workspace { limits { maxQueryCost } } }"))["workspace"]["limits"] == {
        "maxQueryCost": 100
    }


@pytest.mark.database
async def test_keys_and_those_without_one_have_their_own_budgets(limited: Limited) -> None:
    other = await limited.api.new_key()
    introspection = "{ __schema { queryType { name } } }"
    assert (await limited.api.post(introspection)).status_code == 200
    assert (await limited.api.post(introspection)).status_code == 429
    assert (await limited.api.post(introspection, key=other)).status_code == 200
    assert (await limited.api.post(introspection, key="")).status_code == 200
    assert (await limited.api.post(introspection, key="")).status_code == 429


def context_of(api: Api, client: str) -> Context:
    return api.operations.context_for(Caller(principal=None, request_id="", client=client))


@pytest.mark.database
async def test_an_address_pays_for_its_network(api: Api) -> None:
    def payer(client: str) -> str:
        return credential_of(context_of(api, client))

    assert payer("192.0.2.1") != payer("192.0.2.2")
    assert payer("2001:db8::1") == payer("2001:db8::ffff:1")
    assert payer("2001:db8::1") != payer("2001:db8:0:1::1")
    assert payer("") == payer("no address")


@pytest.mark.database
async def test_every_twentieth_message_costs_a_point(limited: Limited) -> None:
    context = context_of(limited.api, "192.0.2.1")
    charge = MessageCharge(context)
    for _ in range(100 * MESSAGES_PER_POINT + MESSAGES_PER_POINT - 1):
        charge.pay(0)
    with pytest.raises(ApiFailure) as refused:
        charge.pay(0)
    assert (refused.value.extensions or {})["code"] == "RATE_LIMITED"


@pytest.mark.database
async def test_a_subscription_pays_before_it_begins(limited: Limited) -> None:
    caller = Caller(principal=await limited.api.operations.sign_in.principal(limited.api.key), request_id="", client="")
    context = limited.api.operations.context_for(caller)
    assert context.config.rate_limiter
    context.config.rate_limiter.take(credential_of(context), 95)
    asked = Asked(query="subscription { clickRecorded { cursor } }", variables=None, operation_name=None)
    told = [message async for message in Subscriptions(limited.api.operations).messages(asked, caller=caller)]
    assert [message.is_refusal for message in told] == [True]
    body = json.loads(told[0].body)
    assert body["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert body["extensions"]["cost"]["requested"] == 10


@pytest.mark.database
async def test_a_long_document_can_be_read_with_a_small_budget(database: Database) -> None:
    limiter = RateLimiter(RateLimit(capacity=10, per_second=1), clock=lambda: 10**9)
    api = await make_api(database, rate_limiter=limiter)
    assert (await api.post("{ viewer { scopes } } # " + "-" * 20_000)).status_code == 200
