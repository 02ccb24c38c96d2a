"""What the headers of a request say about a visit, apart from where it comes from."""

from collections.abc import Callable
from typing import Final

from recording.cleaning import USER_AGENT_BYTES, clean
from recording.language import primary_language
from recording.memo import LONGEST_REMEMBERED, Memo, Readings
from recording.referrer import referrer_host
from recording.visit_line import member

BROWSERS_BYTES: Final = 4 * 1024 * 1024  # some 2,500 browsers
LONGEST_BLOCK: Final = 2 * LONGEST_REMEMBERED  # bytes of a browser's headers together

# Sec-Purpose is the standard's (Fetch, section 2.2.6); the others are older browsers' and Safari's.
_PURPOSES = frozenset((b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
_AHEAD = (b"prefetch", b"prerender", b"preview")
_PRIVATE = (b"sec-gpc", b"dnt")
_SEES_NOTHING = _PURPOSES.union(_PRIVATE).isdisjoint  # most requests send none of them

# User-Agent as far as it counts, whether the visitor wishes not to be tracked, whether it is a prefetch, and what a
# visit's line says about user agent, referrer and language. A plain tuple: one is made for most visits.
Browser = tuple[bytes, bool, bool, bytes]
# With X-Forwarded-For, and its packed form if it is one IPv4 address; there is no Forwarded.
PassedOn = tuple[Browser, bytes, bytes | None]


class Browsers(Memo[bytes, Browser]):
    """Reads browsers out of headers, and remembers some by all their header lines but X-Forwarded-For."""

    def __init__(self, *, heed_privacy_signals: bool) -> None:
        super().__init__(BROWSERS_BYTES)
        self._heed = heed_privacy_signals
        self._user_agents = Readings(lambda value: member("user_agent", clean(value, limit=USER_AGENT_BYTES)))
        self._languages = Readings(lambda value: member("language", primary_language(value)))
        self._referrers = Readings(lambda value: member("referrer", referrer_host(value)))

    @property
    def readings(self) -> tuple[Readings, ...]:
        """What single headers were read as."""
        return self._user_agents, self._languages, self._referrers

    def read(self, headers: dict[bytes, bytes]) -> Browser:
        """The browser that sends these headers, of several with one name the last."""
        get: Callable[[bytes, bytes], bytes] = headers.get
        is_private = is_ahead = False
        if not _SEES_NOTHING(headers):
            is_private = self._heed and any(get(name, b"") == b"1" for name in _PRIVATE)
            is_ahead = _is_ahead(headers)
        user_agent = get(b"user-agent", b"")
        referrer = b"" if is_private or b"referer" not in headers else self._referrers[headers[b"referer"]]
        members = self._user_agents[user_agent] + referrer + self._languages[get(b"accept-language", b"")]
        return user_agent[:USER_AGENT_BYTES], is_private, is_ahead, members

    def keep(self, block: bytes, browser: Browser) -> None:
        """Remembers it by these header lines, if they are not too long."""
        if len(block) <= LONGEST_BLOCK:
            user_agent, _, _, members = browser
            self.remember(block, browser, size=len(block) + len(user_agent) + len(members))

    def forget(self) -> None:
        """Forgets all browsers and what they sent."""
        self.clear()
        for readings in self.readings:
            readings.clear()


def _is_ahead(headers: dict[bytes, bytes]) -> bool:
    return any(headers[name].lower().startswith(_AHEAD) for name in _PURPOSES & headers.keys())
