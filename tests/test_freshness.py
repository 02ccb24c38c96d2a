"""How soon after its redirect a click is counted, and that the answer says as of when: measured on a running Kurz."""

import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.serving import DEADLINE_S, open_folder, run_kurz, serving, until
from tests.visiting import Visits, make_links

pytestmark = [pytest.mark.database, pytest.mark.nightly]

VISITS = 200
LATEST_S, MEDIAN_S = 2.0, 1.2
LOOK_S = 0.02
TOTALS = "{ workspace { analytics(range: {period: LAST_24_HOURS}) { asOf totals { clicks } } } }"


class Counter:
    """Asks the API again and again how many clicks there are; `seen_at[n]` is when the count first was above n."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._ended = threading.Event()
        self.seen_at: list[float] = []
        self.answers: list[tuple[datetime, datetime, datetime]] = []  # asked, as of, answered

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts meanwhile."""
        thread = threading.Thread(target=self._count)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _count(self) -> None:
        with httpx.Client(headers=self._headers, timeout=DEADLINE_S, verify=False) as client:
            while not self._ended.wait(LOOK_S):
                asked_at = datetime.now(UTC)
                answer: dict[str, Any] = client.post(f"{self._url}/graphql", json={"query": TOTALS}).json()
                found = answer["data"]["workspace"]["analytics"]
                self.answers.append((asked_at, datetime.fromisoformat(found["asOf"]), datetime.now(UTC)))
                more = int(found["totals"]["clicks"]) - len(self.seen_at)
                self.seen_at += [time.monotonic()] * more


def test_a_click_is_counted_within_two_seconds(database_url: str) -> None:
    chance = random.Random(11)
    settings = {"KURZ_RATE_LIMIT": "off"}
    with open_folder() as folder, serving(folder, database_url=database_url, settings=settings) as kurz:
        make_links(database_url, known="https://example.com/")
        key = run_kurz("keys", "create", "tests", settings={"KURZ_DATABASE_URL": database_url}).stdout.strip()
        counter, visits, answered_at = Counter(kurz.url, key), Visits(kurz.url), []
        with counter.counting():
            for _ in range(VISITS):
                visits.one("known")
                answered_at.append(time.monotonic())
                time.sleep(chance.uniform(0.02, 0.3))
            until(lambda: len(counter.seen_at) >= VISITS)
    # One worker passes its segments on in order: the n-th count is of the n-th visit.
    took = [seen - answered for answered, seen in zip(answered_at, counter.seen_at, strict=True)]
    figures = {"median": statistics.median(took), "most": max(took)}
    assert figures["most"] <= LATEST_S and figures["median"] <= MEDIAN_S, figures
    assert all(asked <= as_of <= answered for asked, as_of, answered in counter.answers)
