"""What the rules refuse, as the terminal says it."""

from collections.abc import Iterator
from contextlib import contextmanager

from models.refusals import NoLongerAllowed, NotAllowed, Refused
from server.start_error import UsageError


@contextmanager
def explained() -> Iterator[None]:
    """Turns a refusal into a UsageError, with one line for each reason."""
    try:
        yield
    except Refused as refused:
        raise UsageError("\n".join(problem.message for problem in refused.problems)) from None
    except (NotAllowed, NoLongerAllowed) as refusal:
        raise UsageError(str(refusal)) from None
