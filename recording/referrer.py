"""Where a visit came from: the host, never the path."""

import re

from recording.cleaning import HOST_BYTES, clean

# The authority ends at the first of / ? # (RFC 3986, section 3.2); browsers take a backslash for a slash.
_WEB = re.compile(rb"(?:https?:)?//([^/?#\\]*)", re.IGNORECASE)
_APP = re.compile(rb"(android-app:)//([^/?#\\]*)", re.IGNORECASE)  # what Android apps send: the package's name
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_READ_BYTES = 1024


def referrer_host(referer: bytes) -> str | None:
    """The host in small letters, without user, port, path and leading `www.`; None for what names no host."""
    match = _WEB.match(referer[:_READ_BYTES].strip()) or _APP.match(referer[:_READ_BYTES].strip())
    if match is None:
        return None
    authority = match[match.re.groups].rpartition(b"@")[2]
    host = clean(_without_port(authority).rstrip(b"."), limit=HOST_BYTES + 1)
    if host is None or len(host) > HOST_BYTES:
        return None
    name = host.lower().removeprefix("www.")
    return name if _HOST.fullmatch(name) else None


def _without_port(authority: bytes) -> bytes:
    if authority.startswith(b"["):
        return authority.partition(b"]")[0] + b"]"
    return authority.partition(b":")[0]
