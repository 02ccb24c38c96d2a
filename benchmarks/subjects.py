"""Where one thread's CPU time goes, by subject: samples of its own stack, taken each half a millisecond of CPU."""

import signal
from collections import Counter
from types import FrameType
from typing import Final, Self

EVERY_S: Final = 0.0005
# The first part of a file's path that fits, for the innermost frame of which any does.
SUBJECTS: Final = {
    "/sqlalchemy/": "SQLAlchemy and asyncpg",
    "/asyncpg/": "SQLAlchemy and asyncpg",
    "/models/": "questions about links and clicks",
    "/graphql/execution/values.py": "arguments",
    "/graphql/utilities/": "arguments",
    "/graphql/execution/get_variable": "arguments",
    "/strawberry/types/arguments.py": "arguments",
    "/strawberry/scalars.py": "arguments",
    "/graph/defaults.py": "arguments",
    "/graph/plain_values.py": "leaves, and the objects and lists of them",
    "/graph/scalars.py": "leaves, and the objects and lists of them",
    "/graphql/type/": "leaves, and the objects and lists of them",
    "/graphql/": "execution: fields, paths, infos, promises",
    "/graph/executor.py": "execution: fields, paths, infos, promises",
    "/graph/plans.py": "execution: fields, paths, infos, promises",
    "/graph/resolver_calls.py": "execution: fields, paths, infos, promises",
    "/strawberry/": "Strawberry's calls of resolvers, and the rest of it",
    "/graph/document.py": "parsing, validation, cost (kept), and what is charged",
    "/graph/cost": "parsing, validation, cost (kept), and what is charged",
    "/graph/charges.py": "parsing, validation, cost (kept), and what is charged",
    "/graph/": "resolvers and loaders",
    "/asyncio/": "tasks and futures",
    "/_weakrefset.py": "tasks and futures",
}
REST: Final = "the rest: event loop, JSON"


class Samples:
    """Samples while it is entered, in the main thread, of a process whose other threads are idle."""

    def __init__(self) -> None:
        self._counts = Counter[str]()

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def shares(self) -> dict[str, float]:
        """The part of the samples of each subject; most first."""
        return {subject: count / self._counts.total() for subject, count in self._counts.most_common()}

    def _take(self, _signal: int, frame: FrameType | None) -> None:
        while frame is not None:
            subject = _subject(frame.f_code.co_filename)
            if subject is not None:
                self._counts[subject] += 1
                return
            frame = frame.f_back
        self._counts[REST] += 1


def _subject(file: str) -> str | None:
    return next((subject for part, subject in SUBJECTS.items() if part in file), None)
