"""The page at /, for somebody who came without a short link."""

from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Kurz</title>
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem }}</style>
</head>
<body>
<h1>Kurz</h1>
<p>Short links live here. You came without one.</p>
{more}</body>
</html>
"""
_GRAPHIQL = '<p>They are made over GraphQL: <a href="/graphql">open GraphiQL</a>.</p>\n'
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class FrontPage:
    """An ASGI endpoint that always answers with the same page."""

    def __init__(self, *, links_to_graphiql: bool) -> None:
        self._response = HTMLResponse(_PAGE.format(more=_GRAPHIQL if links_to_graphiql else ""), headers=_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        await self._response(scope, receive, send)
