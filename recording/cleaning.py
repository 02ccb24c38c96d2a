"""Strings from visitors: made storable, bounded, blank as none."""

import re
from urllib.parse import unquote_to_bytes

USER_AGENT_BYTES = 512
UTM_BYTES = 255
HOST_BYTES = 253  # RFC 1035, section 2.3.4, as text without the root

# C0, DEL, C1, the two separators that break lines in some readers, and lone surrogates (no UTF-8 can hold them).
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_CHARACTER = 4  # bytes in UTF-8


def clean(raw: bytes, *, limit: int) -> str | None:
    """The bytes as text of at most `limit` bytes in UTF-8, without control characters; blank as None; never raises."""
    text = raw[: limit + _LONGEST_CHARACTER - 1].decode("utf-8", "replace")
    if not (len(text) <= limit and text.isascii() and text.isprintable()):  # nearly every string is both
        text = _bounded(_UNWANTED.sub("", text), limit)
    return text.strip() or None


def clean_escaped(raw: bytes, *, limit: int) -> str | None:
    """As `clean`, for a value out of a query string: `+` is a blank, `%` escapes a byte."""
    return clean(unquote_to_bytes(raw.replace(b"+", b" ")), limit=limit)


def _bounded(text: str, limit: int) -> str:
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
