"""The lane and the route are the same thing: the same bytes, the same end of the connection, the same clicks."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from redirect.config import RedirectConfig
from tests.redirect.house import Owner
from tests.redirect.lane_corpus import CASES, corpus, shortest, splits, whole_ones
from tests.redirect.lane_pair import Pair, make_links, pair_of
from tests.redirect.lane_side import LOOPBACK, OF_MANY_ADDRESSES

pytestmark = [pytest.mark.database, OF_MANY_ADDRESSES]

SHARE_OF_CASES = 0.3  # at least; most of the corpus is what the lane must not take
SHARE_OF_SPLITS = 0.3


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that workers have."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def pair(owner: Owner, config: RedirectConfig, tmp_path: Path) -> AsyncIterator[Pair]:
    await make_links(owner)
    # Nobody asks for too many unknown codes, and they stay unknown: no answer depends on the time.
    config = replace(config, trusted_proxies=(LOOPBACK,), unknown_for=3_600.0, unknown_per_minute=1_000_000)
    async with pair_of(config, tmp_path) as pair:
        yield pair


async def test_every_case_of_the_corpus_has_the_same_bytes_end_and_clicks(pair: Pair) -> None:
    cases = corpus()
    assert len(cases) >= CASES
    await pair.agree(cases)
    assert pair.share_taken() >= SHARE_OF_CASES


async def test_requests_that_arrive_in_two_parts_are_the_same(pair: Pair) -> None:
    await pair.agree([*splits(shortest())])
    assert pair.share_taken() >= SHARE_OF_SPLITS


@pytest.mark.nightly
async def test_every_request_that_arrives_in_two_parts_is_the_same(pair: Pair) -> None:
    for case in whole_ones():
        await pair.agree([*splits([case])])
