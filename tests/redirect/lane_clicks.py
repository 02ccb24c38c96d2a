"""The clicks that a side has written, without what differs between any two visits."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from recording.segments import Key, SegmentFile, State, listed, path_of
from recording.visit import Dropped, Visit, decode
from tests.eventually import eventually
from tests.redirect.lane_case import request
from tests.redirect.lane_side import Side
from tests.redirect.lane_talk import Talk

NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class SpoolReader:
    """Reads a spool while it is written: each visit is told once, in the order of writing."""

    folder: Path
    _read: dict[Key, int] = field(default_factory=dict)
    _done: set[Key] = field(default_factory=set)

    def new(self) -> list[Visit]:
        """The visits since the last time, all at the same instant; fails where one was dropped."""
        visits = []
        # Twice: a folder that is listed while a file is renamed may show it under neither name.
        found = {*listed(self.folder, State.OPEN, State.SEALED), *listed(self.folder, State.OPEN, State.SEALED)}
        for file in sorted(found, key=lambda file: (file.key.segment, file.key.producer, file.state)):
            key = file.key
            if key in self._done:
                continue
            for raw in _content(file)[self._read.get(key, 0) :].splitlines(keepends=True):
                assert raw.endswith(b"\n"), "half a line"
                self._read[key] = self._read.get(key, 0) + len(raw)
                line = decode(raw)
                assert not isinstance(line, Dropped)
                if isinstance(line, Visit):
                    visits.append(msgspec.structs.replace(line, at=NO_TIME))
            if file.state is State.SEALED:
                self._done.add(key)
        return visits


def _content(file: SegmentFile) -> bytes:
    try:
        return file.path.read_bytes().rstrip(b"\0")  # without the room that is taken ahead
    except FileNotFoundError:  # sealed meanwhile
        return path_of(file.folder, file.key, State.SEALED).read_bytes()


async def are_salted(side: Side, spool: SpoolReader, *, code: str) -> None:
    """Waits until clicks bear a visitor's hash; a recorder goes on without salts when the database is slow at first."""

    async def is_so() -> bool:
        talk = await Talk.with_side(side, source="127.0.0.1")
        await talk.send([request(f"/{code}".encode())])
        await talk.answers([b"GET"])
        talk.close()
        return all(visit.visitor is not None for visit in spool.new())

    await eventually(is_so)


def count_visits(folder: Path) -> int:
    """How many visits a spool holds, without reading what they are."""
    return sum(_content(file).count(b'{"line":"visit"') for file in listed(folder, State.OPEN, State.SEALED))
