"""What a visitor reads instead of being redirected: HTML for people, problem+json (RFC 9457) for programs."""

import base64
import hashlib
import json
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

from starlette.types import Scope, Send

from redirect.accept import prefers_json
from redirect.entry import Headers

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.125rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}"
    "main{padding:2rem;max-width:36rem}h1{font-size:1.75rem;margin:0 0 .5rem}p{margin:0}"
)

_HTML = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="robots" content="noindex">\n'
    "<title>{title}</title>\n<style>{style}</style>\n</head>\n"
    "<body>\n<main>\n<h1>{title}</h1>\n<p>{detail}</p>\n</main>\n</body>\n</html>\n"
)


@dataclass(frozen=True, slots=True)
class Page:
    """One answer that is no redirect, ready to send in both forms. It never says where a link leads."""

    status: int
    html_headers: Headers
    html: bytes
    json_headers: Headers
    json: bytes

    async def send(self, scope: Scope, send: Send, *, extra: Headers = ()) -> None:
        """Answers in the form the request prefers; HEAD gets the same headers and no body."""
        if prefers_json(scope["headers"]):
            headers, body = self.json_headers, self.json
        else:
            headers, body = self.html_headers, self.html
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.start", "status": self.status, "headers": headers + extra})
        await send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, slots=True)
class Pages:
    """Every page of the redirect, built once."""

    unknown: Page
    gone: Page
    not_allowed: Page
    too_many: Page
    unreadable: Page


def build_pages() -> Pages:
    """The pages with their headers; `too_many` still needs its Retry-After."""
    return Pages(
        unknown=_page(404, "Link not found", "There is no short link at this address. Check it for typing errors."),
        gone=_page(410, "Link deactivated", "This short link is no longer in use."),
        not_allowed=_page(
            405, "Method not allowed", "A short link can only be opened.", extra=((b"allow", b"GET, HEAD"),)
        ),
        too_many=_page(429, "Too many unknown links", "Too many unknown links were opened from here. Wait a little."),
        unreadable=_page(
            503, "Not available just now", "This cannot be looked up at the moment.", extra=((b"retry-after", b"2"),)
        ),
    )


def _page(status: int, title: str, detail: str, *, extra: Headers = ()) -> Page:
    html = _HTML.format(title=escape(title), detail=escape(detail), style=_STYLE).encode()
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body = json.dumps(problem).encode()
    return Page(
        status=status,
        html_headers=_headers(b"text/html; charset=utf-8", html) + extra,
        html=html,
        json_headers=_headers(b"application/problem+json", body) + extra,
        json=body,
    )


def _headers(content_type: bytes, body: bytes) -> Headers:
    style_hash = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest())
    policy = b"default-src 'none'; style-src 'sha256-%b'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return (
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        # A link may be made, edited or reactivated at any time.
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
        (b"content-security-policy", policy % style_hash),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    )
