"""Whether a request would rather read JSON than HTML (RFC 9110 12.5.1)."""

from collections.abc import Iterable, Iterator

MAX_BYTES = 1_024

_JSON = {"application/problem+json": 2, "application/json": 2, "application/*": 1, "*/*": 0}
_HTML = {"text/html": 2, "application/xhtml+xml": 2, "text/*": 1, "*/*": 0}


def prefers_json(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """True when JSON is wanted more than HTML; at the same weight, when it is named more exactly.

    Clients commonly send `application/json, text/plain, */*` and mean JSON.
    """
    accept = b",".join(value for name, value in headers if name == b"accept")[:MAX_BYTES].lower()
    if b"json" not in accept:
        return False
    ranges = list(_ranges(accept.decode("latin-1")))
    return _wish(_JSON, ranges) > _wish(_HTML, ranges)


def _wish(kinds: dict[str, int], ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """(weight, exactness) of the best of the kinds; the most exact range that names it counts."""
    named = [(kinds[kind], weight) for kind, weight in ranges if kind in kinds]
    if not named:
        return (0.0, -1)
    exactness = max(exactness for exactness, _ in named)
    weight = max(weight for exact, weight in named if exact == exactness)
    return (weight, exactness if weight else -1)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept.split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        yield kind, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
