"""A real browser that reaches this machine only, and servers for it to open."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, async_playwright, expect
from starlette.types import ASGIApp

from server.graphiql import FILES

CHROMIUM = Path(os.environ.get("KURZ_CHROMIUM", "/usr/bin/chromium"))
DEADLINE_MS = 60_000
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # No name leads anywhere, whoever asks for it: the page, a worker, or the browser itself.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


class Visit:
    """One person's browser: what it asked other hosts for, and what the page complained about."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self._note(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def _note(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self.elsewhere.append(url)


@pytest.fixture
def program() -> Path:
    """The browser's; without it, or without the bundle, there is nothing to test."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: install chromium or set KURZ_CHROMIUM")
    if not (FILES / "manifest.json").exists():
        pytest.skip("GraphiQL is not built: make ui")
    return CHROMIUM


@pytest.fixture
async def chromium(program: Path) -> AsyncIterator[Browser]:
    expect.set_options(timeout=DEADLINE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def visit(chromium: Browser) -> Visit:
    # Wide enough that the editors wrap no line that a test reads.
    context = await chromium.new_context(viewport={"width": 1600, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(DEADLINE_MS)
    return Visit(context)


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@asynccontextmanager
async def served(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """Serves the application on a socket that is bound already."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await running
