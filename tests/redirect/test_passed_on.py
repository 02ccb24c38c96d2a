"""What a proxy passes on is read as line by line, and nobody's address is kept."""

from datetime import UTC, datetime

import pytest

from recording.client import ClientRule, Headers, Peer
from recording.geo import Registrations
from recording.visit import Utm
from recording.visit_line import link_parts
from recording.visitor import Visitors
from redirect.header_lines import HeaderLines
from redirect.passed_on import PassedOnBlocks, passed_on

PROXY: Peer = ("10.0.0.1", 4711)
BROWSER = b"Host: kurz.test\r\nUser-Agent: Firefox\r\nAccept-Language: de-AT\r\nReferer: https://a.example/b?c\r\n"
LINK = link_parts(link_id=7, workspace_id=1, version=3, utm=Utm())
NOON = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 1_000_000_000


def visitors(salt: bytes = b"s" * 32) -> Visitors:
    return Visitors(client_rule=ClientRule(("10.0.0.0/8",)), countries=Registrations(), salt_of=lambda _day: salt)


def block(hops: bytes, *, before: bytes = BROWSER, after: bytes = b"") -> bytes:
    return before + b"X-Forwarded-For: " + hops + b"\r\n" + after + b"\r\n"


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize(
    "after", [b"", b"DNT: 1\r\n", b"Sec-Purpose: prefetch\r\n", b"User-Agent: b\r\n", b"Cookie: a=b\r\n", b"Via: x\r\n"]
)
@pytest.mark.parametrize(
    "hops",
    [
        *(
            b"8.8.8.8",
            b"6.6.6.6, 8.8.8.8",
            b"8.8.8.8,10.2.3.4",
            b"10.2.3.4",
            b"8.8.8.8:80",
            b"999.8.8.8",
            b"8.8",
            b"::",
        ),
        *(b"2001:4860:4860::8888", b"2001:4860::1, 10.1.1.1", b"::ffff:8.8.8.8", b"abc", b"1.2.3.4, abc", b"08.8.8.8"),
    ],
)
def test_a_visit_is_the_same_as_line_by_line(hops: bytes, after: bytes, head: bool) -> None:
    by = visitors()
    whole = block(hops, after=after)
    around = PassedOnBlocks(HeaderLines(), by.browsers).read(whole)
    if around is None:
        assert after.startswith(b"Cookie")
        return
    said = passed_on(whole, around)
    assert said is not None and said[:2] == (around[2], hops)
    read = HeaderLines().read(whole)
    assert read is not None
    line_by_line = visitors().line(read[0], PROXY, b"", LINK, NOON, head)
    for _ in range(2):
        line, known = by.meet((), PROXY, b"", LINK, NOON, head, said)
        assert line == line_by_line == by.line_of(known, b"", LINK, NOON, head)


@pytest.mark.parametrize(
    "whole",
    [
        *(b"", b"\r\n", BROWSER + b"\r\n", block(b""), block(b"x"), block(b"8.8.8.8 "), block(b"8.8.8.8,, 9.9.9.9")),
        *(block(b"8.8.8.8\n"), block(b"8.8.8.8\r\n 9.9.9.9"), block(b"8.8.8.8\0"), block(b"8.8.8.8", before=b"")),
        block(b"8.8.8.8").replace(b"X-Forwarded-For", b"x-forwarded-for"),
        block(b"8.8.8.8", after=b"X-Forwarded-For: 9.9.9.9\r\n"),
        block(b"8.8.8.8", after=b"x-forwarded-for: 9.9.9.9\r\n"),
        block(b"8.8.8.8", after=b"Forwarded: for=9.9.9.9\r\n"),
        *(block(b"8.8.8.8", after=b"Connection: close\r\n"), block(b"8.8.8.8", after=b"Content-Length: 0\r\n")),
        *(block(b"8.8.8.8", after=b"Cookie: a\r\n"), block(b"8.8.8.8", after=b"X-Real-IP: 8.8.8.8\r\n")),
        *(block(b"8.8.8.8", after=b"A:b\r\n"), block(b"8.8.8.8", after=b" folded\r\n"), block(b"8.8.8.8") + b"GET"),
        *(
            block(b"8.8.8.8")[:-1],
            block(b"8.8.8.8")[:-2],
            block(b"8.8.8.8")[:-3],
            BROWSER + b"X-Forwarded-For: 8.8.8.8",
        ),
        *(BROWSER + b"\r\nX-Forwarded-For: 8.8.8.8\r\n\r\n", b"A: b\r\n\r\r\nX-Forwarded-For: 8.8.8.8\n"),
    ],
)
def test_everything_else_is_left_to_be_read_line_by_line(whole: bytes) -> None:
    blocks = PassedOnBlocks(HeaderLines(), visitors().browsers)
    assert [blocks.read(whole) for _ in range(2)] == [None, None]


@pytest.mark.parametrize(
    "whole",
    [
        *(block(b"x"), block(b"8.8.8.8\r\nForwarded: for=9.9.9.9"), block(b""), block(b"9.9.9.9", before=BROWSER * 2)),
        *(block(b"9.9.9.9", after=b"A: b\r\n"), block(b"9.9.9.9") + b"\r\n", block(b"9.9.9.9")[:-2], BROWSER + b"\r\n"),
        *(b"", block(b"9.9.9.9").replace(b"Firefox", b"Other"), block(b"9.9.9.9\r\n")),
    ],
)
def test_a_block_that_differs_in_more_than_the_hops_is_not_the_same_again(whole: bytes) -> None:
    around = PassedOnBlocks(HeaderLines(), visitors().browsers).read(block(b"8.8.8.8"))
    assert around is not None
    assert passed_on(block(b"9.9.9.9"), around) == (around[2], b"9.9.9.9", bytes((9, 9, 9, 9)))
    assert passed_on(whole, around) is None


def test_browsers_are_kept_and_addresses_are_not() -> None:
    by = visitors()
    blocks = PassedOnBlocks(HeaderLines(), by.browsers)
    for number in range(100):
        whole = block(b"8.8.8.%d" % number)
        around = blocks.read(whole)
        assert around is not None
        by.meet((), PROXY, b"", LINK, NOON, False, passed_on(whole, around))
    assert list(by.browsers) == [BROWSER + b"\r\n"]
    assert not by._connections
    by.forget()
    assert not by.browsers


def test_long_headers_are_read_and_not_kept_and_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recording.browser.BROWSERS_BYTES", 10_000)
    browsers = visitors().browsers
    blocks = PassedOnBlocks(HeaderLines(), browsers)
    for number in range(100):
        assert blocks.read(block(b"8.8.8.8", before=b"User-Agent: %d\r\n" % number)) is not None
        assert browsers and browsers.bytes <= 10_000
    kept = list(browsers)
    assert blocks.read(block(b"8.8.8.8", before=b"Host: a\r\nReferer: https://a.example/%b\r\n" % (b"x" * 4_000)))
    assert list(browsers) == kept


def test_visitors_whose_headers_are_a_tuple_are_told_apart_too() -> None:
    by = visitors()
    requests: list[Headers] = [((b"user-agent", b"A"), (b"dnt", b"1")), (), ((b"user-agent", b"B"),)]
    for headers in requests:
        expected = visitors().line(headers, PROXY, b"", LINK, NOON, False)
        by.forget()
        assert [by.line(headers, PROXY, b"", LINK, NOON, False) for _ in range(4)] == [expected] * 4
