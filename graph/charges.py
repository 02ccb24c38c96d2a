"""What operations and messages are charged to whom, and how an answer tells."""

import ipaddress
from typing import Final

from graph import cost
from graph.context import Context
from graph.failures import ApiFailure, FailureCode
from graph.principals import Principal
from graph.rate import Budget

CHARACTERS_PER_POINT: Final = 1_000  # of a document that is not known yet: reading it takes longer than running it
MESSAGES_PER_POINT: Final = 20
IPV6_PREFIX: Final = 64  # what one customer has at least


def credential_of(context: Context) -> str:
    """Who pays for an operation."""
    return payer(context.caller, context.client)


def payer(caller: Principal | None, client: str) -> str:
    """The key or person, or else the client's address; of IPv6 the network, whose addresses are all one client's."""
    if caller is not None:
        return caller.label
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return "unknown client"
    if address.version == 4:
        return f"client {address}"
    return f"client {ipaddress.ip_network((address.packed, IPV6_PREFIX), strict=False)}"


class Charge:
    """What one operation has to pay, and what it has paid so far."""

    def __init__(self, context: Context) -> None:
        self.requested = cost.LEAST
        self._limiter = context.config.rate_limiter
        self._most = context.config.most_points
        self._credential = credential_of(context)
        self._reading = 0
        self._paid = 0
        self._budget: Budget | None = None

    def pay_reading(self, characters: int) -> None:
        """Pay for a document that is not known to be valid, before it is read; RATE_LIMITED when that cannot be had."""
        self._reading = min(characters // CHARACTERS_PER_POINT, self._most - cost.LEAST)  # else it were never had
        self._pay(cost.LEAST + self._reading)

    def pay(self, requested: int, *, message: int = 0) -> None:
        """Pay what is still to pay before the operation runs; `message` is what its dearest message may cost later.

        Raises QUERY_TOO_COMPLEX above the ceiling, RATE_LIMITED when it is not had.
        """
        self.requested = requested + self._reading
        dearest = max(requested, message)
        if dearest > self._most:
            self._pay(cost.LEAST + self._reading)
            raise ApiFailure(
                FailureCode.QUERY_TOO_COMPLEX,
                f"The operation, or a message of it, would cost {dearest}; at most {self._most} is allowed.",
                requested=dearest,
                limit=self._most,
            )
        self._pay(self.requested)

    def settle(self, actual: int) -> None:
        """Give back what was paid above the cost of the answer."""
        over = self._paid - actual - self._reading
        if over > 0:
            self._paid -= over
            if self._limiter:
                self._budget = self._limiter.give_back(self._credential, over)

    def shown(self) -> dict[str, int | None]:
        """`extensions.cost`; the budget is null when it is not limited."""
        budget = self._budget
        if budget is None and self._limiter:
            budget = self._limiter.take(self._credential, 0)
        return {
            "requested": self.requested,
            "actual": self._paid,
            "limit": budget.limit if budget else None,
            "remaining": budget.remaining if budget else None,
            "restoreRate": budget.restore_rate if budget else None,
        }

    def _pay(self, points: int) -> None:
        more = points - self._paid
        if more <= 0:
            return
        if self._limiter:
            self._budget = self._limiter.take(self._credential, more)
            refuse_late(self._budget)
        self._paid = points


class MessageCharge:
    """What the messages of one subscription cost."""

    def __init__(self, context: Context) -> None:
        self._limiter = context.config.rate_limiter
        self._credential = credential_of(context)
        self._messages = 0

    def pay(self, points: int) -> None:
        """Pay for a message: these points, and one more for every twentieth; RATE_LIMITED when it is not had."""
        self._messages += 1
        points += self._messages % MESSAGES_PER_POINT == 0
        if self._limiter and points:
            refuse_late(self._limiter.take(self._credential, points))


def refuse_late(budget: Budget) -> None:
    """Raise RATE_LIMITED, with the seconds to wait, for a bucket that had too little."""
    if budget.retry_after is not None:
        raise ApiFailure(
            FailureCode.RATE_LIMITED,
            f"The budget of this credential is used up; try again in {budget.retry_after} s.",
            retryAfter=budget.retry_after,
        )
