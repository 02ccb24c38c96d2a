"""Answers cached links before any ASGI object is made. What the answer is, redirect/route.py says.

What is not certain and plain goes the ordinary way, untouched: the lane takes a request whole or not at all.
"""

import re
from collections.abc import Callable
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from recording.browser import PassedOn
from recording.client import Headers
from recording.recorder import Recorder
from recording.visit_line import LinkParts
from recording.visitor import Known
from redirect.entry import AFTER_LOCATION, Entry
from redirect.header_lines import HeaderLines
from redirect.passed_on import Around, PassedOnBlocks, passed_on

LARGEST_BLOCK: Final = 8_192  # bytes of headers, which stay with the connection

_CLOSING_VERSION = b" HTTP/1.0"
_VERSIONS = (b" HTTP/1.1", _CLOSING_VERSION)
_CLOSING = b"connection: close\r\n"
# What every parser takes for a query; the rest, such as a fragment, is for the real one.
_PLAIN_QUERY = re.compile('[!"$-~]{0,8192}')


class Lane:
    """What the connections of one worker share; `taken` counts their requests."""

    def __init__(
        self, current: Callable[[str], Entry | None], *, recorder: Recorder | None, now: Callable[[], int]
    ) -> None:
        """`current` finds cached links that need no second look; without a recorder visits leave no trace."""
        self.current = current
        self.recorder = recorder
        self.now = now
        self.lines = HeaderLines()
        self.passed_on = None if recorder is None else PassedOnBlocks(self.lines, recorder.browsers)
        self.taken = 0
        self.is_open = True
        after = _rendered(AFTER_LOCATION)
        self.after_location = b"\r\n" + after + b"\r\n"
        self.after_location_closing = b"\r\n" + after + _CLOSING + b"\r\n"
        self.before_location = b""
        self.default_headers: list[tuple[bytes, bytes]] | None = None

    def close(self) -> None:
        """Takes nothing more: the worker is about to end."""
        self.is_open = False

    def begin_with(self, default_headers: list[tuple[bytes, bytes]]) -> None:
        """Makes the beginning of all answers; each second uvicorn has another list of these, for their date."""
        self.default_headers = default_headers
        self.before_location = b"HTTP/1.1 302 Found\r\n" + _rendered(default_headers) + b"location: "


class LaneConnection(HttpToolsProtocol):
    """One connection, which asks `takes` before it gives data to the parser; a subclass for each `lane`."""

    lane: ClassVar[Lane | None] = None

    _answered_at = 0.0  # by the loop's clock
    _block: bytes | None = None  # the last headers the lane has read here: the next ones are mostly the same
    _headers: Headers = ()
    _around: Around | None = None  # what a proxy sent here before, but for X-Forwarded-For
    _passed_on: PassedOn | None = None  # this and X-Forwarded-For, instead of the headers
    _known: Known | None = None  # who sends these headers, once there was a visit
    _closes = False

    def takes(self, data: bytes) -> bool:
        """Answers a whole plain request; False, and nothing has happened, when `data` is for the parser.

        Only to be asked while the parser is between two requests.
        """
        # One long function, and no call that could be spared: at this rate each is a hundredth of the time.
        lane = self.lane
        is_head = not data.startswith(b"GET /")
        if lane is None or (is_head and not data.startswith(b"HEAD /")):
            return False
        line, _, block = data.partition(b"\r\n")
        code, query = (line[6:-9] if is_head else line[5:-9]).decode("latin-1"), ""
        if "?" in code:
            code, _, query = code.partition("?")
        # What the cache has under these very letters is a code, and on no reserved path.
        entry = lane.current(code)
        if entry is None or not lane.is_open:
            return False
        cycle: RequestResponseCycle | None = self.cycle  # None before the parser's first request
        if (cycle is not None and not cycle.response_complete) or self.pipeline or self.flow.write_paused:
            return False  # an answer written now would not be the next one to be sent, or not be sent at once
        if block != self._block and not self._reads(block, lane):
            return False
        _read_at, is_deactivated, location, workspace_id, link, campaign = entry
        version = line[-9:]
        if is_deactivated or version not in _VERSIONS or (query and not _PLAIN_QUERY.fullmatch(query)):
            return False
        if lane.recorder is not None:
            known, parts, said = self._known, (workspace_id, link, campaign), query.encode() if query else b""
            if known is None or not lane.recorder.record_known(known, said, parts, lane.now(), is_head):
                self._meet(lane.recorder, said, parts, lane.now(), is_head=is_head)
        self._answer(location, lane, is_last=self._closes or version == _CLOSING_VERSION)
        return True

    def _meet(self, recorder: Recorder, query: bytes, link: LinkParts, now: int, *, is_head: bool) -> None:
        self._known = recorder.meet(self._headers, self.client, query, link, now, is_head, self._passed_on)

    def _reads(self, block: bytes, lane: Lane) -> bool:
        if len(block) > LARGEST_BLOCK:
            return False
        around = self._around
        said = None if around is None else passed_on(block, around)
        if said is None and lane.passed_on is not None:
            around = self._around = lane.passed_on.read(block)
            said = None if around is None else passed_on(block, around)
        if said is not None:
            self._closes = False
        else:
            read = lane.lines.read(block)
            if read is None:
                return False
            self._headers, self._closes = read
        self._passed_on = said
        self._block, self._known = block, None
        return True

    def _answer(self, location: bytes, lane: Lane, *, is_last: bool) -> None:
        state = self.server_state
        if state.default_headers is not lane.default_headers:
            lane.begin_with(state.default_headers)
        after = lane.after_location_closing if is_last else lane.after_location
        self.transport.write(b"".join((lane.before_location, location, after)))
        state.total_requests += 1
        lane.taken += 1
        if is_last:
            self._unset_keepalive_if_required()
            self.transport.close()
            return
        # One timer for many answers: when it rings, it looks when the last one was.
        self._answered_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Closes the connection, unless the lane has answered since the timer was set."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        elif not self.transport.is_closing():
            self._wait(left)

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)


def _rendered(headers: Headers) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers)
