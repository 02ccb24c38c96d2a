"""GraphiQL, the API's own page in a browser: served whole from here, so that it needs no other host."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

FILES = Path(__file__).parent / "graphiql_files"
"""Where ui/build.mjs puts the bundle, in a checkout, a wheel and an image alike."""

ASSETS = "/graphql/assets"

# Each file is named by its content (ui/build.mjs), so that a browser may keep it for good.
_NAMED_BY_CONTENT = re.compile(r"[A-Za-z.]+-[A-Z0-9]{8}\.[a-z0-9]+")
_FOR_GOOD = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}

# The editor (Monaco) writes style elements and carries its fonts and images in its style sheet.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kurz: GraphiQL</title>
<script src="{assets}/{key}"></script>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.ico">
<link rel="license" href="{assets}/{licences}">
<link rel="stylesheet" href="{assets}/{style}">
<script type="module" src="{assets}/{script}"></script>
</head>
<body>
<div id="graphiql"></div>
<noscript>GraphiQL needs JavaScript. The API itself takes POST requests at this address.</noscript>
</body>
</html>
"""

# The fragment stays, and with it the key; a refresh by <meta> would only jump to the fragment.
_TRY_AGAIN = "setTimeout(() => location.reload(), 3000)"
_TRY_AGAIN_HASH = base64.b64encode(hashlib.sha256(_TRY_AGAIN.encode()).digest()).decode()
_MISSING_POLICY = (
    f"default-src 'none'; script-src 'sha256-{_TRY_AGAIN_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MISSING = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Kurz: GraphiQL is not built</title>
<script>{_TRY_AGAIN}</script>
</head>
<body>
<p>GraphiQL is not built yet. A first <code>make run</code> builds it where npm is installed, which takes a minute;
<code>make ui</code> does it by hand. This page shows it as soon as it is there.</p>
<p>The API itself takes POST requests at this address.</p>
</body>
</html>
"""


class GraphiQL:
    """The page for a browser that opens /graphql, and the files it is made of."""

    def __init__(self, files: Path = FILES) -> None:
        self._files = files

    def page(self) -> Response:
        """GraphiQL; where no bundle is built, a plain page that says how to get it."""
        try:
            manifest: dict[str, str] = json.loads((self._files / "manifest.json").read_bytes())
        except FileNotFoundError:
            return _html(_MISSING, _MISSING_POLICY)
        names = {entry: html.escape(name) for entry, name in manifest.items()}
        return _html(_PAGE.format(assets=ASSETS, **names), _PAGE_POLICY)

    def routes(self) -> list[Route]:
        """The bundle's files, each to be kept for good."""
        return [Route(f"{ASSETS}/{{name}}", self._asset, methods=["GET"])]

    def _asset(self, request: Request) -> Response:
        name: str = request.path_params["name"]
        file = self._files / "assets" / name
        media_type = _MEDIA_TYPES.get(file.suffix)
        if media_type is None or not _NAMED_BY_CONTENT.fullmatch(name) or not file.is_file():
            return PlainTextResponse("Not Found", 404)
        headers = {"Cache-Control": _FOR_GOOD, "X-Content-Type-Options": "nosniff"}
        return FileResponse(file, media_type=media_type, headers=headers)


def _html(text: str, policy: str) -> Response:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, headers=headers)
