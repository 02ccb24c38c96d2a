"""Cases about what follows a head: bodies, chunks, expectations, other protocols."""

from collections.abc import Iterator

from tests.redirect.lane_case import Case, Ending, one, request, shown

CHUNKED = b"Transfer-Encoding: chunked"
UPGRADE = b"Connection: Upgrade"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"

# Header lines and what follows the head.
WHOLE: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    ((b"Content-Length: 5",), b"hello"),
    ((b"Content-Length: 1",), b"\n"),
    ((b"Content-Length: 5", b"Content-Length: 5"), b"hello"),
    ((b"Content-Length: 5", b"Content-Length: 6"), b"hello"),
    ((b"Content-Length: 3",), b"hello"),
    ((b"Content-Length: 70000",), b"b" * 70_000),
    ((b"Content-Length: 5", b"Connection: close"), b"hello"),
    ((b"Content-Length: 5", b"Expect: 100-continue"), b"hello"),
    ((b"Content-Length: 0", b"Expect: 100-continue"), b""),
    ((b"Content-Length: 0",), b"\r\n"),
    ((b"Content-Length: 0",), b"\r\n\r\n\r\n"),
    ((b"Content-Length: 0",), b"hello"),
    ((), b"hello"),
    ((), b"\r\n"),
    ((), b"\n\n"),
    ((), b"\x00"),
    ((CHUNKED,), b"0\r\n\r\n"),
    ((CHUNKED,), b"5\r\nhello\r\n0\r\n\r\n"),
    ((CHUNKED,), b"5;x=y\r\nhello\r\n0;z\r\n\r\n"),
    ((CHUNKED,), b"0\r\nX-A: b\r\nContent-Length: 9\r\n\r\n"),
    ((CHUNKED,), b"5\r\nhello\r\n0\r\nExpect: 100-continue\r\n\r\n"),
    ((CHUNKED,), b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"),
    ((CHUNKED,), b"5\nhello\n0\n\n"),
    ((CHUNKED,), b"x\r\nhello\r\n0\r\n\r\n"),
    ((CHUNKED,), b"-1\r\n\r\n"),
    ((CHUNKED,), b"FFFFFFFFFFFFFFFFF\r\n"),
    ((CHUNKED, b"Content-Length: 5"), b"0\r\n\r\n"),
    ((b"Content-Length: 5", CHUNKED), b"hello"),
    ((b"Transfer-Encoding: gzip, chunked",), b"0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked, gzip",), b"0\r\n\r\n"),
    ((b"Transfer-Encoding: Chunked",), b"0\r\n\r\n"),
    ((b"Transfer-Encoding: xchunked",), b"0\r\n\r\n"),
    ((b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",), b"0\r\n\r\n"),
    ((CHUNKED, b"Expect: 100-continue"), b"0\r\n\r\n"),
    ((CHUNKED, b"Trailer: X-A"), b"0\r\nX-A: b\r\n\r\n"),
)
# What never becomes a whole message.
CUT: tuple[tuple[tuple[bytes, ...], bytes], ...] = (
    ((b"Content-Length: 5",), b""),
    ((b"Content-Length: 5",), b"hel"),
    ((b"Content-Length: 5", b"Expect: 100-continue"), b""),
    ((b"Content-Length: 100000",), b"b" * 70_000),
    ((CHUNKED,), b""),
    ((CHUNKED,), b"5\r\nhel"),
    ((CHUNKED,), b"5\r\nhello\r\n"),
    ((CHUNKED,), b"0\r\n"),
    ((CHUNKED,), b"0\r\nX-A: b\r\n"),
    ((CHUNKED, b"Expect: 100-continue"), b"5\r\n"),
)
ELSE: tuple[tuple[bytes, ...], ...] = (
    (UPGRADE, b"Upgrade: websocket", KEY),
    (UPGRADE, b"Upgrade: websocket"),
    (UPGRADE, b"Upgrade: WebSocket", KEY),
    (b"Connection: keep-alive, Upgrade", b"Upgrade: websocket", KEY),
    (b"Connection: close, Upgrade", b"Upgrade: websocket", KEY),
    (b"Connection: keep-alive", b"Upgrade: websocket", KEY),
    (b"Upgrade: websocket", KEY),
    (UPGRADE, b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"),
    (UPGRADE, b"Upgrade: TLS/1.0"),
    (UPGRADE, b"Upgrade:"),
    (UPGRADE,),
    (b"Upgrade: h2c",),
    (UPGRADE, b"Upgrade: h2c, websocket"),
    (UPGRADE, b"Upgrade: h2c", b"Content-Length: 5"),
    (b"Connection: upgrade\r\nConnection: close", b"Upgrade: websocket", KEY),
    (b"Connection: close\r\nConnection: upgrade", b"Upgrade: websocket", KEY),
)


def bodies() -> Iterator[Case]:
    """Each body of requests for a link and for what reads bodies, in one piece and behind its head."""
    for headers, body in WHOLE:
        name = f"{shown(b'|'.join(headers))} + {shown(body)}"
        for method in (b"GET", b"POST", b"HEAD"):
            yield one(f"body of {method.decode()}: {name}", request(b"/abc", *headers, method=method, body=body))
        head = request(b"/abc", *headers)
        yield Case(f"body apart: {name}", (head, body) if body else (head,), Ending.ASKS_ELSE)
        yield one(f"body of HTTP/1.0: {name}", request(b"/abc", *headers, version=b"HTTP/1.0", body=body))
        yield one(f"body read: {name}", request(b"/graphql", *headers, method=b"POST", body=body), Ending.HALF_CLOSES)


def cut_bodies() -> Iterator[Case]:
    """Bodies that do not end, before a half-close and before something that is then taken for their rest."""
    for headers, body in CUT:
        name = f"{shown(b'|'.join(headers))} + {shown(body)}"
        for method in (b"GET", b"POST"):
            sent = request(b"/abc", *headers, method=method, body=body)
            yield one(f"cut body of {method.decode()}: {name}", sent)
            yield one(f"cut body of {method.decode()}, half-closed: {name}", sent, Ending.HALF_CLOSES)
        sent = request(b"/graphql", *headers, method=b"POST", body=body)
        yield one(f"cut body read: {name}", sent, Ending.HALF_CLOSES)


def other_protocols() -> Iterator[Case]:
    """Requests for another protocol, at a link and where there is one."""
    for headers in ELSE:
        name = shown(b"|".join(headers), 70)
        for target in (b"/abc", b"/live", b"/off"):
            yield one(f"upgrade {name} {target.decode()}", request(target, *headers))
        yield one(f"upgrade in HTTP/1.0 {name}", request(b"/abc", *headers, version=b"HTTP/1.0"))
        yield one(f"upgrade of a HEAD {name}", request(b"/abc", *headers, method=b"HEAD"))
        yield one(f"upgrade, half-closed: {name}", request(b"/abc", *headers), Ending.HALF_CLOSES)
