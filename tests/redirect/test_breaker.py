"""When the database is asked although it failed."""

import pytest

from redirect.breaker import Breaker


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(probe_every=1.0, slow_after=0.1)


def admitted(breaker: Breaker, *times: float) -> list[float]:
    return [time for time in times if breaker.admits(time)]


def test_everything_is_asked_while_the_database_answers(breaker: Breaker) -> None:
    breaker.answered(took=0.01)
    assert admitted(breaker, 0.0, 0.0, 0.1) == [0.0, 0.0, 0.1]


def test_after_a_refusal_one_question_a_second_is_asked(breaker: Breaker) -> None:
    breaker.refused(0.0)
    assert breaker.is_broken
    assert admitted(breaker, 0.0, 0.9, 1.0, 1.5, 1.9, 2.0, 2.1) == [1.0, 2.0]


def test_a_late_answer_spares_but_does_not_break(breaker: Breaker) -> None:
    breaker.lagged(0.0)
    assert not breaker.is_broken
    assert admitted(breaker, 0.5, 1.0, 1.1) == [1.0]


def test_a_probe_that_is_late_shows_that_nothing_refuses_any_more(breaker: Breaker) -> None:
    breaker.refused(0.0)
    breaker.lagged(1.0)
    assert not breaker.is_broken


@pytest.mark.parametrize(("took", "is_admitted"), [(0.05, True), (0.1, True), (0.11, False)])
def test_only_a_quick_answer_ends_slowness(breaker: Breaker, took: float, is_admitted: bool) -> None:
    breaker.lagged(0.0)
    breaker.answered(took=took)
    assert breaker.admits(0.5) is is_admitted


def test_any_answer_ends_an_outage(breaker: Breaker) -> None:
    breaker.refused(0.0)
    breaker.answered(took=0.9)
    assert not breaker.is_broken
    assert breaker.admits(0.1)


def test_a_notification_proves_that_the_database_is_up(breaker: Breaker) -> None:
    breaker.refused(0.0)
    breaker.heard()
    assert not breaker.is_broken
    assert breaker.admits(0.0)
