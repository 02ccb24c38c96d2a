"""Any sequence of requests and of what changes their answers: the lane's server and the route's answer alike."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redirect.config import RedirectConfig
from tests.proxy import PostgresProxy
from tests.redirect.house import PATIENT, Clock, Owner
from tests.redirect.lane_case import pieces_of, request
from tests.redirect.lane_side import LOOPBACK, OF_MANY_ADDRESSES, side
from tests.redirect.lane_world import CODES, World

pytestmark = [pytest.mark.database, OF_MANY_ADDRESSES]

SHARE_TAKEN = 0.1  # at least; outages leave less to it
ALIKE = settings(deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(ALIKE, max_examples=500, derandomize=True)
THOROUGH = settings(ALIKE, max_examples=20_000)


class Step(Protocol):
    """Something that happens to both sides."""

    async def happens_to(self, world: World) -> None: ...


@dataclass(frozen=True)
class Asking:
    """Requests sent without waiting for answers, cut somewhere into pieces."""

    requests: tuple[tuple[bytes, bytes], ...]  # method and bytes
    cuts: tuple[float, ...]

    async def happens_to(self, world: World) -> None:
        whole = b"".join(raw for _, raw in self.requests)
        pieces = pieces_of(whole, [round(cut * len(whole)) for cut in self.cuts])
        await world.ask(pieces, [method for method, _ in self.requests])


@dataclass(frozen=True)
class Changing:
    """A link is edited, switched or deleted."""

    how: str
    code: str

    async def happens_to(self, world: World) -> None:
        await {"edit": world.edit, "switch": world.switch, "delete": world.delete}[self.how](self.code)


@dataclass(frozen=True)
class Waiting:
    """Time passes."""

    seconds: float

    async def happens_to(self, world: World) -> None:
        world.wait(self.seconds)


@dataclass(frozen=True)
class Losing:
    """The database goes away, or only its word of changes; or all comes back."""

    wholly: bool

    async def happens_to(self, world: World) -> None:
        await (world.restore() if world.is_away else world.take_away(wholly=self.wholly))


@dataclass(frozen=True)
class Stopping:
    """A shutdown begins, for this connection after the beginning of a request; None: while an answer is awaited."""

    beginning: bytes | None

    async def happens_to(self, world: World) -> None:
        await (world.shut_down_busy() if self.beginning is None else world.shut_down(self.beginning))


METHODS = st.sampled_from((b"GET", b"GET", b"GET", b"HEAD", b"POST"))
TARGETS = st.sampled_from(
    (
        *(f"/{code}{rest}".encode() for code in CODES for rest in ("", "", "/", "?utm_source=a", "?x#y")),
        *(f"http://kurz.test/{CODES[0]}".encode(), b"/%61bc", b"/unknown", b"/robots.txt", b"/abc%0A"),
    )
)
HEADERS = st.lists(
    st.sampled_from(
        (
            *(
                b"User-Agent: a",
                b"User-Agent: b",
                b"DNT: 1",
                b"X-Forwarded-For: 198.51.100.7",
                b"X-Forwarded-For: 2001:db8::1, 127.0.0.1",
                b"Forwarded: for=198.51.100.8",
                b"Accept: application/json",
            ),
            *(b"Referer: https://a.example/b", b"Content-Length: 0", b"Expect: 100-continue", b"Sec-Purpose: prefetch"),
            *(b"Connection: keep-alive", b"Connection: close"),
        )
    ),
    max_size=2,
)
REQUESTS = st.builds(
    lambda method, target, headers, version: (method, request(target, *headers, method=method, version=version)),
    *(METHODS, TARGETS, HEADERS, st.sampled_from((b"HTTP/1.1",) * 9 + (b"HTTP/1.0",))),
)
ASKINGS = st.builds(
    Asking,
    st.lists(REQUESTS, min_size=1, max_size=4).map(tuple),
    st.lists(st.floats(0, 1), max_size=2).map(tuple),
)
CHANGES = st.builds(Changing, st.sampled_from(("edit", "edit", "switch", "delete")), st.sampled_from(CODES))
WAITS = st.builds(Waiting, st.sampled_from((0.5, 1.5, 6.0, 2 * PATIENT, 3_600.0, 90_000.0)))
STOPS = st.builds(Stopping, st.sampled_from((b"", b"GET /abc HT", b"POST / HTTP/1.1\r\nHost: x\r\n", None)))
STEPS = st.lists(
    st.integers(0, 19).flatmap(lambda die: WAITS if die < 3 else CHANGES if die < 5 else STOPS if die < 6 else ASKINGS),
    min_size=1,
    max_size=8,
)
PLAIN = st.builds(lambda code: Asking(((b"GET", request(f"/{code}".encode())),), ()), st.sampled_from(CODES))
# What can be answered too late: plain requests after changes that nobody has heard of.
UNHEARD = st.lists(CHANGES | WAITS | PLAIN | PLAIN | ASKINGS, min_size=2, max_size=8)
OUTAGES = st.builds(
    lambda before, loss, during, after: [*before, loss, *during, loss, *after],
    *(STEPS, st.builds(Losing, st.booleans()), UNHEARD, STEPS),
)


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that workers have."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def proxies(proxy: PostgresProxy, direct_proxy: PostgresProxy) -> tuple[PostgresProxy, PostgresProxy]:
    return proxy, direct_proxy


@pytest.fixture
async def world(
    owner: Owner, far: RedirectConfig, tmp_path: Path, clock: Clock, proxies: tuple[PostgresProxy, PostgresProxy]
) -> AsyncIterator[World]:
    config = replace(
        far, trusted_proxies=(LOOPBACK,), unknown_per_minute=1_000_000, lost_after=PATIENT, reconnect_every=0.02
    )
    async with (
        side(config, tmp_path / "lane", lane=True) as lane,
        side(config, tmp_path / "route", lane=False) as route,
    ):
        made = World((lane, route), owner, clock, proxies)
        await made.make_links()
        yield made
        made.hang_up()
        assert lane.app.lane
        assert lane.app.lane.taken > route.app.asked.total() * SHARE_TAKEN, "else it is not the lane that is tried"


async def happen(world: World, steps: list[Step]) -> None:
    await world.begin()
    for step in steps:
        world.wait(0.001)
        await step.happens_to(world)
    world.hang_up()
    world.clicks()


@given(steps=STEPS)
@QUICK
async def test_any_sequence_is_answered_alike(world: World, steps: list[Step]) -> None:
    await happen(world, [*steps])


@given(steps=OUTAGES)
@settings(QUICK, max_examples=40)
async def test_any_sequence_with_an_outage_in_it_is_answered_alike(world: World, steps: list[Step]) -> None:
    await happen(world, steps)


@pytest.mark.nightly
@given(steps=STEPS | STEPS | STEPS | OUTAGES)
@THOROUGH
async def test_any_sequence_is_answered_alike_in_full_counts(world: World, steps: list[Step]) -> None:
    await happen(world, [*steps])
