"""From a request to anonymous facts. What identifies a person stays in memory and is forgotten with the day's salt."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from recording.campaign import utm_of_visit
from recording.cleaning import USER_AGENT_BYTES, clean
from recording.client import ClientRule, joined, peer_of
from recording.geo import Countries
from recording.language import primary_language
from recording.memo import LONGEST_REMEMBERED, Memo, Readings
from recording.referrer import referrer_host
from recording.visit import Hint
from recording.visit_line import LinkParts, campaign_in, campaign_part, facts_part, line_of

FACTS_BYTES = 16 * 1024 * 1024  # some 15,000 visitors
HASH_BYTES = 8

# Sec-Purpose is the standard's (Fetch, section 2.2.6); the others are older browsers' and Safari's.
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_AHEAD = (b"prefetch", b"prerender", b"preview")
_PRIVATE = (b"sec-gpc", b"dnt")
_SEES_NOTHING = _PURPOSES.union(_PRIVATE).isdisjoint  # most requests send none of them
_SURE_FOR = timedelta(seconds=1)  # how long a salt is not looked up again, unless its day ends before
_NEVER = datetime.min.replace(tzinfo=UTC)

# All that the facts depend on: workspace, peer, X-Forwarded-For, Forwarded, User-Agent, Accept-Language, referrer's
# host, whether the visitor wishes not to be tracked, whether it is a prefetch, whether it is a HEAD.
_Asker = tuple[int, str, bytes | None, bytes | None, bytes, bytes, str | None, bool, bool, bool]


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
        self._trusts_nobody = client_rule.trusts_nobody
        self._countries = countries
        self._salt_of = salt_of
        self._heed = heed_privacy_signals
        self._salt: bytes | None = None
        self._salted_from = self._salted_until = _NEVER  # when visits may use it without a look
        self._facts: Memo[_Asker, bytes] = Memo(FACTS_BYTES)
        self._user_agents = Readings(lambda value: clean(value, limit=USER_AGENT_BYTES))
        self._languages = Readings(primary_language)
        self._referrers = Readings(referrer_host)
        self.unsalted = 0  # visits of days without a salt, which count but never as unique

    def forget(self) -> None:
        """Forgets everybody: a salt or the table of countries is another now."""
        self._salted_from = self._salted_until = _NEVER
        for memo in (self._facts, self._user_agents, self._languages, self._referrers):
            memo.clear()

    def line(self, scope: Any, link: LinkParts, *, now: datetime, head: bool) -> bytes:
        """The line of the visit that this request (an ASGI scope) is; `now` in UTC."""
        workspace_id, link_part, campaign = link
        if not self._salted_from <= now < self._salted_until:
            self._look_for_salt(now)
        asker = self._asker(scope, workspace_id, head)
        facts = self._facts.get(asker)
        if facts is None:
            facts = self._meet(asker)
        query = scope["query_string"]
        if query and b"utm_" in query:
            campaign = campaign_part(utm_of_visit(query, campaign_in(campaign)))
        return line_of(now, link_part, facts, campaign)

    def _look_for_salt(self, now: datetime) -> None:
        salt = self._salt_of(now.date())
        if salt != self._salt:
            self.forget()
        self._salt = salt
        if salt is None:  # it may come at any time
            self.unsalted += 1
            return
        midnight = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
        self._salted_from, self._salted_until = now, min(now + _SURE_FOR, midnight)

    def _asker(self, scope: Any, workspace_id: int, head: bool) -> _Asker:
        lines = scope["headers"]
        headers: dict[bytes, bytes] = dict(lines)
        get = headers.get
        forwarded_for = forwarded = None
        if not self._trusts_nobody:
            forwarded_for, forwarded = get(b"x-forwarded-for"), get(b"forwarded")
            if len(headers) != len(lines):  # a header has several lines, and the dictionary only the last
                forwarded_for, forwarded = joined(lines, b"x-forwarded-for"), joined(lines, b"forwarded")
        private = is_ahead = False
        if not _SEES_NOTHING(headers):
            private = self._heed and any(get(name) == b"1" for name in _PRIVATE)
            is_ahead = _is_ahead(headers)
        referer = get(b"referer")
        return (
            workspace_id,
            peer_of(scope),
            forwarded_for,
            forwarded,
            get(b"user-agent", b""),
            get(b"accept-language", b""),
            None if referer is None or private else self._referrers[referer],
            private,
            is_ahead,
            head,
        )

    def _meet(self, asker: _Asker) -> bytes:
        workspace_id, peer, forwarded_for, forwarded, user_agent, languages, referrer, private, is_ahead, head = asker
        address = self._rule.judge(peer, forwarded_for, forwarded) or ""
        facts = facts_part(
            visitor=None if private else self._hash(address, user_agent, workspace_id),
            hint=Hint.HEAD if head else Hint.PREFETCH if is_ahead else None,
            country=self._countries.country(address),
            user_agent=self._user_agents[user_agent],
            referrer=referrer,
            language=self._languages[languages],
        )
        size = len(user_agent) + len(languages) + len(forwarded_for or b"") + len(forwarded or b"")
        if size <= LONGEST_REMEMBERED:
            self._facts.remember(asker, facts, size=size + len(referrer or "") + len(facts))
        return facts

    def _hash(self, address: str, user_agent: bytes, workspace_id: int) -> int | None:
        """A number that only the holder of the day's salt could make again, and nobody once the salt is deleted."""
        if self._salt is None or not address:
            return None
        # No address contains a blank, so no two visitors give the same message.
        message = b"%d %s %s" % (workspace_id, address.encode(), user_agent[:USER_AGENT_BYTES])
        return int.from_bytes(blake2b(message, digest_size=HASH_BYTES, key=self._salt).digest(), "big", signed=True)


def _is_ahead(headers: dict[bytes, bytes]) -> bool:
    return any(headers[name].lower().startswith(_AHEAD) for name in _PURPOSES & headers.keys())
