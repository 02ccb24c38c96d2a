"""The language a browser asks for."""

import re

_CHOICE = re.compile(rb"\s*([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]*)?\s*(?:;\s*[qQ]\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?$")
_READ_BYTES = 256  # the first choices; nobody means the rest


def primary_language(accept_language: bytes) -> str | None:
    """The primary subtag (`de`) of what Accept-Language likes best; None when nothing in it can be read."""
    best, highest = None, 0.0
    for choice in accept_language[:_READ_BYTES].split(b","):
        match = _CHOICE.match(choice)  # RFC 9110, section 12.5.4; the tag is RFC 5646's
        if match is None:
            continue
        quality = float(match[2] or 1)
        if quality > highest:
            best, highest = match[1].decode("ascii").lower(), min(quality, 1.0)
    return best
