"""What a visitor may send to a running Kurz: all of it is stored clean or refused, and none of it is in the way."""

import contextlib
import re
import socket
from urllib.parse import urlsplit

from tests.serving import DEADLINE_S, open_folder, serving, until
from tests.visiting import Visits, ask, differences, make_links, stored_marks

LONG = 64 * 1024
SURROGATE = "\ud800".encode("utf-8", "surrogatepass")
FORGED = b'x","line":"dropped","count":999}'

# Name: what stands in the query behind the mark, and header lines.
HOSTILE: dict[str, tuple[bytes, bytes]] = {
    "nul": (b"utm_source=%00", b""),
    "nul-inside": (b"utm_source=a%00b&utm_medium=%00%00", b""),
    "line-ends": (b"utm_source=a%0Ab%0D%E2%80%A8c&utm_medium=%1B[31m", b""),
    "lone-surrogate-escaped": (b"utm_source=%ED%A0%80x", b""),
    "lone-surrogate": (b"", b"User-Agent: " + SURROGATE + b"\r\nReferer: https://" + SURROGATE + b".example/\r\n"),
    "not-utf-8-escaped": (b"utm_source=%FF%FE%C0%80&utm_medium=%", b""),
    "not-utf-8": (b"", b"User-Agent: \xff\xfe\xc0\x80\r\nReferer: \xff://\xfe/\r\nAccept-Language: \xff\r\n"),
    "forged-line": (b"utm_source=%22%7D%0A" + FORGED.replace(b'"', b"%22"), b"User-Agent: " + FORGED + b"\r\n"),
    "long-query": (b"utm_source=" + b"%F0%9F%99%82" * (LONG // 12), b""),
    "many-parameters": (b"&".join(b"utm_source=" for _ in range(2_000)), b""),
    "long-user-agent": (b"", b"User-Agent: " + "\N{SNOWMAN}".encode() * (LONG // 3) + b"\r\n"),
    "long-referer": (b"", b"Referer: https://" + b"x" * LONG + b".example/\r\n"),
    "long-language": (b"", b"Accept-Language: " + b"de-" * (LONG // 3) + b"\r\n"),
    "long-chain": (b"", b"X-Forwarded-For: " + b"1.2.3.4, " * (LONG // 9) + b"1.2.3.4\r\n"),
    "long-forwarded": (b"", b"Forwarded: for=" + b"[" * LONG + b"\r\n"),
    "no-address": (b"", b"X-Forwarded-For: ,,%00,\xff\r\nForwarded: for=;;\x80\r\n"),
    "many-headers": (b"", b"".join(b"X-%d: %s\r\n" % (number, b"v" * 600) for number in range(100))),
}
FIELDS = ("utm_source", "utm_medium", "referrer", "language", "browser", "os", "bot", "country")
UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
REFUSALS = {400, 414, 431}


def test_hostile_visits_are_stored_clean_and_stop_no_other(database_url: str) -> None:
    with (
        open_folder() as folder,
        serving(folder, database_url=database_url, settings={"KURZ_TRUSTED_PROXIES": "127.0.0.1"}) as kurz,
    ):
        make_links(database_url, known="https://example.com/")
        statuses = {name: sent(kurz.url, name, *parts) for name, parts in HOSTILE.items()}
        ordinary = Visits(kurz.url)
        ordinary.some("known", 3)
        until(lambda: set(ordinary.answered) <= set(stored_marks(database_url)))
        rows = ask(database_url, f"select utm_campaign, {', '.join(FIELDS)} from click where utm_campaign is not null")
        assert not (folder / "spool" / "bad").exists()
    stored = [row["utm_campaign"] for row in rows]
    assert sorted(stored) == sorted(name for name, status in statuses.items() if status == 302)
    assert set(statuses.values()) - {302} <= REFUSALS
    assert {"nul", "lone-surrogate-escaped", "not-utf-8-escaped", "forged-line"} <= set(stored)
    for row in rows:
        values = {field: row[field] for field in FIELDS if row[field] is not None}
        assert not any(UNWANTED.search(value) or len(value.encode()) > 255 for value in values.values()), dict(row)
    assert ask(database_url, "select from click_batch where rejected > 0") == []
    assert differences(database_url) == []


def sent(url: str, name: str, query: bytes, headers: bytes) -> int:
    """The status of the answer to bytes that no client library would send."""
    parts = urlsplit(url)
    assert parts.hostname and parts.port
    target = b"/known?utm_campaign=%s&%s" % (name.encode(), query)
    request = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n" % (target, headers)
    with socket.create_connection((parts.hostname, parts.port), timeout=DEADLINE_S) as connection:
        with contextlib.suppress(ConnectionError):  # it may answer, and close, before it has read everything
            connection.sendall(request)
        answer = connection.makefile("rb").readline()
    return int(answer.split(b" ")[1])
