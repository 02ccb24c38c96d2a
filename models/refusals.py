"""Expected failures: what a caller asked for and cannot have, as types."""

from dataclasses import dataclass, field
from enum import StrEnum


class ProblemCode(StrEnum):
    """Why something was refused; the API shows the same names."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    TAKEN = "TAKEN"
    RESERVED = "RESERVED"
    BLOCKED = "BLOCKED"
    FORBIDDEN = "FORBIDDEN"
    LIMIT_REACHED = "LIMIT_REACHED"
    CONFLICT = "CONFLICT"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"


@dataclass(frozen=True)
class Problem:
    """One reason, for people (`message`) and programs (`code`); `path` leads to it in the API's input."""

    code: ProblemCode
    message: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeTaken(Problem):
    """The code belongs to another link; `suggestions` were free when asked."""

    suggestions: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class LimitReached(Problem):
    """More than `limit` is not allowed."""

    limit: int = field(kw_only=True)


@dataclass(frozen=True)
class VersionConflict(Problem):
    """Somebody else wrote first; the row is at `current_version` now."""

    current_version: int = field(kw_only=True)


class NotAllowed(Exception):  # noqa: N818 - it names what happened, not a fault
    """Who asks may not do this; `required` names the role that may, unless no role would help."""

    def __init__(self, message: str, *, required: str | None) -> None:
        super().__init__(message)
        self.required = required


class NoLongerAllowed(Exception):  # noqa: N818 - it names what happened, not a fault
    """Who asks may change nothing any more, as somebody has just decided; `is_key` tells a key from a person."""

    def __init__(self, message: str, *, is_key: bool = False) -> None:
        super().__init__(message)
        self.is_key = is_key


class Refused(Exception):  # noqa: N818 - it names what happened, not a fault
    """The change was not made, for all of these reasons."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems: tuple[Problem, ...] = problems
