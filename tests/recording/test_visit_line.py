"""The line put together from remembered parts against the visit it stands for, read in the plain way."""

from datetime import UTC, datetime
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from recording.campaign import utm_of_visit
from recording.cleaning import clean
from recording.client import ClientRule
from recording.geo import Registrations
from recording.language import primary_language
from recording.referrer import referrer_host
from recording.visit import Hint, Utm, Visit, encode
from recording.visit_line import link_parts
from recording.visitor import Visitors
from tests.recording.test_visitor import nanoseconds

SALT = b"s" * 32
IDS = st.integers(0, 2**63 - 1)
UTMS = st.builds(Utm, *[st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)] * 3)
TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
PEERS = st.sampled_from(["", "8.8.8.8", "10.0.0.1", "::ffff:10.0.0.1", "2001:4860:4860::8888", "local", "fe80::1%eth0"])
HOPS = st.sampled_from([b"8.8.4.4", b"6.6.6.6, 10.0.0.2", b"[2001:db8::5]:80", b"for=8.8.4.4", b"x", b"", b"1.2.3.4:5"])
NAMES = st.sampled_from([b"sec-gpc", b"dnt", b"sec-purpose", b"purpose", b"x-purpose", b"x-moz", b"cookie"])
TEXTS = st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
HEADERS = st.lists(
    st.tuples(NAMES, st.sampled_from([b"1", b"0", b"prefetch;prerender", b"Preview", b"x"]))
    | st.tuples(st.sampled_from([b"x-forwarded-for", b"forwarded"]), HOPS | TEXTS)
    | st.tuples(st.just(b"user-agent"), TEXTS | st.sampled_from([b'Firefox "5"\\', b"y" * 3_000]))
    | st.tuples(st.just(b"accept-language"), TEXTS | st.sampled_from([b"de-AT,en;q=0.5", b"*", b"z" * 3_000]))
    | st.tuples(st.just(b"referer"), TEXTS | st.sampled_from([b"https://www.example.com/a?b", b"//" + b"h" * 3_000])),
    max_size=9,
)
QUERIES = st.sampled_from([b"", b"a=b", b"utm_source=mine", b"utm_medium=%00&utm_campaign=%ED%A0%80x"]) | TEXTS


def plainly(scope: Any, *, rule: ClientRule, link: tuple[int, int, int], utm: Utm, now: datetime, head: bool) -> Visit:
    """The visit, each field for itself and nothing remembered."""
    link_id, workspace_id, version = link
    headers = dict(scope["headers"])
    address = str(rule.address(scope) or "")
    user_agent = headers.get(b"user-agent", b"")
    private = b"1" in (headers.get(b"sec-gpc"), headers.get(b"dnt"))
    message = b"%d %s %s" % (workspace_id, address.encode(), user_agent[:512])
    digest = blake2b(message, digest_size=8, key=SALT).digest()
    purposes = [headers.get(name, b"").lower() for name in (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")]
    is_ahead = any(purpose.startswith((b"prefetch", b"prerender", b"preview")) for purpose in purposes)
    campaign = utm_of_visit(scope["query_string"], utm)
    return Visit(
        at=now,
        link_id=link_id,
        workspace_id=workspace_id,
        version=version,
        visitor=None if private or not address else int.from_bytes(digest, "big", signed=True),
        hint=Hint.HEAD if head else Hint.PREFETCH if is_ahead else None,
        country=Registrations().country(address),
        user_agent=clean(user_agent, limit=512),
        referrer=None if private else referrer_host(headers.get(b"referer", b"")),
        language=primary_language(headers.get(b"accept-language", b"")),
        utm_source=campaign.source,
        utm_medium=campaign.medium,
        utm_campaign=campaign.campaign,
    )


REQUESTS = st.tuples(PEERS, HEADERS, QUERIES, st.tuples(IDS, IDS, IDS), UTMS, TIMES, st.booleans())


@settings(deadline=None, derandomize=True, max_examples=300)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=4), trusted=st.sampled_from([(), ("10.0.0.0/8",)]))
def test_the_line_is_that_of_the_visit_also_when_it_comes_again(requests: list[Any], trusted: tuple[str, ...]) -> None:
    rule = ClientRule(trusted)
    by = Visitors(client_rule=rule, countries=Registrations(), salt_of=lambda _day: SALT)
    for peer, headers, query, link, utm, now, head in (
        requests * 4
    ):  # a connection is remembered from its second request on
        client = (peer, 1) if peer else None
        scope = {"type": "http", "client": client, "headers": headers, "query_string": query}
        link_id, workspace_id, version = link
        parts = link_parts(link_id=link_id, workspace_id=workspace_id, version=version, utm=utm)
        expected = plainly(scope, rule=rule, link=link, utm=utm, now=now, head=head)
        line = by.line(headers, client, query, parts, now=nanoseconds(now), head=head)
        assert line.replace(b'.000000Z"', b'Z"', 1) == encode(expected)
        met, known = by.meet(headers, client, query, parts, nanoseconds(now), head, None)
        assert line == met == by.line_of(known, query, parts, nanoseconds(now), head)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    text=st.text(max_size=20)
    | st.text("0123456789abcdefF.:%/ ", max_size=45)
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda address: address.exploded)
    | st.binary(max_size=4).map(lambda end: str(IPv6Address(bytes(16 - len(end)) + end)))
    | st.lists(st.sampled_from(["0", "1", "ffff", "db8"]), min_size=8, max_size=8).map(":".join)
)
@example("::ffff:8.8.8.8")
@example("::8.8.8.8")
@example("010.1.1.1")
@example("1.2.3")
@example("1.2.3.4\0")
@example("\ud800")
@example("\u0661.2.3.4")
def test_addresses_are_read_and_written_as_python_does(text: str) -> None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        expected = None
    else:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        expected = str(mapped or address)
    assert ClientRule(()).judge(text, None, None) == expected
