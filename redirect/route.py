"""The door of short links: look up, record, answer."""

import asyncio

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from recording.client import ClientRule
from recording.recorder import Recorder
from redirect.breaker import Breaker
from redirect.budget import UnknownBudget, client_key
from redirect.cache import LinkCache
from redirect.code_path import CODE, code_route
from redirect.config import RedirectConfig
from redirect.entry import AFTER_LOCATION, Entry
from redirect.finder import LinkFinder
from redirect.fixed import favicon_ico, robots_txt
from redirect.hearing import Hearing
from redirect.lane import Lane
from redirect.link_reader import LinkReader, UnreadableError
from redirect.listener import Listener
from redirect.lookup import Lookup, Unfound
from redirect.pages import build_pages


class RedirectDoor:
    """A raw ASGI endpoint: Starlette's Request and RedirectResponse cost more than all the rest of a redirect.

    RedirectResponse would also quote the destination once more, and that changes it.
    """

    def __init__(self, config: RedirectConfig, *, recorder: Recorder | None = None) -> None:
        """Without a recorder, which the caller starts before and stops after this, visits leave no trace."""
        self._config = config
        self._clock = config.clock
        self._now = config.now
        self._recorder = recorder
        self._pages = build_pages()
        self._client = ClientRule(config.trusted_proxies)
        self._budget = UnknownBudget(per_minute=config.unknown_per_minute, max_clients=config.max_clients)
        self._hearing = Hearing(lost_after=config.lost_after, fresh_for=config.fresh_for)
        self._breaker = Breaker(probe_every=config.probe_every, slow_after=config.revalidate_within)
        self._reader = LinkReader(
            config.database_url, domain_id=config.domain_id, size=config.pool_size, within=config.miss_within
        )
        self._lookup, self._finder = _finder(config, self._hearing, self._breaker, self._reader)
        self._listener = Listener(config, hearing=self._hearing, breaker=self._breaker, on_change=self._finder.changed)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to listen and opens a connection; returns within `start_within`, with or without a database."""
        begun = asyncio.create_task(self._listener.has_begun.wait())
        warm = asyncio.create_task(self._warm())
        self._tasks = [asyncio.create_task(self._listener.run()), warm]
        await asyncio.wait((begun, warm), timeout=self._config.start_within)
        begun.cancel()

    async def stop(self) -> None:
        """Closes every connection; who still waits for the database is answered 503."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reader.close()
        await self._lookup.stop()

    def forget(self, code: str) -> None:
        """Forgets that a code was unknown: this process has just made a link of it."""
        self._finder.forget(code)

    def is_cached(self, code: str) -> bool:
        """Whether the link would be answered without the database."""
        return self._finder.is_cached(code)

    def is_listening(self) -> bool:
        """Whether changes are heard; if not, cached links are asked for again when older than `fresh_for`."""
        return self._hearing.is_listening(self._clock())

    def readiness(self) -> str | None:
        """Why no link at all can be answered, or None. A later outage is no reason: cached links go on."""
        if self._reader.has_connected:
            return None
        return "the database has not been reached since the start"

    def routes(self) -> list[Route]:
        """The routes of this door; that of short links takes no reserved path, so it may stand before all others."""
        return [
            code_route(self),
            Route("/robots.txt", robots_txt(self._pages)),
            Route("/favicon.ico", favicon_ico(self._pages)),
        ]

    def lane(self) -> Lane | None:
        """What answers most requests before they reach this; None when an answer has to wait for the disk."""
        if self._recorder is not None and self._recorder.waits_for_disk:
            return None
        return Lane(self._finder.current, recorder=self._recorder, now=self._now)

    async def not_found(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # an ASGI app
        """An ASGI app for all other paths, with the page of an unknown link."""
        await self._pages.unknown.send(scope, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # an ASGI app
        """Answers one request for `path_params["code"]`."""
        method = scope["method"]
        if method not in ("GET", "HEAD"):
            await self._pages.not_allowed.send(scope, send)
            return
        code: str = scope["path_params"]["code"]
        entry = self._finder.current(code)
        if entry is None:
            await self._answer_uncached(code, scope, send)
        else:
            await self._answer(entry, scope, send)

    async def _answer(self, entry: Entry, scope: Scope, send: Send) -> None:
        _read_at, is_deactivated, location, workspace_id, link, campaign = entry
        if is_deactivated:
            await self._pages.gone.send(scope, send)
            return
        recorder = self._recorder
        if recorder is not None:
            parts = (workspace_id, link, campaign)
            headers, client, query = scope["headers"], scope["client"], scope["query_string"]
            recorder.record(headers, client, query, parts, self._now(), scope["method"] == "HEAD")
            if recorder.waits_for_disk:
                await recorder.durable()
        answer = ((b"location", location), *AFTER_LOCATION)
        await send({"type": "http.response.start", "status": 302, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    async def _answer_uncached(self, code: str, scope: Scope, send: Send) -> None:
        if CODE.match(code) is None or self._finder.is_known_missing(code):
            await self._pages.unknown.send(scope, send)
            return
        client = client_key(self._client.address(scope))
        if self._budget.is_spent(client, now=self._clock()) and not self._finder.is_cached(code):
            await self._refuse(client, scope, send)
            return
        outcome = await self._finder.find(code)
        if outcome is Unfound.UNKNOWN:
            self._budget.charge(client, now=self._clock())
            await self._pages.unknown.send(scope, send)
        elif outcome is Unfound.UNREADABLE:
            await self._pages.unreadable.send(scope, send)
        else:
            await self._answer(outcome, scope, send)

    async def _refuse(self, client: bytes, scope: Scope, send: Send) -> None:
        seconds = self._budget.retry_after(client, now=self._clock())
        await self._pages.too_many.send(scope, send, extra=((b"retry-after", b"%d" % seconds),))

    async def _warm(self) -> None:
        while True:
            try:
                await self._reader.warm()
            except UnreadableError:
                await asyncio.sleep(self._config.probe_every)
            else:
                self._breaker.heard()
                return


def _finder(
    config: RedirectConfig, hearing: Hearing, breaker: Breaker, reader: LinkReader
) -> tuple[Lookup, LinkFinder]:
    cache = LinkCache(
        max_entries=config.max_entries,
        max_bytes=config.max_bytes,
        max_unknown=config.max_unknown,
        unknown_for=config.unknown_for,
    )
    lookup = Lookup(reader=reader, cache=cache, breaker=breaker, max_flights=config.pool_size, clock=config.clock)
    return lookup, LinkFinder(config, cache=cache, hearing=hearing, breaker=breaker, lookup=lookup)
