"""Which media type an answer may have: the Accept header weighed (RFC 9110, 12.5.1)."""

from typing import Final

GRAPHQL_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
Quality = tuple[float, int]
NOT_ACCEPTED: Final[Quality] = (0.0, 0)


def answer_type(accept: str) -> str | None:
    """The type to answer in; None when neither of ours is accepted.

    Who asks for anything, or says nothing, gets application/json: only a client that names the newer type is known to
    understand it.
    """
    ours = (GRAPHQL_JSON, JSON) if GRAPHQL_JSON in accept.lower() else (JSON, GRAPHQL_JSON)
    best = max(ours, key=lambda media: quality(accept, media))  # the first of equals
    return best if quality(accept, best) > NOT_ACCEPTED else None


def quality(accept: str, media: str) -> Quality:
    """How much the type is wanted (0 to 1), by its most specific range, and how specific that is; (0, 0): not at all.

    An empty header accepts everything.
    """
    ranges = {media: 3, f"{media.partition('/')[0]}/*": 2, "*/*": 1}
    best = NOT_ACCEPTED
    for part in (accept or "*/*").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        specific = ranges.get(name, 0)
        if specific > best[1]:
            best = (_weight(parameters), specific)
    return best if best[0] > 0 else NOT_ACCEPTED


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
