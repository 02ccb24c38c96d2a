"""HTTP as uvicorn speaks it, but for plain short links, and with a bound on what comes before a body.

uvicorn would collect headers without end; and of several requests on a connection it tells only the last that the
connection is closed, so that the answer to an earlier one would be an exception with its stack in the log.
"""

from collections import deque
from typing import Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from redirect.lane import Lane, LaneConnection

LARGEST_HEAD: Final = 65_536  # bytes of a request line and headers, or of what comes between and after chunks


class BoundedHeads(LaneConnection):
    """One connection, which is closed when a head has not ended after so many bytes."""

    _waiting = 0  # bytes that have come since something was complete
    # The headers of the last complete request. uvicorn makes a new list for each: the same one means between two.
    _complete: list[tuple[bytes, bytes]] | None = None
    # Requests before the last one that were not answered when the next came; None on nearly every connection.
    _earlier: deque[RequestResponseCycle] | None = None

    def data_received(self, data: bytes) -> None:
        """Parse what has come, which tells below what it completes; unless the lane has taken it."""
        if self.headers is self._complete and self.takes(data):
            self._waiting = 0
            return
        self._waiting += len(data)
        super().data_received(data)
        if self._waiting > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_headers_complete(self) -> None:
        """Begin the request, or let it wait for those before."""
        self._waiting = 0
        before: RequestResponseCycle | None = self.cycle  # None before the first
        super().on_headers_complete()
        if before is not None and not before.response_complete:
            self._keep(before)

    def on_body(self, body: bytes) -> None:
        """Take up a part of the body, whose size is the application's to bound."""
        self._waiting = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._waiting = 0
        self._complete = self.headers
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what has come and close the connection, which nobody is to answer on from now."""
        super().send_400_response(msg)
        self._give_up()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all requests that nobody waits for them."""
        super().connection_lost(exc)
        self._give_up()

    def _keep(self, unanswered: RequestResponseCycle) -> None:
        self._earlier = earlier = self._earlier or deque()
        while earlier and earlier[0].response_complete:  # they are answered in their order
            earlier.popleft()
        earlier.append(unanswered)

    def _give_up(self) -> None:
        last: RequestResponseCycle | None = self.cycle
        for cycle in (*(self._earlier or ()), *(() if last is None else (last,))):
            if not cycle.response_complete:
                cycle.disconnected = True
            cycle.message_event.set()


def connections_with(lane: Lane) -> type[BoundedHeads]:
    """The same connections, with that lane before the parser."""
    return type("LaneConnections", (BoundedHeads,), {"lane": lane})
