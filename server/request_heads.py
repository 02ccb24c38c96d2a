"""HTTP as uvicorn speaks it, but for plain short links, and with a bound on what comes before a body.

uvicorn would collect headers without end.
"""

from typing import Final

from redirect.lane import Lane, LaneConnection

LARGEST_HEAD: Final = 65_536  # bytes of a request line and headers, or of what comes between and after chunks


class BoundedHeads(LaneConnection):
    """One connection, which is closed when a head has not ended after so many bytes."""

    _waiting = 0  # bytes that have come since something was complete
    # The headers of the last complete request. uvicorn makes a new list for each: the same one means between two.
    _complete: list[tuple[bytes, bytes]] | None = None

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
        """Begin the request."""
        self._waiting = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take up a part of the body, whose size is the application's to bound."""
        self._waiting = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._waiting = 0
        self._complete = self.headers
        super().on_message_complete()


def connections_with(lane: Lane) -> type[BoundedHeads]:
    """The same connections, with that lane before the parser."""
    return type("LaneConnections", (BoundedHeads,), {"lane": lane})
