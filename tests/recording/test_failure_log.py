"""Failures in masses: told, but not one by one."""

import logging

import pytest

from recording.failure_log import SILENCE_S, FailureLog


class Told:
    """A log of failures whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.failures = FailureLog(logging.getLogger("told"), "attempts", clock=lambda: self.now)

    def fail(self, times: int) -> None:
        for _ in range(times):
            try:
                raise ValueError
            except ValueError:
                self.failures.note()

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.failures.tell()


def stacks(caplog: pytest.LogCaptureFixture) -> list[bool]:
    return [record.exc_info is not None for record in caplog.records]


def test_the_first_failure_is_told_with_its_stack_and_the_others_as_a_number(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    told.fail(1_000)
    assert stacks(caplog) == [True]
    told.after(SILENCE_S / 2)
    assert stacks(caplog) == [True]
    told.after(SILENCE_S / 2)
    assert stacks(caplog) == [True, False]
    assert 999 in (caplog.records[1].args or ())
    assert told.failures.count == 1_000


def test_after_a_silent_minute_a_failure_is_news_again(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    told.fail(1)
    told.after(SILENCE_S)
    told.fail(1)
    assert stacks(caplog) == [True, True]


def test_while_failures_go_on_there_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    for _ in range(3 * int(SILENCE_S)):
        told.fail(5)
        told.after(1.0)
    assert stacks(caplog) == [True, False, False, False]
