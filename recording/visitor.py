"""From a request to anonymous facts. What identifies a person stays in memory and is forgotten with the day's salt."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import blake2b
from struct import Struct

from recording.browser import Browser, Browsers, PassedOn
from recording.campaign import utm_of_visit
from recording.client import NO_PEER, ClientRule, Headers, Peer, joined
from recording.geo import Countries
from recording.memo import Memo
from recording.visit import Hint
from recording.visit_line import LAST_DIGITS, THREE_DIGITS, LinkParts, beginning_of, campaign_in, campaign_part, member

CONNECTIONS_BYTES = 8 * 1024 * 1024  # some 9,000 connections that are kept alive
HASH_BYTES = 8

_SECOND = 1_000_000_000  # nanoseconds
_NEVER = -(10**21)
_NUMBER: Callable[[bytes], tuple[int]] = Struct(">q").unpack

_HEAD, _PREFETCH = member("hint", Hint.HEAD), member("hint", Hint.PREFETCH)

# Who was found out before: in which era, workspace, whether with HEAD, and what lines say about it.
Known = tuple[object, int, bool, bytes]
_NOBODY: Known = (None, -1, False, b"")

# The hash of what the second request of a connection told (SipHash, with a key of this process), and who that is. The
# next are mostly like it. To compare all it told, out of memory nobody has used since, takes as long as all the rest.
_Last = tuple[int, Known]
_UNHEARD: _Last = (0, _NOBODY)
_ONCE: _Last = (1, _NOBODY)
_VARIED: _Last = (2, _NOBODY)


class Visitors:
    """Reads visits out of requests; a visitor who stays on a connection costs next to nothing.

    Others are not remembered: to find out again who they are takes no longer than to look them up among thousands.
    """

    def __init__(
        self,
        *,
        client_rule: ClientRule,
        countries: Countries,
        salt_of: Callable[[date], bytes | None],
        heed_privacy_signals: bool = True,
    ) -> None:
        self._rule = client_rule
        self._trusts_nobody = client_rule.trusts_nobody
        self._countries = countries
        self._salt_of = salt_of
        self._salt: bytes | None = None
        self._keyed: blake2b | None = None  # a hash that has taken the salt for its key
        self._second = _NEVER  # the one whose visits need no look for a salt; nanoseconds since 1970
        self._beginning = b""  # of their lines
        self.browsers = Browsers(heed_privacy_signals=heed_privacy_signals)
        self._countries_said = _CountryMembers()
        self._connections: Memo[Peer | None, _Last] = Memo(CONNECTIONS_BYTES)
        self._era = object()  # another one when what was found out before holds no longer
        self.unsalted = 0  # visits of days without a salt, which count but never as unique

    def forget(self) -> None:
        """Forgets everybody: a salt or the table of countries is another now."""
        self._second = _NEVER
        self._era = object()
        self._connections.clear()
        self.browsers.forget()

    def line(  # noqa: PLR0917 - by position
        self, headers: Headers, client: Peer | None, query: bytes, link: LinkParts, now: int, head: bool
    ) -> bytes:
        """The line of the visit that this request is; see Recorder.record."""
        passed = now - self._second
        if not 0 <= passed < _SECOND:
            passed = self._begin_second(now)
        last = self._connections.get(client, _UNHEARD)
        told, (era, workspace_id, was_head, facts) = last
        telling = 0 if last is _VARIED else hash(tuple(headers))
        if told != telling or era is not self._era or workspace_id != link[0] or was_head is not head:
            facts = self._read(headers, client, link[0], head)
            if last is not _VARIED:
                self._listen(last, client, telling, (self._era, link[0], head, facts))
        return self._joined(passed, link, facts, query)

    def meet(  # noqa: PLR0917 - by position
        self,
        headers: Headers,
        client: Peer | None,
        query: bytes,
        link: LinkParts,
        now: int,
        head: bool,
        passed_on: PassedOn | None,
    ) -> tuple[bytes, Known]:
        """The line, and who it is, to be remembered by whoever sees the next requests of the connection."""
        passed = now - self._second
        if not 0 <= passed < _SECOND:
            passed = self._begin_second(now)
        if passed_on is None:
            facts = self._read(headers, client, link[0], head)
        else:
            browser, hops, packed = passed_on
            peer = client[0] if client else NO_PEER
            if packed is not None and self._rule.believes(peer, packed):
                address = hops.decode("latin-1")
            else:
                address = self._rule.judge(peer, hops, None) or ""
            facts = self._facts(browser, address, link[0], head)
        return self._joined(passed, link, facts, query), (self._era, link[0], head, facts)

    def line_of(self, known: Known, query: bytes, link: LinkParts, now: int, head: bool) -> bytes | None:
        """The line of another visit by them; None when they have to be met once more."""
        passed = now - self._second
        if not 0 <= passed < _SECOND:
            passed = self._begin_second(now)
        era, workspace_id, was_head, facts = known
        if era is not self._era or workspace_id != link[0] or was_head is not head:
            return None
        return self._joined(passed, link, facts, query)

    def _joined(self, passed: int, link: LinkParts, facts: bytes, query: bytes) -> bytes:
        _workspace_id, link_part, campaign = link
        if query and b"utm_" in query:
            campaign = campaign_part(utm_of_visit(query, campaign_in(campaign)))
        millis, micros = THREE_DIGITS[passed // 1_000_000], LAST_DIGITS[passed // 1_000 % 1_000]
        return b"".join((self._beginning, millis, micros, link_part, facts, campaign))

    def _listen(self, last: _Last, client: Peer | None, telling: int, known: Known) -> None:
        if last is _UNHEARD:
            self._connections.remember(client, _ONCE, size=0)  # most connections bring only one request
        elif last is _ONCE:
            self._connections.remember(client, (telling, known), size=len(known[-1]))
        else:
            self._connections[client] = _VARIED  # a proxy's: from now on it costs no comparison

    def _begin_second(self, now: int) -> int:
        """Prepares what the visits of a second share, and tells how much of it has passed."""
        seconds, passed = divmod(now, _SECOND)
        begun = datetime.fromtimestamp(seconds, UTC)
        salt = self._salt_of(begun.date())
        if salt != self._salt:
            self.forget()
        self._salt = salt
        self._keyed = None if salt is None else blake2b(digest_size=HASH_BYTES, key=salt)
        self._beginning = beginning_of(begun)
        if salt is None:  # it may come at any time
            self._second, self._era = _NEVER, object()
        else:
            self._second = now - passed
        return passed

    def _read(self, lines: Headers, client: Peer | None, workspace_id: int, head: bool) -> bytes:
        headers = dict(lines)
        forwarded_for = forwarded = None
        if not self._trusts_nobody:
            forwarded_for, forwarded = headers.get(b"x-forwarded-for"), headers.get(b"forwarded")
            if len(headers) != len(lines):  # a header has several lines, and the dictionary only the last
                forwarded_for, forwarded = joined(lines, b"x-forwarded-for"), joined(lines, b"forwarded")
        address = self._rule.judge(client[0] if client else NO_PEER, forwarded_for, forwarded) or ""
        return self._facts(self.browsers.read(headers), address, workspace_id, head)

    def _facts(self, browser: Browser, address: str, workspace_id: int, head: bool) -> bytes:
        user_agent, is_private, is_ahead, members = browser
        visitor = b""
        if self._keyed is None:
            self.unsalted += 1
        elif address and not is_private:
            keyed = self._keyed.copy()
            # No address contains a blank, so no two visitors give the same message.
            keyed.update(b"%d %b %b" % (workspace_id, address.encode(), user_agent))
            # A number that only the holder of the day's salt could make again, and nobody once the salt is deleted.
            visitor = b',"visitor":%d' % _NUMBER(keyed.digest())
        country = self._countries_said[self._countries.country(address)]
        if head or is_ahead:
            return b"".join((visitor, _HEAD if head else _PREFETCH, country, members))
        return visitor + country + members


class _CountryMembers(dict[str | None, bytes]):
    """What a line says about a country."""

    def __missing__(self, code: str | None) -> bytes:
        said = self[code] = member("country", code)
        return said
