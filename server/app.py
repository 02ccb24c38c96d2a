"""The application of one worker: routes, what wraps them, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from graph.context import ApiConfig
from graph.endpoint import Endpoint
from models.database import Database, make_engine
from models.instance import InstanceRecord
from recording.recorder import Recorder
from redirect.config import RedirectConfig
from redirect.route import RedirectDoor
from server.front_page import FrontPage
from server.graphiql import GraphiQL
from server.health import Health
from server.request_id import HEADER, RequestId
from server.settings import Settings

PREFLIGHT_SECONDS = 600


def create_app(settings: Settings, instance: InstanceRecord, *, recorder: Recorder | None = None) -> Router:
    """The application; it needs no answer of the database before its first request, so it starts without one too.

    `settings` must name the database; `instance` is what the supervisor's start has found in it. Without a recorder,
    which lives as long as the application, visits are not counted.
    """
    database = Database(make_engine(settings.database_address, pool_size=settings.pool_size))
    door = RedirectDoor(_redirect_config(settings, instance), recorder=recorder)
    graphiql = GraphiQL()
    endpoint = Endpoint(
        database=database,
        config=_api_config(settings),
        instance=instance,
        on_created=door.forget,
        page=graphiql.page if settings.graphiql else None,
    )

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
            await database.close()

    routes = [
        *door.routes(),  # first: they are asked most, and take no path of those below
        *_api_routes(_wrapped(endpoint, settings)),
        *(graphiql.routes() if settings.graphiql else []),
        *Health(redirect_reason=door.readiness, database=database, recorder=recorder).routes(),
        Route("/", FrontPage(links_to_graphiql=settings.graphiql), methods=["GET"]),
    ]
    # A router without an application around it: the application's two middlewares cost a tenth of a redirect, and
    # what they do, every endpoint here does for itself. uvicorn answers 500 to what none of them foresaw, and logs it.
    return Router(routes, lifespan=lifespan, redirect_slashes=False, default=door.not_found)


def _redirect_config(settings: Settings, instance: InstanceRecord) -> RedirectConfig:
    return RedirectConfig(
        database_url=settings.database_address,
        direct_database_url=settings.direct_database_address,
        domain_id=instance.domain_id,
        pool_size=settings.pool_size,
        trusted_proxies=settings.trusted_proxies,
        max_stale=float(settings.max_stale),
    )


def _api_config(settings: Settings) -> ApiConfig:
    return ApiConfig(
        base_url=settings.base_url,
        own_hosts=frozenset({settings.hostname}),
        allow_private_targets=settings.allow_private_targets,
        clock=_now,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _wrapped(endpoint: ASGIApp, settings: Settings) -> ASGIApp:
    """The API with its middleware, which the redirect is to be spared."""
    if settings.allowed_origins:
        endpoint = CORSMiddleware(
            endpoint,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type", HEADER),
            expose_headers=(HEADER, "Retry-After"),
            max_age=PREFLIGHT_SECONDS,
        )
    return RequestId(endpoint)


def _api_routes(api: ASGIApp) -> list[Route]:
    methods = ["GET", "POST", "OPTIONS"]
    return [Route("/graphql", api, methods=methods), Route("/graphql/", api, methods=methods)]
