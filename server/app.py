"""The application of one worker: routes, what wraps them, and what lives as long as it does."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from graph.access_tokens import AccessTokens
from graph.api_config import ApiConfig
from graph.endpoint import Endpoint
from graph.identity_provider import IdentityProvider
from graph.operations import Operations
from graph.rate import RateLimiter
from graph.requests import DELIBERATE_HEADERS
from graph.sign_in import WORKSPACE_HEADER
from graph.socket import LiveSocket
from graph.sse import EventStreams
from graph.streams import Streams
from graph.subscriptions import Subscriptions
from graph.trusted import TrustedDocuments
from models.database import Database, make_engine
from models.instance import InstanceRecord
from recording.feed import ClickFeed
from recording.recorder import Recorder
from redirect.config import RedirectConfig
from redirect.lane import Lane
from redirect.route import RedirectDoor
from server.front_page import FrontPage
from server.graphiql import GraphiQL
from server.health import Health
from server.request_id import HEADER, RequestId
from server.settings import Settings
from server.trusted_documents import read_trusted_documents

PREFLIGHT_SECONDS = 600
# Of an operation's time: what is left is for the rest of the answer.
ANALYTICS_SHARE = 0.8


class Application(Router):
    """The routes of one worker; `streams` are its long-lived connections, to be stopped before it is.

    `lane` is for a server that can have it, which is then to be told; None where it is not wanted.
    """

    streams: Streams
    lane: Lane | None = None


def create_app(
    settings: Settings, instance: InstanceRecord, *, recorder: Recorder | None = None, rates: int | None = None
) -> Application:
    """The application; it needs no answer of the database before its first request, so it starts without one too.

    `settings` must name the database; `instance` is what the supervisor's start has found in it. Without a recorder,
    which lives as long as the application, visits are not counted. `rates` is the table of the API's rate limits that
    it shares with other workers; without it the limits are its own.
    """
    database = Database(make_engine(settings.database_address, pool_size=settings.pool_size))
    door = RedirectDoor(_redirect_config(settings, instance), recorder=recorder)
    graphiql = GraphiQL()
    provider_client = httpx.AsyncClient() if settings.oidc_issuer else None
    operations = Operations(
        database=database,
        config=_api_config(settings, rates),
        instance=instance,
        on_created=door.forget,
        trusted=TrustedDocuments(read_trusted_documents(settings), only=settings.trusted_documents == "only"),
        shows_schema=settings.introspection,
        fast_executor=settings.fast_executor,
        trusted_proxies=settings.trusted_proxies,
        feed=ClickFeed(database, direct_url=settings.direct_database_address),
        tokens=_access_tokens(settings, provider_client),
    )
    streams = Streams(database, clock=_now, most=settings.live_connections, most_each=settings.live_connections_per_key)
    subscriptions = Subscriptions(operations)
    endpoint = EventStreams(
        subscriptions,
        operations,
        streams,
        otherwise=Endpoint(operations, page=graphiql.page if settings.graphiql else None),
    )
    socket = LiveSocket(subscriptions, operations, streams, allowed_origins=frozenset(settings.allowed_origins))

    @asynccontextmanager
    async def lifespan(_app: Router) -> AsyncIterator[None]:
        if recorder:
            await recorder.start()
        await door.start()
        try:
            yield
        finally:
            await door.stop()
            if recorder:
                await recorder.stop()
            if provider_client:
                await provider_client.aclose()
            await database.close()

    routes: list[BaseRoute] = [
        *door.routes(),  # first: they are asked most, and take no path of those below
        *_api_routes(_wrapped(endpoint, settings)),
        *(graphiql.routes() if settings.graphiql else []),
        *Health(redirect_reason=door.readiness, database=database, recorder=recorder).routes(),
        Route("/", FrontPage(links_to_graphiql=settings.graphiql), methods=["GET"]),
        WebSocketRoute("/graphql", RequestId(socket)),
        WebSocketRoute("/{path:path}", _no_socket),
    ]
    # A router without an application around it: the application's two middlewares cost a tenth of a redirect, and
    # what they do, every endpoint here does for itself. uvicorn answers 500 to what none of them foresaw, and logs it.
    app = Application(routes, lifespan=lifespan, redirect_slashes=False, default=door.not_found)
    app.streams = streams
    app.lane = door.lane() if settings.fast_lane else None
    return app


async def _no_socket(websocket: WebSocket) -> None:
    """What a WebSocket gets at any other path: HTTP 403."""
    await websocket.close()


def _redirect_config(settings: Settings, instance: InstanceRecord) -> RedirectConfig:
    return RedirectConfig(
        database_url=settings.database_address,
        direct_database_url=settings.direct_database_address,
        domain_id=instance.domain_id,
        pool_size=settings.pool_size,
        trusted_proxies=settings.trusted_proxies,
        max_stale=float(settings.max_stale),
    )


def _api_config(settings: Settings, rates: int | None) -> ApiConfig:
    return ApiConfig(
        base_url=settings.base_url,
        own_hosts=frozenset({settings.hostname}),
        allow_private_targets=settings.allow_private_targets,
        clock=_now,
        deadline_s=settings.api_deadline,
        analytics_deadline_s=settings.api_deadline * ANALYTICS_SHARE,
        most_clicks_read=settings.max_clicks_read,
        rate_limiter=RateLimiter(settings.rate, table=rates) if settings.rate else None,
        max_query_cost=settings.max_query_cost,
        click_retention_days=settings.click_retention_days,
    )


def _access_tokens(settings: Settings, client: httpx.AsyncClient | None) -> AccessTokens | None:
    """What judges people's tokens; the provider is first asked when the first of them comes."""
    if client is None or settings.oidc_issuer is None or settings.oidc_audience is None:
        return None
    provider = IdentityProvider(settings.oidc_issuer, client=client, clock=time.monotonic)
    return AccessTokens(provider, audience=settings.oidc_audience)


def _now() -> datetime:
    return datetime.now(UTC)


def _wrapped(endpoint: ASGIApp, settings: Settings) -> ASGIApp:
    """The API with its middleware, which the redirect is to be spared."""
    if settings.allowed_origins:
        endpoint = CORSMiddleware(
            endpoint,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Content-Type", HEADER, WORKSPACE_HEADER, *DELIBERATE_HEADERS),
            expose_headers=(HEADER, "Retry-After", "WWW-Authenticate"),
            max_age=PREFLIGHT_SECONDS,
        )
    return RequestId(endpoint)


def _api_routes(api: ASGIApp) -> list[Route]:
    # Of all methods: what is not allowed the endpoint refuses itself, in JSON.
    return [Route("/graphql", api), Route("/graphql/", api)]
