"""Destinations: which are taken, how they are spelled afterwards, and which are refused."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.refusals import LimitReached, Problem, ProblemCode, Refused
from models.targets import BYTE_LIMIT, TargetPolicy, judge

PUBLIC = TargetPolicy(own_hosts=frozenset({"kurz.example"}), allow_private=False)
PATH = ("items", "3", "destinationUrl")


def problems_of(raw: str, policy: TargetPolicy = PUBLIC) -> list[Problem]:
    try:
        judge(raw, policy, path=PATH)
    except Refused as refused:
        return list(refused.problems)
    return []


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/A?B=C#D", "https://example.com/A?B=C#D"),
        ("  https://example.com/  ", "https://example.com/"),
        ("https:example.com", "https://example.com/"),
        ("https:///example.com", "https://example.com/"),
        (r"http:\\example.com\a", "http://example.com/a"),
        (r"https://good.example\@evil.example/", "https://good.example/@evil.example/"),
        ("https://münchen.de/straße?q=ü#ä", "https://xn--mnchen-3ya.de/stra%C3%9Fe?q=%C3%BC#%C3%A4"),
        ("https://ex\u00adample.com/", "https://example.com/"),
        ("https://\u0435xample.com/", "https://xn--xample-2of.com/"),
        ("https://example.com/a/../b/./c", "https://example.com/b/c"),
        ("https://example.com/%0d%0aSet-Cookie:x", "https://example.com/%0d%0aSet-Cookie:x"),
        ("https://example.com/%zz?%#%", "https://example.com/%zz?%#%"),
        ("https://example.com/?a=1&a=2;b+c", "https://example.com/?a=1&a=2;b+c"),
        ("https://example.com/?", "https://example.com/?"),
        ("https://example.com/{x}|y?{x}|y", "https://example.com/%7Bx%7D|y?{x}|y"),
        ("https://xn--a.example/", "https://xn--a.example/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://0x08080808/", "http://8.8.8.8/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("http://[::ffff:8.8.8.8]/", "http://[::ffff:808:808]/"),
        ("https://example.com./", "https://example.com./"),
        ("https://@example.com/", "https://example.com/"),
    ],
)
def test_what_is_stored(raw: str, stored: str) -> None:
    assert judge(raw, PUBLIC, path=PATH) == stored


@pytest.mark.parametrize(
    "raw",
    [
        *("", " ", "example.com", "/path", "//example.com", "http://", "https://:80/", "https://a b.example/"),
        *("https://good.example:80:90/", "https://example.com:99999/", "https://exa%00mple.com/", "https://[::1"),
        *("https://xn--\u00fc.example/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://exam<ple.com/"),
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "blob:https://example.com/x"),
        *(
            "file:///etc/passwd",
            "ftp://example.com/",
            "mailto:a@example.com",
            "ws://example.com/",
            "tel:1",
            "about:blank",
        ),
        *("https://user@example.com/", "https://user:secret@example.com/", "https://:secret@example.com/"),
        *("https://paypal.example@evil.example/", "https://%40@example.com/"),
    ],
)
def test_what_is_no_destination(raw: str) -> None:
    (problem,) = problems_of(raw)
    assert (problem.code, problem.path) == (ProblemCode.INVALID, PATH)


@pytest.mark.parametrize("bad", ["\x00", "\x01", "\t", "\n", "\r", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"])
@pytest.mark.parametrize(
    "form",
    ["{}https://example.com/", "ht{}tps://example.com/", "https://exa{}mple.com/a{}b#{}", "https://example.com/{}"],
)
def test_control_characters_are_refused_where_the_parser_would_drop_them(bad: str, form: str) -> None:
    (problem,) = problems_of(form.replace("{}", bad))
    assert problem.code is ProblemCode.INVALID


@pytest.mark.parametrize("bad", ["\ud800", "\udfff", "\udc00\ud800"])
def test_lone_surrogates_are_refused(bad: str) -> None:
    (problem,) = problems_of(f"https://example.com/{bad}")
    assert problem.code is ProblemCode.INVALID


@pytest.mark.parametrize("filler", ["a", "ü", "%"])
def test_the_limit_counts_serialised_bytes(filler: str) -> None:
    base, size = "https://example.com/", len({"ü": "%C3%BC"}.get(filler, filler))
    room = (BYTE_LIMIT - len(base)) // size
    assert problems_of(base + filler * room) == []
    (problem,) = problems_of(base + filler * (room + 1))
    assert isinstance(problem, LimitReached)
    assert (problem.limit, problem.path) == (BYTE_LIMIT, PATH)


def test_a_megabyte_of_url_is_refused_like_any_other() -> None:
    (problem,) = problems_of("https://example.com/" + "a" * 1_000_000)
    assert isinstance(problem, LimitReached)


def test_every_problem_is_told_at_once() -> None:
    found = problems_of("http://user:secret@10.0.0.1/" + "a" * BYTE_LIMIT)
    assert {problem.code for problem in found} == {ProblemCode.LIMIT_REACHED, ProblemCode.INVALID, ProblemCode.BLOCKED}
    assert not any("secret" in problem.message for problem in found)


PIECES = st.sampled_from(
    [
        *"://\\@?#[]%.:&= \t\n\x00",
        "http:",
        "https:",
        "//",
        "example.com",
        "127.0.0.1",
        "localhost",
        "xn--",
        "ü",
        "。",
        "\uff11",
        "%00",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=40).map("https://example.com/".__add__)))
@example("https://good.example\\@evil.example/")
def test_whatever_is_taken_is_safe_to_send_as_it_is(raw: str) -> None:
    try:
        stored = judge(raw, PUBLIC, path=PATH)
    except Refused as refused:
        assert refused.problems
        return
    assert re.fullmatch(r"https?://[!-~]+", stored), "printable ASCII without blanks"
    assert judge(stored, PUBLIC, path=PATH) == stored, "stable"
    parts = urlsplit(stored)
    assert parts.hostname
    assert "@" not in parts.netloc, "a second parser sees the same authority"
