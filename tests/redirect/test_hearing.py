"""What LISTEN proves about the age of an answer."""

import pytest

from redirect.hearing import Hearing


@pytest.fixture
def hearing() -> Hearing:
    return Hearing(lost_after=2.0, fresh_for=5.0)


def listen(hearing: Hearing, *, since: float, until: float) -> None:
    hearing.begin(since)
    hearing.beat(sent_at=until, now=until)


@pytest.mark.parametrize(
    ("read_at", "now", "is_current"),
    [(10.0, 11.0, True), (10.0, 100_001.0, True), (99_999.0, 100_002.0, True), (9.9, 100_000.0, False)],
)
def test_while_listening_everything_read_since_is_current(
    hearing: Hearing, read_at: float, now: float, is_current: bool
) -> None:
    listen(hearing, since=10.0, until=100_000.0)
    assert hearing.is_current(read_at, now) is is_current


@pytest.mark.parametrize(
    ("read_at", "now", "is_current"),
    [
        (10.0, 105.0, True),  # as current as the last heartbeat, not as its own read
        (10.0, 105.1, False),
        (101.0, 106.0, True),
        (101.0, 106.1, False),
        (9.0, 103.0, False),  # read before LISTEN began
    ],
)
def test_without_heartbeats_an_answer_is_current_for_five_seconds(
    hearing: Hearing, read_at: float, now: float, is_current: bool
) -> None:
    listen(hearing, since=10.0, until=100.0)
    assert not hearing.is_listening(now)
    assert hearing.is_current(read_at, now) is is_current


def test_without_listen_an_answer_is_current_for_five_seconds(hearing: Hearing) -> None:
    assert hearing.is_current(10.0, 15.0)
    assert not hearing.is_current(10.0, 15.1)


def test_a_known_loss_counts_at_once(hearing: Hearing) -> None:
    listen(hearing, since=10.0, until=100.0)
    hearing.end()
    assert not hearing.is_listening(100.0)
    assert hearing.is_current(10.0, 105.0)
    assert not hearing.is_current(10.0, 105.1)


def test_after_listen_was_lost_everything_older_is_asked_for_again(hearing: Hearing) -> None:
    listen(hearing, since=10.0, until=100.0)
    listen(hearing, since=101.0, until=101.0)
    assert not hearing.is_current(10.0, 101.0)
    assert not hearing.is_current(100.9, 101.0)
    assert hearing.is_current(101.0, 101.0)


def test_a_new_period_does_not_make_an_answer_older(hearing: Hearing) -> None:
    listen(hearing, since=10.0, until=100.0)
    listen(hearing, since=200.0, until=300.0)
    assert [hearing.current_as_of(read_at) for read_at in (5.0, 10.0, 150.0, 200.0, 301.0)] == [
        5.0,
        100.0,
        150.0,
        300.0,
        301.0,
    ]


def test_listening_counts_only_once_a_heartbeat_came_back(hearing: Hearing) -> None:
    hearing.begin(10.0)
    assert not hearing.is_listening(10.0)
    hearing.beat(sent_at=10.0, now=10.1)
    assert hearing.is_listening(12.1)
    assert not hearing.is_listening(12.2)


def test_a_connection_that_flaps_takes_bounded_memory(hearing: Hearing) -> None:
    for moment in range(5_000):
        listen(hearing, since=float(moment), until=float(moment))
    assert hearing.current_as_of(0.0) == 0.0
    assert hearing.current_as_of(4_999.0) == 4_999.0
