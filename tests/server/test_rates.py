"""The API's budgets in a running `kurz serve`: one for all its workers, also for those that take a dead one's place."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import Kurz, open_folder, serving, until

CAPACITY, PER_SECOND = 60, 1


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


def ask(client: httpx.Client) -> httpx.Response:
    """One operation that costs a point, on a connection of its own, so that any worker may answer it."""
    return client.post("/graphql", json={"query": "{ __typename }"}, headers={"connection": "close"})


def replace_a_worker(kurz: Kurz) -> None:
    before = set(kurz.worker_pids())
    os.kill(min(before), signal.SIGKILL)
    until(lambda: len(set(kurz.worker_pids()) - before) == 1)


def test_workers_share_a_budget_which_outlives_them(folder: Path, database_url: str) -> None:
    rates = {"KURZ_RATE_LIMIT": f"{CAPACITY}/{PER_SECOND}"}
    with (
        serving(folder, database_url=database_url, workers=2, settings=rates) as kurz,
        httpx.Client(base_url=kurz.url, timeout=30) as client,
    ):
        began, answers = time.monotonic(), [ask(client)]
        while answers[-1].status_code == 200:
            answers.append(ask(client))
            restored = (time.monotonic() - began) * PER_SECOND
            assert len(answers) <= 1.1 * (CAPACITY + restored) + 1
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) == 1
        assert len(answers) > CAPACITY

        replace_a_worker(kurz)
        told = ask(client).json()["extensions"]["cost"]
        assert told["limit"] == CAPACITY
        assert told["remaining"] <= (time.monotonic() - began) * PER_SECOND
