"""Codes: the last part of a short URL."""

import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from models.refusals import LimitReached, Problem, ProblemCode

# Digits and letters without 0, O, o, 1, l and I, which people mistake for each other.
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 7  # 1.7 * 10^12 codes: shorter ones have been scanned whole (Georgiev & Shmatikov 2016, arXiv 1604.02734)
CODE_LIMIT = 64
ATTEMPTS = 10
PATH = ("code",)

_FORM = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NOT_IN_CODES = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)

# Our own paths, those we may want later, and files that robots and browsers ask every host for. Raise the version with
# every change: links may exist under a word that is new here, so a migration has to look for them.
RESERVED_VERSION = 1
RESERVED = frozenset(
    (
        # ours
        *("graphql", "graphiql", "healthz", "readyz", "robots.txt", "favicon.ico", "schema.graphql"),
        # ours, perhaps
        *("about", "abuse", "account", "accounts", "admin", "api", "app", "apps", "assets", "auth", "billing", "blog"),
        *("callback", "contact", "dashboard", "developers", "docs", "events", "export", "exports", "files", "health"),
        *("help", "home", "imprint", "index", "info", "invite", "jobs", "legal", "link", "links", "live", "login"),
        *("logout", "media", "metrics", "new", "oauth", "oidc", "ping", "preview", "privacy", "public", "qr", "ready"),
        *("register", "report", "root", "saml", "schema", "search", "security", "settings", "signin", "signout"),
        *("signup", "sse", "stat", "static", "stats", "status", "subscriptions", "support", "team", "terms", "ui"),
        *("unsubscribe", "uploads", "user", "users", "version", "webhook", "webhooks", "webmail", "ws", "www"),
        # well-known files (RFC 8615 and custom)
        *(".well-known", "ads.txt", "app-ads.txt", "apple-touch-icon.png", "apple-touch-icon-precomposed.png"),
        *("browserconfig.xml", "clientaccesspolicy.xml", "crossdomain.xml", "favicon.png", "favicon.svg", "humans.txt"),
        *("index.html", "index.php", "llms.txt", "manifest.json", "security.txt", "service-worker.js", "sitemap.xml"),
        *("sitemap_index.xml", "site.webmanifest", "sw.js", "wp-admin", "wp-login", "wp-content", "wp-includes"),
    )
)


@dataclass(frozen=True, slots=True)
class CodeSpace:
    """The codes to choose from at random."""

    alphabet: str = ALPHABET
    length: int = LENGTH


RANDOM_CODES = CodeSpace()


def random_code(length: int = LENGTH, alphabet: str = ALPHABET) -> str:
    """A code nobody can guess from earlier ones, and no reserved word."""
    while True:
        code = "".join(secrets.choice(alphabet) for _ in range(length))
        if not is_reserved(code):
            return code


def lengths_to_try(space: CodeSpace) -> list[int]:
    """How long random codes are to be, attempt by attempt: at last one character longer, where there is more room."""
    return [space.length] * ATTEMPTS + [space.length + 1] * ATTEMPTS


def is_reserved(code: str) -> bool:
    """Whether the word is kept back; compared without case."""
    return code.lower() in RESERVED


def is_well_formed(code: str) -> bool:
    """Whether a link can have this code at all; what is not may be answered without a look-up."""
    return _FORM.fullmatch(code) is not None


def problem_of(code: str) -> Problem | None:
    """What is wrong with a code somebody chose, if anything is."""
    if len(code) > CODE_LIMIT:
        message = f"code has {len(code)} characters; at most {CODE_LIMIT} are allowed."
        return LimitReached(ProblemCode.LIMIT_REACHED, message, PATH, limit=CODE_LIMIT)
    if not is_well_formed(code):
        message = f"{code!r} is not a code: 1 to {CODE_LIMIT} letters (A-Z, a-z), digits, hyphens or underscores."
        return Problem(ProblemCode.INVALID, message, PATH)
    if is_reserved(code):
        return Problem(ProblemCode.RESERVED, f"{code!r} is reserved for the service itself.", PATH)
    return None


def alternatives(code: str) -> Iterator[str]:
    """Well-formed codes like this one, the likeliest to please first: numbered, with a random ending, random."""
    plain = unicodedata.normalize("NFKD", code[:CODE_LIMIT]).encode("ascii", "ignore").decode()
    stem = _NOT_IN_CODES.sub("-", plain)[: CODE_LIMIT - 4].strip("-")
    if stem:
        candidates = [stem] if stem != code else []
        candidates += [f"{stem}-{number}" for number in range(2, 7)]
        candidates += [f"{stem}-{random_code(3)}" for _ in range(5)]
        yield from (candidate for candidate in candidates if not is_reserved(candidate))
    yield from (random_code() for _ in range(3))
