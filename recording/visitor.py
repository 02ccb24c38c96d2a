"""From a request to anonymous facts. What identifies a person stays in memory and is forgotten with the day's salt."""

from collections.abc import Callable
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from recording.campaign import utm_of_visit
from recording.cleaning import USER_AGENT_BYTES, clean
from recording.client import ClientRule, joined, peer_of
from recording.geo import Countries
from recording.language import primary_language
from recording.referrer import referrer_host
from recording.visit import Hint, Utm, Visit

MEMO_ENTRIES = 20_000
LONGEST_REMEMBERED = 1024  # bytes of headers; the memo's size must not be the visitors' choice
HASH_BYTES = 8

# Sec-Purpose is the standard's (Fetch, section 2.2.6); the others are older browsers' and Safari's.
_PURPOSES = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_AHEAD = (b"prefetch", b"prerender", b"preview")


class Visitor(NamedTuple):
    """What stays the same from one visit to the next."""

    hash: int | None
    country: str | None
    user_agent: str | None
    language: str | None


class Visitors:
    """Reads visits out of requests; remembers visitors, so that a returning one costs next to nothing."""

    def __init__(
        self,
        *,
        client_rule: ClientRule,
        countries: Countries,
        salt_of: Callable[[date], bytes | None],
        heed_privacy_signals: bool = True,
    ) -> None:
        self._rule = client_rule
        self._countries = countries
        self._salt_of = salt_of
        self._heed = heed_privacy_signals
        self._salt: bytes | None = None
        self._visitors: dict[tuple[object, ...], Visitor] = {}
        self._referrers: dict[bytes, str | None] = {}
        self.unsalted = 0  # visits of days without a salt, which count but never as unique

    def forget(self) -> None:
        """Forgets everybody: the salt or the table of countries is another now."""
        self._visitors.clear()

    def visit(
        self, scope: Any, *, link_id: int, workspace_id: int, version: int, utm: Utm, now: datetime, head: bool
    ) -> Visit:
        """The visit that this request (an ASGI scope) is; `now` in UTC, `utm` the destination's own campaign."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        visitor = self._visitor(scope, headers, workspace_id, now)
        private = self._heed and (headers.get(b"sec-gpc") == b"1" or headers.get(b"dnt") == b"1")
        campaign = utm_of_visit(scope["query_string"], utm)
        return Visit(
            at=now,
            link_id=link_id,
            workspace_id=workspace_id,
            version=version,
            visitor=None if private else visitor.hash,
            hint=Hint.HEAD if head else _prefetch(headers),
            country=visitor.country,
            user_agent=visitor.user_agent,
            referrer=None if private else self._referrer(headers.get(b"referer")),
            language=visitor.language,
            utm_source=campaign.source,
            utm_medium=campaign.medium,
            utm_campaign=campaign.campaign,
        )

    def _visitor(self, scope: Any, headers: dict[bytes, bytes], workspace_id: int, now: datetime) -> Visitor:
        salt = self._salt_of(now.date())
        if salt is not self._salt:
            self._salt = salt
            self.forget()
        self.unsalted += salt is None
        user_agent, languages = headers.get(b"user-agent", b""), headers.get(b"accept-language", b"")
        hops = (None, None) if self._rule.trusts_nobody else self._hops(scope)
        key = (peer_of(scope), *hops, user_agent, languages, workspace_id)
        known = self._visitors.get(key)
        if known is None:
            known = self._meet(key[0], hops, user_agent, languages, workspace_id)
            if len(user_agent) + len(languages) + sum(len(hop or b"") for hop in hops) <= LONGEST_REMEMBERED:
                _remember(self._visitors, key, known)
        return known

    def _hops(self, scope: Any) -> tuple[bytes | None, bytes | None]:
        return joined(scope["headers"], b"x-forwarded-for"), joined(scope["headers"], b"forwarded")

    def _meet(
        self, peer: str, hops: tuple[bytes | None, bytes | None], user_agent: bytes, languages: bytes, workspace_id: int
    ) -> Visitor:
        address = str(self._rule.judge(peer, *hops) or "")
        return Visitor(
            hash=self._hash(address, user_agent, workspace_id),
            country=self._countries.country(address),
            user_agent=clean(user_agent, limit=USER_AGENT_BYTES),
            language=primary_language(languages),
        )

    def _hash(self, address: str, user_agent: bytes, workspace_id: int) -> int | None:
        """A number that only the holder of the day's salt could make again, and nobody once the salt is deleted."""
        if self._salt is None or not address:
            return None
        # No address contains a blank, so no two visitors give the same message.
        message = b"%d %s %s" % (workspace_id, address.encode(), user_agent[:USER_AGENT_BYTES])
        return int.from_bytes(blake2b(message, digest_size=HASH_BYTES, key=self._salt).digest(), "big", signed=True)

    def _referrer(self, referer: bytes | None) -> str | None:
        if not referer:
            return None
        if referer in self._referrers:
            return self._referrers[referer]
        host = referrer_host(referer)
        if len(referer) <= LONGEST_REMEMBERED:
            _remember(self._referrers, referer, host)
        return host


def _remember(memo: dict[Any, Any], key: object, value: object) -> None:
    if len(memo) >= MEMO_ENTRIES:
        memo.clear()  # cheaper than keeping order, and as good: whoever returns is remembered again
    memo[key] = value


def _prefetch(headers: dict[bytes, bytes]) -> Hint | None:
    for name in _PURPOSES:
        value = headers.get(name)
        if value is not None and value.lower().startswith(_AHEAD):
            return Hint.PREFETCH
    return None
