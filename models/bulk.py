"""Many changes at once: all of them, or those that can be made; each is answered for itself."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from models.ids import WorkspaceId
from models.links import LinkRecord
from models.refusals import LimitReached, Problem, ProblemCode, Refused
from models.workspaces import Workspace, hold

PATH = ("items",)

# What became of one item.
Outcome = LinkRecord | Refused


class BulkPolicy(StrEnum):
    """What is done with the other items when one cannot be done."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING"
    SKIP_FAILED = "SKIP_FAILED"


class NothingDone(Refused):
    """The batch was refused as a whole: the problems say why, and `refusals` what was wrong with each of its items.

    None for an item with which nothing was wrong. There are no `refusals` when the items were not looked at.
    """

    def __init__(self, *problems: Problem, refusals: Sequence[Refused | None] = ()) -> None:
        super().__init__(*problems)
        self.refusals = tuple(refusals)


async def admit(session: AsyncSession, *, workspace_id: WorkspaceId, items: int) -> Workspace:
    """The workspace, held until the transaction ends: its batches come one after another, and cannot wait for each
    other's links. NothingDone when there are no items, or more than the workspace may send at once."""
    if not items:
        raise NothingDone(Problem(ProblemCode.INVALID, "There are no items: give at least one.", PATH))
    workspace = await hold(session, workspace_id=workspace_id)
    if items > workspace.batch_limit:
        limit = workspace.batch_limit
        message = f"There are {items} items; the workspace may send {limit} at once."
        raise NothingDone(LimitReached(ProblemCode.LIMIT_REACHED, message, PATH, limit=limit))
    return workspace


def settle(outcomes: Sequence[Outcome | None], *, bulk: BulkPolicy, against: Iterable[Problem] = ()) -> None:
    """Pass when the batch may be done as it is: NothingDone if one is refused, or all of them, and it is all or none.

    None stands for an item that can be done.
    """
    if bulk is BulkPolicy.SKIP_FAILED:
        return
    problems = list(against)
    refusals = [outcome if isinstance(outcome, Refused) else None for outcome in outcomes]
    if refused := len([one for one in refusals if one is not None]):
        message = f"Nothing was done: {refused} of {len(outcomes)} items cannot be."
        problems.append(Problem(ProblemCode.INVALID, message, PATH))
    if problems:
        raise NothingDone(*problems, refusals=refusals)


def busy() -> Problem:
    """The problem of a batch that others got in the way of, again and again."""
    return Problem(ProblemCode.CONFLICT, "Others are changing the same links; try again.", PATH)
