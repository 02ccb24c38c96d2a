"""WebSockets as uvicorn speaks them, and bounds that it does not set: on what clients make it keep, and on its log."""

from typing import Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

MOST_FRAGMENTS: Final = 1_000  # of a message; empty ones add nothing to the size that is bounded already


class WebSockets(WebSocketsSansIOProtocol):
    """One connection, which keeps little for a client that does not read, and nothing for one that has gone silent."""

    def handle_ping(self) -> None:
        """Answer, unless the client does not read: only the last of several pings needs an answer (RFC 6455, 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # and forgotten

    def handle_cont(self, event: Frame) -> None:
        """Take up a fragment; too many of them are too large a message."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "Too many fragments")

    def send_receive_event_to_app(self) -> None:
        """Hand over a message; uvicorn would log each that is no text, with a stack."""
        if self.curr_msg_data_type == "text" and not _is_text(self.frames):
            self._fail(CloseCode.INVALID_DATA, "Not UTF-8")
        else:
            super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Close, without waiting for a client that does not read."""
        super().handle_parser_exception()
        self._let_go()

    def keepalive_timeout(self) -> None:
        """Close, without waiting for a client that does not read: it could hold its place for ever."""
        super().keepalive_timeout()
        self._let_go()

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _let_go(self) -> None:
        if not self.writable.is_set():
            self.transport.abort()


def _is_text(frames: list[bytes]) -> bool:
    try:
        b"".join(frames).decode()
    except UnicodeDecodeError:
        return False
    return True
