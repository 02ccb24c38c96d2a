"""The campaign a visit belongs to: the utm_ parameters of a query string."""

from recording.cleaning import UTM_BYTES, clean_escaped
from recording.visit import Utm

_READ_BYTES = 8192
_FIELDS = {b"utm_source": 0, b"utm_medium": 1, b"utm_campaign": 2}
_NONE = Utm()


def utm_of(query: bytes) -> Utm:
    """The campaign in a query string (without `?`); of a repeated parameter the first that is not blank."""
    if b"utm_" not in query:
        return _NONE
    values: list[str | None] = [None, None, None]
    for pair in query[:_READ_BYTES].split(b"&"):
        name, _, value = pair.partition(b"=")
        field = _FIELDS.get(name)
        if field is not None and values[field] is None:
            values[field] = clean_escaped(value, limit=UTM_BYTES)
    return Utm(*values)


def utm_of_visit(query: bytes, destination: Utm) -> Utm:
    """The visitor's own campaign; what the visitor's query does not say is the destination's."""
    if b"utm_" not in query:
        return destination
    own = utm_of(query)
    return Utm(*(mine or theirs for mine, theirs in zip(own, destination, strict=True)))
