"""What a supervisor tells a worker or the loader, over its standard input."""

import pickle
from dataclasses import dataclass
from typing import IO

from models.instance import InstanceRecord
from server.settings import Settings

LENGTH_BYTES = 4


@dataclass(frozen=True)
class Assignment:
    """The settings as the supervisor read them, so that a process replaced later has the same, and the installation.

    `spool_id` is what the database's spool segments bear.
    """

    settings: Settings
    instance: InstanceRecord
    spool_id: int

    def write_to(self, stream: IO[bytes]) -> None:
        """Sends it; raises BrokenPipeError when the process is gone."""
        content = pickle.dumps(self)
        stream.write(len(content).to_bytes(LENGTH_BYTES) + content)
        stream.flush()

    @staticmethod
    def read_from(stream: IO[bytes]) -> "Assignment":
        """Reads it and not a byte more: the stream stays open, and its end means that the supervisor is gone."""
        length = int.from_bytes(stream.read(LENGTH_BYTES))
        assignment = pickle.loads(stream.read(length))  # noqa: S301  # from the supervisor, through its own pipe
        assert isinstance(assignment, Assignment)
        return assignment
