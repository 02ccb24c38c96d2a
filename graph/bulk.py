"""What bulk mutations have in common: the policy, and where in the input the errors of an item are."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from typing import Final, TypeVar

import strawberry

from graph.errors import UserError, user_errors
from models import bulk
from models.bulk import Outcome
from models.links import LinkRecord
from models.refusals import Refused

Result = TypeVar("Result")

POLICY: Final = "What becomes of the others when one item cannot be done."
RESULTS: Final = (
    "One for each item, in the order asked, with the item's own errors. Empty when the items were not looked at."
)
ERRORS: Final = "Why nothing was done for the request as a whole; empty otherwise. Each item has errors of its own."


@strawberry.enum(description="What becomes of the other items when one cannot be done.")
class BulkPolicy(Enum):
    ALL_OR_NOTHING = strawberry.enum_value("ALL_OR_NOTHING", description="None is done; `userErrors` says so.")
    SKIP_FAILED = strawberry.enum_value("SKIP_FAILED", description="They are done all the same.")


def policy_of(given: BulkPolicy | None) -> bulk.BulkPolicy:
    """The policy as `models` takes it; null is read as left out."""
    return bulk.BulkPolicy[(given or BulkPolicy.ALL_OR_NOTHING).name]


def results_of(
    outcomes: Sequence[Outcome | None], shown: Callable[[LinkRecord | None, list[UserError]], Result]
) -> list[Result]:
    """Each item's payload; None is an item that was not done for the sake of the others."""
    return [_result(place, outcome, shown) for place, outcome in enumerate(outcomes)]


def _result(
    place: int, outcome: Outcome | None, shown: Callable[[LinkRecord | None, list[UserError]], Result]
) -> Result:
    if not isinstance(outcome, Refused):
        return shown(outcome, [])
    here = (*bulk.PATH, str(place))
    return shown(None, user_errors(Refused(*(replace(one, path=(*here, *one.path)) for one in outcome.problems))))
