"""Cases about the first line of a request: methods, targets, versions."""

from collections.abc import Iterator

from tests.redirect.lane_case import OFF, UNKNOWN, Case, Ending, one, request, shown

METHODS = (
    *(b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PRI", b"PROPFIND"),
    *(b"MKCOL", b"PURGE", b"QUERY", b"SOURCE", b"M-SEARCH", b"REPORT", b"LINK", b"get", b"Get", b"gET", b"head"),
    *(b"FOO", b"GETS", b"GE", b"G\x00T", b"\xc7\xc5\xd4", b"G ET", b"", b" GET", b"GET\t", b"\r\nGET", b"\nGET"),
)
VERSIONS = (
    *(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/3.0", b"HTTP/1", b"HTTP/1.10"),
    *(b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"ICE/1.0", b"RTSP/1.0", b"HTTP/1.1 ", b" HTTP/1.1", b"HTTP/1.1\t"),
    *(b"HTTP/1,1", b"HTTP/-1.1", b"HTTP/1.1\x00", b"HTTP/1.1 x", b"HTTP/", b"X", b"HTTP/9.9", b""),
)
CODES = (
    *(b"/abc", b"/Ab-_9", b"/mail", b"/" + b"x" * 64, b"/long", b"/graphqls", b"/last"),
    *(b"/abc?", b"/abc?x=1", b"/abc?utm_source=a&utm_medium=b&utm_campaign=c", b"/mail?utm_source=poster"),
    *(
        b"/mail?utm_campaign=",
        b"/abc?utm_source=%00",
        b"/abc?utm_source=%ED%A0%80",
        b"/abc?utm_source=%FF+%",
        b"/abc??",
    ),
    *(b"/abc?a=/b/c?d", b"/abc?utm_source=" + b"x" * 3_000, b"/abc?next=http://evil.example/", b"/abc?utm_source=a;b"),
    *(b"/abc#", b"/abc#part", b"/abc?x#y", b"/abc#?utm_source=no", b"/abc?utm_source=a#utm_medium=b"),
    *(b"/abc/", b"/abc/?x=1", b"/abc/#x", b"/%61bc", b"/a%62c/", b"/%61%62%63?utm_source=a", b"/abc%2F", b"/%41b-_9"),
)
OTHERS = (
    *(b"/", b"/?", b"//", b"//abc", b"/abc//", b"/abc/x", b"/ABC", b"/ab", b"/abcd", b"/abc.", b"/abc;x", b"/abc%"),
    *(b"/abc%0A", b"/abc%0D%0Ax:y", b"/abc%00", b"/abc%3Fx", b"/abc%23x", b"/%2Fabc", b"/%2fabc", b"/..%2fabc"),
    *(b"/./abc", b"/../abc", b"/x/../abc", b"/%C3%A4", b"/%FF", b"/%EF%BD%81bc", b"/a+bc", b"/a~", b"/%zz", b"/\\abc"),
    *(b"/" + b"x" * 65, b"/" + b"x" * 10_000, b"/abc\x00", b"/abc\xe4", b"/\xc3\xa4", b"/abc\t", b"/abc|", b'/abc"<>'),
    *(b"/graphql", b"/GraphQL", b"/graphql/", b"/graphql?query={a}", b"/healthz", b"/robots.txt", b"/favicon.ico"),
    *(b"/robots.txt?x", b"/api", b"/login", b"/.well-known/x", b"/index.php", b"/metrics/"),
    *(f"/{OFF}".encode(), f"/{OFF}/?x=1".encode(), f"/{UNKNOWN}".encode(), f"/{UNKNOWN}?utm_source=a".encode()),
)
FORMS = (
    *(b"http://kurz.test/abc", b"http://kurz.test/abc?x=1", b"https://kurz.test/abc", b"http://evil.test/abc"),
    *(b"HTTP://KURZ.TEST/abc", b"http://kurz.test:80/abc", b"http://user@kurz.test/abc", b"http://[::1]/abc"),
    *(b"http://kurz.test", b"http://kurz.test?abc", b"http:///abc", b"http:abc", b"ftp://kurz.test/abc", b"abc"),
    *(b"kurz.test:443", b"kurz.test", b"*", b"**", b"?abc", b"#abc", b"", b":", b"@/abc", b"http://", b"://abc"),
    *(b"http://kurz.test//abc", b"http://kurz.test/abc/", b"http://kurz.test/abc#x", b"http://kurz.test:99999/abc"),
)
TARGETS = CODES + OTHERS + FORMS


def methods() -> Iterator[Case]:
    """Each method for a link, in both versions, and for what is none."""
    for method in METHODS:
        for target, version in (
            (b"/abc", b"HTTP/1.1"),
            (b"/abc", b"HTTP/1.0"),
            (b"/mail/?utm_source=a", b"HTTP/1.1"),
            (b"/off", b"HTTP/1.1"),
            (b"/robots.txt", b"HTTP/1.1"),
        ):
            sent = request(target, method=method, version=version)
            yield one(f"method {shown(method)} {shown(target)} {shown(version)}", sent)


def targets() -> Iterator[Case]:
    """Each way to write a target, asked for by GET and HEAD in both versions, and as no other method's."""
    for target in TARGETS:
        for method, version in (
            (b"GET", b"HTTP/1.1"),
            (b"GET", b"HTTP/1.0"),
            (b"HEAD", b"HTTP/1.1"),
            (b"OPTIONS", b"HTTP/1.1"),
        ):
            sent = request(target, method=method, version=version)
            yield one(f"target {shown(target)} {method.decode()} {version.decode()}", sent)
    for target in FORMS:
        yield one(f"target {shown(target)} CONNECT", request(target, method=b"CONNECT"))
    for number in range(20):  # of codes that nobody has asked for: the answer waits for the database
        yield one(f"target a new unknown code {number}", request(b"/new-%d" % number))


def versions() -> Iterator[Case]:
    """Each version with each wish about the connection."""
    wishes: tuple[tuple[bytes, ...], ...] = (
        *((), (b"Connection: close",), (b"Connection: keep-alive",)),
        (b"Connection: Keep-Alive, close",),
    )
    for version in VERSIONS:
        for method in (b"GET", b"HEAD"):
            for wish in wishes:
                sent = request(b"/abc", *wish, method=method, version=version)
                yield one(f"version {shown(version)} {method.decode()} {wish}", sent, Ending.ASKS)
    for line in (b"GET /abc", b"GET /abc\r\n", b"GET", b"/abc", b"GET  /abc  HTTP/1.1\r\n", b"GET\t/abc\tHTTP/1.1\r\n"):
        yield one(f"first line {shown(line)}", line + b"\r\n\r\n")
