"""Cases about header lines: each alone before and behind the Host, then in company."""

import random
from collections.abc import Iterator

from tests.redirect.lane_case import HOST, Case, Ending, one, pieces_of, request, shown

CHROME = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)

ABOUT_VISITORS = (
    *(CHROME, b"User-Agent: curl/8.5.0", b"User-Agent: Googlebot/2.1", b"User-Agent:", b"User-Agent: \xff\xfe\xe4"),
    *(b"user-agent: a", b"USER-AGENT: a", b"User-Agent: " + b"x" * 3_000, b"User-Agent:\ta\t", b'User-Agent: "\\'),
    *(b"Accept-Language: de-DE,de;q=0.9", b"Accept-Language: *", b"Accept-Language: \xff", b"Accept-Language:"),
    *(b"Referer: https://www.example.org/a?b", b"Referer: android-app://com.x/", b"Referer: \xff://\xfe/", b"Referer:"),
    *(b"DNT: 1", b"DNT: 0", b"Sec-GPC: 1", b"Sec-GPC: 1, 1", b"Sec-GPC:", b"Purpose: prefetch", b"X-Moz: prefetch"),
    *(b"Sec-Purpose: prefetch;prerender", b"X-Purpose: preview", b"Sec-Purpose: other", b"sec-purpose: PREFETCH"),
    *(b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-For: 198.51.100.7, 127.0.0.9", b"X-Forwarded-For: ,,x,\xff"),
    *(
        b"X-Forwarded-For: 2001:db8::1",
        b"X-Forwarded-For: 1.2.3.4:567",
        b"X-Forwarded-For:",
        b"x-forwarded-for: 8.8.8.8",
    ),
    *(b"Forwarded: for=198.51.100.8;proto=https", b'Forwarded: for="[2001:db8::2]:80"', b"Forwarded: for=;;\x80"),
    *(b"X-Real-IP: 198.51.100.9", b"X-Forwarded-Proto: https", b"X-Forwarded-Host: evil.test", b"Via: 1.1 proxy"),
)
ABOUT_CONNECTIONS = (
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: CLOSE", b"Connection:"),
    *(
        b"Connection: close, keep-alive",
        b"Connection: keep-alive,close",
        b"Connection: x-foo",
        b"Connection: , close ,",
    ),
    *(
        b"Connection: upgrade",
        b"Connection: \tclose",
        b"Connection: closed",
        b"Connection: close\t",
        b"connection:close",
    ),
    *(
        b"Keep-Alive: timeout=5",
        b"Keep-Alive: timeout=1, max=1",
        b"Proxy-Connection: close",
        b"Proxy-Connection: keep-alive",
    ),
    *(b"TE: trailers", b"TE: gzip", b"Trailer: X-A", b"Max-Forwards: 0", b"Priority: u=1", b"HTTP2-Settings: AAMAAABk"),
)
ABOUT_BODIES = (
    *(b"Content-Length: 0", b"Content-Length: 00", b"Content-Length:", b"Content-Length: -1", b"Content-Length: +0"),
    *(
        b"Content-Length: 0x0",
        b"Content-Length: 0 ",
        b"Content-Length: 0, 0",
        b"Content-Length: 1e1",
        b"Content-Length: abc",
    ),
    *(b"Content-Length: 0\r\nContent-Length: 0", b"Content-Length: 0\r\nContent-Length: 5", b"content-length: 0"),
    *(b"Content-Length: 99999999999999999999999", b"Transfer-Encoding: identity", b"Transfer-Encoding:"),
    *(b"Transfer-Encoding: gzip", b"Content-Type: application/json", b"Content-Encoding: gzip", b"Expect:"),
    *(b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: other", b"expect: 100-continue", b"Content-Md5: x"),
)
ABOUT_CONDITIONS = (
    *(b"If-None-Match: *", b'If-None-Match: "x"', b"If-Match: *", b"If-Modified-Since: Sat, 01 Jan 2050 00:00:00 GMT"),
    *(
        b"If-Unmodified-Since: x",
        b"If-Range: x",
        b"Range: bytes=0-1",
        b"Cache-Control: only-if-cached",
        b"Pragma: no-cache",
    ),
    *(
        b"Accept: application/json",
        b"Accept: text/html",
        b"Accept: \xff",
        b"Accept-Encoding: gzip, br",
        b"Cookie: a=b; c",
    ),
    *(
        b"Authorization: Bearer x",
        b"Origin: null",
        b"X-HTTP-Method-Override: POST",
        b"X-Original-URL: /off",
        b"Date: x",
    ),
)
MISSHAPEN = (
    *(b"X-A : b", b" X-A: b", b"X-A\t: b", b": b", b"X-A", b"X A: b", b"X-\xe4: b", b"X-A: \x00", b"X-A: \x01\x7f"),
    *(
        b"X-A: a\rb",
        b"X-A: a\nX-B: b",
        b"X-A: a\n",
        b"X-A:",
        b"X-A:  \t b \t ",
        b"X-A: \xf0\x9f\x99\x82\xff",
        b"\x00: b",
    ),
    *(b"User-Agent: a\r\n b", b"User-Agent: a\r\n\tb\r\n c", b"User-Agent:\r\n a", b"Connection:\r\n close"),
    *(b"Connection: keep-alive\r\n close", b"Content-Length:\r\n 0", b"X-Forwarded-For: 8.8.8.8,\r\n 9.9.9.9"),
    *(b"X-A: b\r\n ", b"X-A: b\r\n\r", b"(x): y", b"X[a]: y", b'"X": y', b"X@y: z", b"X/y: z", b"_x: y", b"x.y: z"),
)
TWICE = (
    *(
        b"User-Agent: a\r\nUser-Agent: b",
        b"User-Agent: a\r\nuser-agent:",
        b"Referer: http://a.example/\r\nReferer: http://b.example/",
    ),
    *(
        b"X-Forwarded-For: 8.8.8.8\r\nX-Forwarded-For: 9.9.9.9",
        b"X-Forwarded-For: x\r\nX-A: b\r\nX-Forwarded-For: 7.7.7.7",
    ),
    *(b"Forwarded: for=8.8.8.8\r\nForwarded: for=9.9.9.9", b"X-Forwarded-For: 8.8.8.8\r\nForwarded: for=9.9.9.9"),
    *(
        b"DNT: 0\r\nDNT: 1",
        b"DNT: 1\r\nDNT: 0",
        b"Sec-Purpose: x\r\nSec-Purpose: prefetch",
        b"Accept-Language: de\r\nAccept-Language: fr",
    ),
    *(
        b"Connection: keep-alive\r\nConnection: close",
        b"Connection: close\r\nConnection: keep-alive",
        b"Cookie: a\r\nCookie: b",
    ),
    *(
        b"Expect: x\r\nExpect: 100-continue",
        b"Connection: close\r\nConnection: close",
        b"Content-Length: 0\r\nTransfer-Encoding: chunked",
    ),
)
SMALL, PIECE = 60_000, 16_000
LINES = ABOUT_VISITORS + ABOUT_CONNECTIONS + ABOUT_BODIES + ABOUT_CONDITIONS + MISSHAPEN + TWICE
HOSTS = (
    *(
        None,
        b"Host:",
        b"Host: ",
        b"Host: evil.test",
        b"Host: kurz.test:80",
        b"Host: a b",
        b"Host: \xff",
        b"host:kurz.test",
    ),
    *(
        HOST + b"\r\n" + HOST,
        HOST + b"\r\nHost: other.test",
        b"Host: [::1]",
        b"Host: kurz.test/abc",
        b"Host : kurz.test",
    ),
    *(b"X-A: b", HOST + b"\n", b"Host:\r\n kurz.test", b"Host: " + b"h" * 300),
)


def header_lines() -> Iterator[Case]:
    """Each line of a GET behind the Host, of a HEAD before it, and of HTTP/1.0."""
    for line in LINES:
        name = shown(line, 60)
        yield one(f"header {name}", request(b"/abc", line))
        yield one(f"header of a HEAD {name}", request(b"/abc", HOST, method=b"HEAD", host=line), Ending.ASKS_ELSE)
        yield one(f"header in HTTP/1.0 {name}", request(b"/mail", line, version=b"HTTP/1.0"))


def hosts() -> Iterator[Case]:
    """What is said about the host, for a link and for what is none."""
    for host in HOSTS:
        for target, version in ((b"/abc", b"HTTP/1.1"), (b"/abc", b"HTTP/1.0"), (b"/off", b"HTTP/1.1")):
            sent = request(target, host=host, version=version)
            yield one(f"host {shown(host or b'none')} {target.decode()} {version.decode()}", sent)


def orders(dice: random.Random, count: int) -> Iterator[Case]:
    """What browsers send, in any order and with something else among it."""
    usual = (HOST, CHROME, b"Accept: text/html,*/*;q=0.8", b"Accept-Language: de", b"Accept-Encoding: gzip", b"DNT: 1")
    for number in range(count):
        lines = [*dice.sample(usual, dice.randint(1, len(usual))), *dice.sample(LINES, dice.randint(0, 3))]
        dice.shuffle(lines)
        first, *rest = lines
        yield one(f"order {number}: {shown(b'|'.join(lines), 120)}", request(b"/abc", *rest, host=first))


def sizes() -> Iterator[Case]:
    """Heads from small to too large, in one header, in many, and in the target."""
    for size in (1_000, 8_000, 30_000, 60_000, 65_000, 65_536, 66_000, 130_000, 300_000):
        for what, sent in (
            ("one header", request(b"/abc", b"X-A: " + b"a" * size)),
            ("many headers", request(b"/abc", *[b"X-%03d: b" % (n % 1_000) for n in range(size // 10)])),
            ("a query", request(b"/abc?" + b"q" * size)),
            ("a user agent", request(b"/abc", b"User-Agent: " + b"u" * size)),
        ):
            # Where it counts how much of it has come, it comes in pieces that are certain.
            yield Case(f"{what} of {size}", pieces_of(sent, range(PIECE, len(sent), PIECE) if size > SMALL else ()))
