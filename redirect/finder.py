"""Finds a link: from the cache when that is current, else from the database, else an older answer rather than none."""

import asyncio

from redirect.breaker import Breaker
from redirect.cache import LinkCache
from redirect.config import RedirectConfig
from redirect.entry import READ_AT, Entry
from redirect.hearing import Hearing
from redirect.lookup import Lookup, Outcome, Unfound


class LinkFinder:
    """Decides whom to believe for how long."""

    def __init__(
        self, config: RedirectConfig, *, cache: LinkCache, hearing: Hearing, breaker: Breaker, lookup: Lookup
    ) -> None:
        self._config = config
        self._clock = config.clock
        self._cache = cache
        self._hearing = hearing
        self._breaker = breaker
        self._lookup = lookup

    def current(self, code: str) -> Entry | None:
        """The cached link, if it needs no second look."""
        entry = self._cache.get(code)
        if entry is not None and self._hearing.is_current(entry[READ_AT], self._clock()):
            return entry
        return None

    def is_cached(self, code: str) -> bool:
        """Whether there is a link to fall back on, or that could be revalidated."""
        return self._cache.get(code) is not None

    def is_known_missing(self, code: str) -> bool:
        """Whether the database said within the last moment that there is no such code."""
        return self._cache.is_known_missing(code, now=self._clock())

    async def find(self, code: str) -> Outcome:
        """The link after asking the database, or an older answer while it cannot say."""
        if self._fallback(code) is not None:
            outcome = await self._revalidate(code)
            if outcome is not Unfound.UNREADABLE:
                return outcome
            # Again from the cache: a change that was heard meanwhile has removed it, and it is no answer any more.
            entry = self._fallback(code)
            if entry is not None:
                return entry
        return await self._read(code)

    def changed(self, code: str) -> None:
        """Takes note of a change: the old answer is never given again, and the new one is fetched at once.

        At once, because the database may be away when the next visitor comes.
        """
        if self._cache.drop(code):
            self._lookup.ask(code)

    def forget(self, code: str) -> None:
        """Forgets that the code was unknown, also what is being read about it."""
        self._cache.drop(code)

    def _fallback(self, code: str) -> Entry | None:
        entry = self._cache.get(code)
        if entry is None:
            return None
        age = self._clock() - self._hearing.current_as_of(entry[READ_AT])
        return entry if age <= self._config.max_stale else None

    async def _revalidate(self, code: str) -> Outcome:
        if not self._breaker.admits(self._clock()):
            return Unfound.UNREADABLE
        outcome = await self._ask(code, within=self._config.revalidate_within)
        if outcome is None:
            self._breaker.lagged(self._clock())
        return outcome or Unfound.UNREADABLE

    async def _read(self, code: str) -> Outcome:
        # Slow is no reason to turn somebody away who has no other answer; only a refusal is.
        if self._breaker.is_broken and not self._lookup.is_flying and not self._breaker.admits(self._clock()):
            return Unfound.UNREADABLE
        return await self._ask(code, within=self._config.miss_within) or Unfound.UNREADABLE

    async def _ask(self, code: str, *, within: float) -> Outcome | None:
        """None when there was no answer in time; what is under way still reaches the cache."""
        asked = self._lookup.ask(code)
        if asked is None:
            return None
        await asyncio.wait((asked,), timeout=within)
        for _ in range(3):
            # On a starved machine the timer and the answer come in the same turn of the loop, and the answer takes
            # some turns to get here.
            if asked.done():
                break
            await asyncio.sleep(0)
        return asked.result() if asked.done() else None
