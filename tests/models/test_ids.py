"""Ids: unique, in order of time, within 63 bits."""

from models.ids import COUNTER_BITS, EPOCH_MS, IdSource, new_id


def test_ids_never_repeat_within_a_process() -> None:
    made = [new_id() for _ in range(50_000)]
    assert len(set(made)) == len(made)


def test_ids_fit_a_signed_64_bit_column_until_2095() -> None:
    last_day = EPOCH_MS + (1 << 41) - 1
    assert 0 < IdSource(clock=lambda: last_day).next() < 2**63


def test_later_milliseconds_give_greater_ids() -> None:
    times = iter([EPOCH_MS + 5, EPOCH_MS + 6, EPOCH_MS + 700])
    source = IdSource(clock=lambda: next(times))
    made = [source.next() for _ in range(3)]
    assert made == sorted(made)


def test_a_clock_set_back_gives_no_older_time() -> None:
    times = iter([EPOCH_MS + 1_000, EPOCH_MS + 1])
    source = IdSource(clock=lambda: next(times), start=7)
    first, second = source.next(), source.next()
    assert second >> COUNTER_BITS == first >> COUNTER_BITS
    assert second != first


def test_the_counter_wraps_instead_of_reaching_into_the_time() -> None:
    source = IdSource(clock=lambda: EPOCH_MS + 1, start=(1 << COUNTER_BITS) - 1)
    assert source.next() == 1 << COUNTER_BITS


def test_two_processes_begin_at_different_counters() -> None:
    # 22 random bits: the same start 6 times running has a probability of 2^-110.
    starts = {IdSource(clock=lambda: EPOCH_MS + 1).next() for _ in range(6)}
    assert len(starts) > 1
