"""Headers are read as uvicorn's parser reads them, and nobody's own lines are kept."""

import pytest

from redirect.header_lines import LINES_BYTES, HeaderLines

PLAIN = b"Host: kurz.test\r\nUser-Agent: a b\r\nX-Any!#$%&'*+.^_`|~: \x80\xff\t.\r\nConnection: close\r\n\r\n"


def test_names_are_lower_case_and_values_as_they_came() -> None:
    headers = [
        (b"host", b"kurz.test"),
        (b"user-agent", b"a b"),
        (b"x-any!#$%&'*+.^_`|~", b"\x80\xff\t."),
        (b"connection", b"close"),
    ]
    assert HeaderLines().read(PLAIN) == (headers, True)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (PLAIN, True),
        (b"Connection: keep-alive\r\n\r\n", False),
        (b"X-A: close\r\n\r\n", False),
        (b"Connection: keep-alive\r\nX-A: close\r\n\r\n", False),
        (b"Connection: keep-alive\r\nconnection: close\r\n\r\n", True),
    ],
)
def test_whether_the_connection_is_to_be_closed(block: bytes, expected: bool) -> None:
    lines = HeaderLines()
    for _ in range(2):
        read = lines.read(block)
        assert read is not None
        assert read[1] is expected


@pytest.mark.parametrize(
    "block",
    [
        *(b"", b"\r\n", b"\r\n\r\n", b"Host: a", b"Host: a\r\n", b"Host: a\r\n\r\n\r\n", b"Host: a\r\n\r\nb\r\n\r\n"),
        *(b"Host:\r\n\r\n", b"Host: \r\n\r\n", b"Host:  a\r\n\r\n", b"Host: a \r\n\r\n", b"Host: a\t\r\n\r\n"),
        *(b" a: b\r\n\r\n", b"a : b\r\n\r\n", b": b\r\n\r\n", b"a\r\n\r\n", b"\xe4: b\r\n\r\n", b"a: b\r\n c\r\n\r\n"),
        *(b"a: b\nc: d\r\n\r\n", b"a: b\rc\r\n\r\n", b"a: \0\r\n\r\n", b"a: \x7f\r\n\r\n", b"a: b\n\r\n\r\n"),
        *(b"Content-Length: 0\r\n\r\n", b"CONTENT-LENGTH: 1\r\n\r\n", b"transfer-encoding: chunked\r\n\r\n"),
        *(b"Upgrade: h2c\r\n\r\n", b"Expect: x\r\n\r\n", b"Proxy-Connection: close\r\n\r\n"),
        *(b"Connection: upgrade\r\n\r\n", b"Connection: Close\r\n\r\n", b"Connection: a, close\r\n\r\n"),
    ],
)
def test_what_is_not_plain_is_not_read(block: bytes) -> None:
    lines = HeaderLines()
    assert [lines.read(block) for _ in range(2)] == [None, None]


def test_lines_that_tell_who_somebody_is_are_not_kept() -> None:
    lines = HeaderLines()
    secret = b"secret"
    for name in (b"Cookie", b"Authorization", b"X-Forwarded-For", b"Forwarded", b"X-Real-IP", b"X-Own"):
        assert lines.read(b"Host: kurz.test\r\n" + name + b": " + secret + b"\r\n\r\n") is not None
    assert [line for line in lines if secret in line] == []
    assert list(lines) == [b"Host: kurz.test"]


def test_what_is_kept_has_a_bound() -> None:
    lines = HeaderLines()
    for number in range(20_000):
        lines.read(b"User-Agent: %d\r\n\r\n" % number)
        assert lines.bytes <= LINES_BYTES
    lines.read(b"User-Agent: " + b"x" * 5_000 + b"\r\n\r\n")
    assert max(map(len, lines)) < 5_000
