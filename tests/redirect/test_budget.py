"""How many unknown codes a client may ask for."""

import asyncio
from dataclasses import replace
from ipaddress import ip_address

import pytest

from redirect.budget import UnknownBudget, client_key
from redirect.config import RedirectConfig
from tests.redirect.house import OLD, Owner, Visitor

HERE, THERE = b"\xcb\x00\x71", b"\xc6\x33\x64"


def charged(budget: UnknownBudget, times: int, *, now: float = 0.0, client: bytes = HERE) -> int:
    """How many of so many unknown codes were let through."""
    count = 0
    for _ in range(times):
        if not budget.is_spent(client, now=now):
            budget.charge(client, now=now)
            count += 1
    return count


@pytest.fixture
def budget() -> UnknownBudget:
    return UnknownBudget(per_minute=60, max_clients=10)


def test_a_minutes_worth_may_be_spent_at_once_and_comes_back_over_time(budget: UnknownBudget) -> None:
    assert charged(budget, 100) == 60
    assert charged(budget, 100, now=0.5) == 0
    assert charged(budget, 100, now=10.0) == 10
    assert charged(budget, 100, now=10_000.0) == 60


def test_a_client_spends_only_its_own(budget: UnknownBudget) -> None:
    charged(budget, 100)
    assert charged(budget, 5, client=THERE) == 5


@pytest.mark.parametrize(("per_minute", "seconds"), [(60, 1), (120, 1), (6, 10), (1, 60)])
def test_it_is_told_when_to_come_back(per_minute: int, seconds: int) -> None:
    budget = UnknownBudget(per_minute=per_minute, max_clients=10)
    charged(budget, 1_000)
    assert budget.retry_after(HERE, now=0.0) == seconds
    assert not budget.is_spent(HERE, now=float(seconds))


def test_codes_asked_for_at_once_are_not_held_against_the_time_after(budget: UnknownBudget) -> None:
    for _ in range(1_000):
        budget.charge(HERE, now=0.0)
    assert charged(budget, 100, now=1.0) == 1


def test_ever_new_clients_take_bounded_memory(budget: UnknownBudget) -> None:
    for number in range(1_000):
        budget.charge(number.to_bytes(3), now=0.0)
    assert len(budget) == 10


@pytest.mark.database
class TestAtTheDoor:
    @pytest.fixture
    def config(self, config: RedirectConfig) -> RedirectConfig:
        return replace(config, unknown_per_minute=5, unknown_for=0.0, clock=lambda: 1_000.0, max_unknown=0)

    async def test_a_scan_is_stopped_and_known_links_still_open(self, owner: Owner, visitor: Visitor) -> None:
        await owner.make("cached")
        assert await visitor.visit("cached") == OLD
        assert [await visitor.visit(f"scan{number}") for number in range(7)] == [404] * 5 + [429] * 2
        assert await visitor.visit("cached") == OLD
        answer = await visitor.get("/another")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "12")
        assert answer.headers["cache-control"] == "no-store"

    async def test_any_number_of_known_links_may_be_opened_at_once(self, owner: Owner, visitor: Visitor) -> None:
        for number in range(20):
            await owner.make(f"known{number}")
        codes = [f"known{number}" for number in range(20)]
        assert await asyncio.gather(*(visitor.visit(code) for code in codes)) == [OLD] * 20
        assert [await visitor.visit(code) for code in codes] == [OLD] * 20

    async def test_what_cannot_be_a_code_costs_nothing(self, visitor: Visitor) -> None:
        assert [await visitor.visit("not.a.code") for _ in range(20)] == [404] * 20
        assert await visitor.visit("scan") == 404


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("198.51.100.1", "198.51.100.254", True),
        ("198.51.100.1", "198.51.101.1", False),
        ("2001:db8:2:3::1", "2001:db8:2:3:ffff::2", True),
        ("2001:db8:2:3::1", "2001:db8:2:4::1", False),
    ],
)
def test_a_budget_belongs_to_a_network(one: str, other: str, are_same: bool) -> None:
    assert (client_key(ip_address(one)) == client_key(ip_address(other))) is are_same
