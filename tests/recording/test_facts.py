"""Language, referrer and campaign of a visit."""

import pytest

from recording.campaign import utm_of, utm_of_visit
from recording.language import primary_language
from recording.referrer import referrer_host
from recording.visit import Utm


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"de-DE,de;q=0.9,en;q=0.8", "de"),
        (b"en", "en"),
        (b"EN-us", "en"),
        (b"en_US", "en"),
        (b"en;q=0.5, fr;q=0.9", "fr"),
        (b"en ; q = 0.5 , fr", "fr"),
        (b"zh-Hant-TW", "zh"),
        (b"fil-PH,fil;q=0.9", "fil"),
        (b"*", None),
        (b"*, it;q=0.1", "it"),
        (b"en;q=0", None),
        (b"", None),
        (b"<script>alert(1)</script>", None),
        (b"\xff\xfe, nl", "nl"),
        (b"x" * 100_000, None),
        (b"en;q=9", None),
        (b"englisch", None),
        (b"i-klingon", None),
    ],
)
def test_the_language_is_the_primary_tag_of_the_favourite(header: bytes, language: str | None) -> None:
    assert primary_language(header) == language


@pytest.mark.parametrize(
    ("header", "host"),
    [
        (b"https://example.com/path?q=secret#frag", "example.com"),
        (b"https://www.Example.COM", "example.com"),
        (b"http://example.com:8080/", "example.com"),
        (b"https://user:password@example.com/", "example.com"),
        (b"https://example.com.", "example.com"),
        (b"https://example.com\\@evil.example/", "example.com"),
        (b"//example.com/x", "example.com"),
        (b"https://xn--mnchen-3ya.de/", "xn--mnchen-3ya.de"),
        (b"http://[2001:db8::1]:80/", "[2001:db8::1]"),
        (b"android-app://com.slack/", "com.slack"),
        (b"about:blank", None),
        (b"javascript:alert(1)", None),
        (b"https:///path", None),
        (b"https://<script>/", None),
        (b"https://ex ample.com/", None),
        (b"https://exa\x00mple.com/", "example.com"),
        (b"https://\xff\xfe/", None),
        (b"https://" + b"a" * 300 + b".com/", None),
        (b"", None),
        (b"garbage", None),
    ],
)
def test_of_a_referrer_only_the_host_is_kept(header: bytes, host: str | None) -> None:
    assert referrer_host(header) == host


@pytest.mark.parametrize(
    ("query", "utm"),
    [
        (b"", Utm()),
        (b"a=1&b=2", Utm()),
        (b"utm_source=mail&utm_medium=e+mail&utm_campaign=spring%2026", Utm("mail", "e mail", "spring 26")),
        (b"utm_source=a&utm_source=b", Utm("a")),
        (b"utm_source=&utm_source=b", Utm("b")),
        (b"utm_source=%00", Utm()),
        (b"utm_source=%ED%A0%80", Utm("\ufffd" * 3)),
        (b"xutm_source=a&utm_source2=b&UTM_SOURCE=c", Utm()),
        (b"utm_medium=" + b"x" * 1000, Utm(medium="x" * 255)),
        (b"&&&=&utm_source&utm_medium=a=b", Utm(medium="a=b")),
    ],
)
def test_a_campaign_is_read_from_the_query(query: bytes, utm: Utm) -> None:
    assert utm_of(query) == utm


@pytest.mark.parametrize(
    ("query", "utm"),
    [
        (b"", Utm("site", "link", "all")),
        (b"x=1", Utm("site", "link", "all")),
        (b"utm_source=mail", Utm("mail", "link", "all")),
        (b"utm_source=", Utm("site", "link", "all")),
    ],
)
def test_what_the_visitor_does_not_say_is_the_destinations(query: bytes, utm: Utm) -> None:
    assert utm_of_visit(query, Utm("site", "link", "all")) == utm
