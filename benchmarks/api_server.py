"""Kurz's worker without recording, and in the same process the yardstick of its API: a route that answers JSON."""

import asyncio
import gc
import os
import sys

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks.uncounted import found_instance
from server.app import create_app
from server.settings import read_settings

BARE = "/bare/json"
ANSWER = {"data": {"viewer": {"scopes": ["LINKS_CREATE", "LINKS_READ", "LINKS_WRITE", "ANALYTICS_READ"]}}}


async def bare(request: Request) -> JSONResponse:
    """What any JSON API does at least: read the body, answer an object."""
    await request.json()
    return JSONResponse(ANSWER)


def main() -> None:
    """Serves on the port given as the first argument; the database is the environment's."""
    settings = read_settings()
    app = create_app(settings, asyncio.run(found_instance(settings)))
    app.routes.append(Route(BARE, bare, methods=["POST"]))
    gc.collect()
    gc.freeze()
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws=os.environ.get("WS", "none"),
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main()
