"""Strings from visitors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording.cleaning import clean, clean_escaped


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (b"", None),
        (b"   ", None),
        (b" Mozilla/5.0 ", "Mozilla/5.0"),
        (b"a\x00b\x1fc\x7fd", "abcd"),
        (b"\x00\x01", None),
        ("Z\u00fcrich".encode(), "Z\u00fcrich"),
        ("a\u2028b\u0085c".encode(), "abc"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),  # a surrogate in UTF-8's form
        ("\U0001f600".encode(), "\U0001f600"),
    ],
)
def test_what_cannot_be_stored_is_taken_out(raw: bytes, cleaned: str | None) -> None:
    assert clean(raw, limit=50) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (b"x" * 100, "x" * 10),
        ("\u00e4".encode() * 100, "\u00e4" * 5),
        (b"x" + "\u00e4".encode() * 100, "x" + "\u00e4" * 4),
        ("\U0001f600".encode() * 100, "\U0001f600" * 2),
        (b"\xff" * 100, "\ufffd" * 3),
    ],
)
def test_the_limit_counts_bytes_and_cuts_between_characters(raw: bytes, cleaned: str) -> None:
    assert clean(raw, limit=10) == cleaned


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.binary(max_size=80), st.integers(1, 40))
def test_whatever_comes_fits_and_can_be_stored(raw: bytes, limit: int) -> None:
    text = clean(raw, limit=limit)
    assert text is None or (len(text.encode()) <= limit and text.strip() == text and "\x00" not in text)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (b"a+b%20c", "a b c"),
        (b"%00", None),
        (b"%F0%9F%98%80", "\U0001f600"),
        (b"%zz", "%zz"),
        (b"%ED%A0%80", "\ufffd" * 3),
    ],
)
def test_values_of_a_query_are_unescaped_first(raw: bytes, cleaned: str | None) -> None:
    assert clean_escaped(raw, limit=50) == cleaned
