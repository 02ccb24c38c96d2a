"""Cases of what is no request: garbage, other protocols, requests cut off or with a byte wrong."""

import random
from collections.abc import Iterator

from tests.redirect.lane_case import HOST, Case, Ending, one, request, shown
from tests.redirect.lane_headers import CHROME

TLS_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + b"\x00\x00\x04\x13\x01\x13\x02" + b"\x00" * 20
GARBAGE = (
    *(TLS_HELLO, b"\x80\x2e\x01\x00\x02", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n", b"\x05\x01\x00"),
    *(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + request(), b"\r\n\r\n\r\n" + request(), b"\n" + request(), b"\x00"),
    *(b"\r" + request(), b" " + request(), b"\t" + request(), b"\xef\xbb\xbf" + request(), b"*1\r\n$4\r\nPING\r\n"),
    *(b"GET", b"\r\n", b"\n", b"\r", b"HELO x\r\n", b"{}", b"<x/>", b"HTTP/1.1 200 OK\r\n\r\n", b"\x16\x03\x01"),
    *(request() + b"\x00\x00", request() + TLS_HELLO, request() + b"HTTP/1.1 200 OK\r\n\r\n", b"G" * 70_000),
)
BARE = (
    *(b"GET /abc HTTP/1.1\nHost: kurz.test\n\n", b"GET /abc HTTP/1.1\nHost: kurz.test\r\n\r\n"),
    *(b"GET /abc HTTP/1.1\r\nHost: kurz.test\n\n", b"GET /abc HTTP/1.1\r\nHost: kurz.test\r\n\n"),
    *(b"GET /abc HTTP/1.1\r\nHost: kurz.test\n\r\n", b"GET /abc HTTP/1.1\r\rHost: kurz.test\r\r"),
    *(b"GET /abc HTTP/1.1\r\nHost: kurz.test\r\n\r", b"GET /abc HTTP/1.1\rHost: kurz.test\r\n\r\n"),
    *(b"GET /abc HTTP/1.0\n\n", b"HEAD /abc HTTP/1.1\nHost: x\nConnection: close\n\n", b"GET /abc\n", b"GET /abc\n\n"),
    *(b"GET /abc HTTP/1.1\r\n\r\n", b"GET /abc HTTP/1.0\r\n\r\n", b"GET /abc HTTP/1.1\r\n\n"),
)
WHOLE = request(b"/mail?utm_source=a", CHROME, b"DNT: 1", b"X-Forwarded-For: 198.51.100.7")


def garbage(dice: random.Random, count: int) -> Iterator[Case]:
    """What other programs send, and what none does."""
    for raw in GARBAGE + BARE:
        yield one(f"garbage {shown(raw)}", raw)
        yield one(f"garbage, half-closed {shown(raw)}", raw, Ending.HALF_CLOSES)
    for number in range(count):
        raw = dice.randbytes(dice.choice((1, 5, 50, 500)))
        yield one(f"random bytes {number}", raw)


def truncated() -> Iterator[Case]:
    """A request that ends too early, then nothing, or another request in its place."""
    short = request(b"/abc", b"User-Agent: a")
    for end in range(len(short)):
        yield one(f"cut off at {end}", short[:end], Ending.HALF_CLOSES)
        yield one(f"cut off at {end}, then another", short[:end])


def damaged(dice: random.Random, count: int) -> Iterator[Case]:
    """A good request with a byte replaced, removed, doubled or put in."""
    for number in range(count):
        raw = bytearray(dice.choice((WHOLE, request(), request(b"/abc", b"Connection: close"))))
        for _ in range(dice.choice((1, 1, 2))):
            place = dice.randrange(len(raw))
            match dice.randrange(4):
                case 0:
                    raw[place] = dice.randrange(256)
                case 1:
                    del raw[place]
                case 2:
                    raw.insert(place, raw[place])
                case _:
                    raw.insert(place, dice.choice(b"\r\n\t :,;\x00\xff0"))
        yield one(f"damaged {number}: {shown(bytes(raw), 150)}", bytes(raw))


def smuggled() -> Iterator[Case]:
    """A second request where one reader would see a body and another would not."""
    inner = request(b"/abc?utm_campaign=inner")
    for lines in (
        (b"Content-Length: %d" % len(inner),),
        (b"Content-Length: 0", b"Content-Length: %d" % len(inner)),
        (b"Content-Length: %d" % len(inner), b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(inner)),
        (b"Transfer-Encoding: x\r\n chunked",),
        (b"Transfer-Encoding : chunked",),
        (b"Content-Length : %d" % len(inner),),
        (b"Content-Length: %d\r\n" % len(inner) + HOST,),
        (b"X: y\nContent-Length: %d" % len(inner),),
        (b"X: y\rContent-Length: %d" % len(inner),),
    ):
        for method in (b"GET", b"HEAD", b"POST"):
            name = f"smuggled {method.decode()} {shown(b'|'.join(lines), 60)}"
            yield one(name, request(b"/abc", *lines, method=method, body=inner))
