"""Ids: opaque outside, a number inside, and one spelling for each."""

from hypothesis import given
from hypothesis import strategies as st

from graph import ids


@given(st.integers(min_value=0, max_value=ids.LARGEST))
def test_an_id_reads_back_as_its_number(number: int) -> None:
    text = ids.encode(ids.LINK, number)

    assert ids.decode(ids.LINK, text) == number
    assert ids.decode(ids.DOMAIN, text) is None


@given(st.text(max_size=16) | st.from_regex(r"lnk_[0-9A-Za-z]{11}", fullmatch=True))
def test_any_other_text_is_no_id(text: str) -> None:
    number = ids.decode(ids.LINK, text)

    assert number is None or ids.encode(ids.LINK, number) == text


def test_ids_sort_as_their_numbers() -> None:
    numbers = [0, 1, 61, 62, 2**40, ids.LARGEST]

    assert sorted(ids.encode(ids.LINK, number) for number in numbers) == [
        ids.encode(ids.LINK, number) for number in numbers
    ]
