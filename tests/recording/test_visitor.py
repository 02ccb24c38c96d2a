"""From a request to a visit: what is known, and what is not said any further."""

from datetime import UTC, date, datetime, timedelta
from sys import getsizeof
from typing import Any

import pytest

from recording.client import ClientRule
from recording.geo import Registrations
from recording.memo import Memo
from recording.visit import Hint, Utm, Visit, decode, encode
from recording.visit_line import link_parts
from recording.visitor import Known, Visitors

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SALTS = {NOW.date(): b"a" * 32, NOW.date() + timedelta(days=1): b"b" * 32}


def visitors(*trusted: str, salts: dict[date, bytes] = SALTS, heed: bool = True) -> Visitors:
    return Visitors(
        client_rule=ClientRule(trusted), countries=Registrations(), salt_of=salts.get, heed_privacy_signals=heed
    )


def request(peer: str | None = "8.8.8.8", query: bytes = b"", **headers: Any) -> dict[str, Any]:
    raw = [
        (name.replace("_", "-").encode(), value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in headers.items()
    ]
    client = None if peer is None else (peer, 4711)
    return {"type": "http", "headers": raw, "client": client, "query_string": query}


def nanoseconds(at: datetime) -> int:
    """As time.time_ns has it."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def visit_of(
    scope: dict[str, Any],
    *,
    by: Visitors | None = None,
    now: datetime = NOW,
    workspace_id: int = 1,
    head: bool = False,
    utm: Utm = Utm(),  # noqa: B008 - immutable
) -> Visit:
    link = link_parts(link_id=7, workspace_id=workspace_id, version=3, utm=utm)
    headers, client, query = scope["headers"], scope["client"], scope["query_string"]
    visit = decode((by or visitors()).line(headers, client, query, link, now=nanoseconds(now), head=head))
    assert isinstance(visit, Visit)
    return visit


def test_a_visit_holds_what_the_request_tells() -> None:
    scope = request(
        query=b"utm_source=mail",
        user_agent="Firefox",
        accept_language="de-AT,en;q=0.5",
        referer="https://example.com/secret",
    )
    visit = visit_of(scope, utm=Utm(medium="link"))
    assert visit.visitor is not None
    assert visit == Visit(
        at=NOW,
        link_id=7,
        workspace_id=1,
        version=3,
        visitor=visit.visitor,
        country="US",
        user_agent="Firefox",
        referrer="example.com",
        language="de",
        utm_source="mail",
        utm_medium="link",
    )


def test_a_line_comes_back_as_it_was_written_and_is_one_line() -> None:
    visit = visit_of(request(user_agent=b'a"b\\c\xe2\x80\xa8\xff\n'))
    assert encode(visit).count(b"\n") == 1
    assert decode(encode(visit)) == visit


@pytest.mark.parametrize(
    ("same", "other"),
    [
        (True, request(user_agent="A", referer="https://x.example")),
        (False, request(user_agent="B")),
        (False, request("8.8.4.4", user_agent="A")),
    ],
)
def test_a_visitor_is_an_address_and_a_user_agent(same: bool, other: dict[str, Any]) -> None:
    by = visitors()
    assert (visit_of(request(user_agent="A"), by=by).visitor == visit_of(other, by=by).visitor) is same


def test_the_hash_is_another_for_every_salt_and_workspace_and_the_same_in_every_process() -> None:
    scope = request(user_agent="A")
    here = visit_of(scope)
    assert visit_of(scope).visitor == here.visitor
    assert visit_of(scope, workspace_id=2).visitor != here.visitor
    assert visit_of(scope, now=NOW + timedelta(days=1)).visitor != here.visitor
    assert visit_of(scope, by=visitors(salts={NOW.date(): b"c" * 32})).visitor != here.visitor


def test_over_midnight_the_salt_changes_with_the_time_of_the_request() -> None:
    by = visitors()
    scope = request(user_agent="A")
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    before, after = midnight - timedelta(microseconds=1), midnight
    hashes = [visit_of(scope, by=by, now=now).visitor for now in (before, after, before, after)]
    assert hashes[0] == hashes[2] != hashes[1] == hashes[3]


def test_without_a_salt_or_an_address_there_is_no_hash() -> None:
    assert visit_of(request(user_agent="A"), by=visitors(salts={})).visitor is None
    nobody = visit_of(request(None, user_agent="A"))
    assert (nobody.visitor, nobody.country, nobody.user_agent) == (None, None, "A")


@pytest.mark.parametrize("signal", ["sec_gpc", "dnt"])
def test_who_asks_not_to_be_tracked_is_only_counted(signal: str) -> None:
    said: dict[str, Any] = {signal: "1"}
    wishes = request(user_agent="A", referer="https://example.com/", **said)
    private = visit_of(wishes)
    assert (private.visitor, private.referrer, private.user_agent, private.country) == (None, None, "A", "US")
    unheeded = visit_of(wishes, by=visitors(heed=False))
    assert unheeded.visitor is not None and unheeded.referrer == "example.com"
    said[signal] = "0"
    assert visit_of(request(user_agent="A", **said)).visitor is not None


def test_a_visitor_met_before_is_still_asked_for_their_wishes() -> None:
    by = visitors()
    assert visit_of(request(user_agent="A"), by=by).visitor is not None
    assert visit_of(request(user_agent="A", sec_gpc="1"), by=by).visitor is None


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({}, None),
        ({"sec_purpose": "prefetch"}, Hint.PREFETCH),
        ({"sec_purpose": "prefetch;prerender"}, Hint.PREFETCH),
        ({"purpose": "prefetch"}, Hint.PREFETCH),
        ({"purpose": "Preview"}, Hint.PREFETCH),
        ({"x_purpose": "preview"}, Hint.PREFETCH),
        ({"x_moz": "prefetch"}, Hint.PREFETCH),
        ({"sec_purpose": "navigate"}, None),
        ({"sec_fetch_dest": "document"}, None),
    ],
)
def test_a_prefetch_is_noticed(headers: dict[str, Any], hint: Hint | None) -> None:
    assert visit_of(request(user_agent="A", **headers)).hint is hint


def test_head_is_noticed_before_all_else() -> None:
    assert visit_of(request(purpose="prefetch"), head=True).hint is Hint.HEAD


def test_behind_a_trusted_proxy_the_visitor_is_who_it_names() -> None:
    by = visitors("10.0.0.0/8")
    direct = visit_of(request("8.8.8.8", user_agent="A"), by=by)
    proxied = visit_of(request("10.0.0.1", user_agent="A", x_forwarded_for="6.6.6.6, 8.8.8.8"), by=by)
    mapped = visit_of(request("::ffff:8.8.8.8", user_agent="A"), by=by)
    assert direct == proxied == mapped
    another = visit_of(request("10.0.0.1", user_agent="A", x_forwarded_for="8.8.4.4"), by=by)
    assert another.visitor != proxied.visitor


def test_requests_of_one_connection_are_told_apart() -> None:
    def expected(scope: dict[str, Any], **more: Any) -> Visit:
        return visit_of(scope, by=visitors("10.0.0.0/8"), **more)

    usual = request("10.0.0.1", user_agent="A", x_forwarded_for="8.8.8.8", cookie="a=b")
    others = (
        request("10.0.0.1", user_agent="A", x_forwarded_for="8.8.4.4", cookie="a=b"),
        request("10.0.0.1", user_agent="A", x_forwarded_for="8.8.8.8", cookie="a=b", dnt="1"),
        request("10.0.0.1", user_agent="A", cookie="a=b"),
    )
    for other in others:
        by = visitors("10.0.0.0/8")
        for scope in (usual, usual, usual, other, usual, other):
            assert visit_of(scope, by=by) == expected(scope)
    changes: list[dict[str, Any]] = [{"head": True}, {"workspace_id": 2}, {"now": NOW + timedelta(days=1)}]
    for change in changes:
        by = visitors("10.0.0.0/8")
        for more in ({}, {}, {}, change, {}, change):
            assert visit_of(usual, by=by, **more) == expected(usual, **more)


def test_headers_that_a_caller_changes_later_are_not_taken_for_the_same() -> None:
    by = visitors()
    scope = request(user_agent="A")
    before = [visit_of(scope, by=by) for _ in range(3)]
    scope["headers"][0] = (b"user-agent", b"B")
    assert visit_of(scope, by=by).user_agent == "B" and before[-1].user_agent == "A"


def test_hostile_headers_are_stored_clean_and_short() -> None:
    scope = request(
        query=b"utm_source=%00&utm_medium=%ED%A0%80&utm_campaign=" + b"x" * 100_000,
        user_agent=b"<script>\xff\x00" + b"x" * 65_536,
        accept_language=b"\xff" * 65_536,
        referer=b"https://" + b"y" * 65_536,
    )
    raw = encode(visit_of(scope))
    assert len(raw) < 2_000
    assert decode(raw) == visit_of(scope)
    assert raw.count(b"\n") == 1


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recording.visitor.CONNECTIONS_BYTES", 10_000)
    monkeypatch.setattr("recording.memo.READINGS_BYTES", 10_000)
    by = visitors()
    for number in range(100):
        long = "x" * (number % 10 * 100)
        visit_of(request(user_agent=f"A{number}{long}", referer=f"https://{number}.example/{long}"), by=by)
        visit_of(request(accept_language=f"de-{number}"), by=by)
        for _ in range(3):
            visit_of(request(f"8.8.8.{number}", cookie=long), by=by)
    visit_of(request(user_agent="A" * 10_000, referer="https://x.example/" + "x" * 10_000), by=by)
    memos: list[Memo[Any, Any]] = [by._connections, *by.browsers.readings]
    for memo in memos:
        kept = sum(map(getsizeof, [*memo.keys(), *memo.values()]))
        assert 0 < kept <= memo.bytes <= 10_000
        assert all(len(str(key)) < 5_000 for key in memo)


def test_of_visitors_who_do_not_stay_nothing_is_kept() -> None:
    by = visitors("10.0.0.0/8")
    for number in range(100):
        visit_of(request("10.0.0.1", user_agent="A", x_forwarded_for=f"8.8.8.{number}"), by=by)
        visit_of(request(f"8.8.4.{number}", user_agent="A"), by=by)
    assert not any("8.8.8." in str(kept) for kept in vars(by).values())
    assert {facts for _, (_, _, _, facts) in by._connections.values()} == {b""}


def meet(by: Visitors, *, workspace_id: int = 1) -> Known:
    link = link_parts(link_id=7, workspace_id=workspace_id, version=3, utm=Utm())
    headers = [(b"user-agent", b"A")]
    _, known = by.meet(headers, ("8.8.8.8", 4711), b"", link, nanoseconds(NOW), False, None)
    return known


@pytest.mark.parametrize(
    ("change", "is_met_again"),
    [
        ({}, False),
        ({"link_id": 8}, False),
        ({"query": b"utm_source=a"}, False),
        ({"now": NOW + timedelta(seconds=90)}, False),
        ({"workspace_id": 2}, True),
        ({"head": True}, True),
        ({"now": NOW + timedelta(days=1)}, True),
        ({"now": NOW + timedelta(days=9)}, True),
    ],
)
def test_who_is_known_is_met_again_when_the_facts_are_others(change: dict[str, Any], is_met_again: bool) -> None:
    by = visitors()
    known = meet(by)
    asked: dict[str, Any] = {"link_id": 7, "workspace_id": 1, "query": b"", "now": NOW, "head": False} | change
    link = link_parts(link_id=asked["link_id"], workspace_id=asked["workspace_id"], version=3, utm=Utm())
    line = by.line_of(known, asked["query"], link, nanoseconds(asked["now"]), asked["head"])
    assert (line is None) is is_met_again
    if line is not None:
        headers, client = [(b"user-agent", b"A")], ("8.8.8.8", 4711)
        assert line == visitors().line(headers, client, asked["query"], link, nanoseconds(asked["now"]), asked["head"])


def test_nobody_stays_known_over_a_new_table_of_countries_or_without_a_salt() -> None:
    by = visitors()
    known = meet(by)
    by.forget()
    link = link_parts(link_id=7, workspace_id=1, version=3, utm=Utm())
    assert by.line_of(known, b"", link, nanoseconds(NOW), False) is None
    unsalted = visitors(salts={})
    for number in range(1, 4):
        known = meet(unsalted)
        assert unsalted.line_of(known, b"", link, nanoseconds(NOW), False) is None
        assert unsalted.unsalted == number


def test_a_new_table_of_countries_is_asked_about_visitors_met_before() -> None:
    class Moving(Registrations):
        code = "US"

        def country(self, address: str) -> str | None:  # noqa: ARG002
            return self.code

    countries = Moving()
    by = Visitors(client_rule=ClientRule(()), countries=countries, salt_of=SALTS.get)
    assert visit_of(request(), by=by).country == "US"
    countries.code = "DE"
    by.forget()
    assert visit_of(request(), by=by).country == "DE"
