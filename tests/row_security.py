"""Row-level security under the tests: each statement of the data layer sees only the workspace it was asked about.

That workspace is the `workspace_id` which the function of `models` was given that runs the statement, or its caller
there: a statement that forgets its condition, or asks for another workspace, finds nothing. What runs without one is
listed here.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import asyncpg
import greenlet  # type: ignore[import-untyped]
from sqlalchemy import event
from sqlalchemy.engine import Engine

from models.database import asyncpg_dsn

TESTS = Path(__file__).parent
SCRIPT = TESTS / "rls.sql"
GUARDED = frozenset({"models", "graph"})  # of the rooms that have tests; the others' ask across workspaces themselves
ROOMS = frozenset({"models", "recording", "redirect", "graph", "server", "tests"})

# Functions of `models` whose statements span workspaces, or come before one is known, each with its reason. They run as
# the owner of the tables, and so does what tests ask themselves.
SPANNING = {
    "models.upgrade.migrate": "makes the tables",
    "models.database.Database.read": "a new connection is asked what server it is, and nothing else",
    "models.instance.find": "the installation itself",
    "models.instance.bootstrap": "makes the default workspace and the domain that is everyone's",
    "models.workspaces.create": "makes the workspace",
    "models.workspaces.list_all": "the operator's list",
    "models.tombstones.erased": "the operator's list, and who may still sign in",
    "models.keys.authenticate": "the key says which workspace it is",
    "models.keys.still_valid": "the keys of all open subscriptions in one statement",
    "models.users.find_by_identity": "a person belongs to any number of workspaces",
    "models.users.bind": "a person belongs to any number of workspaces",
    "models.users.known_or_new": "who is added may be known from another workspace",
    "models.members.of_user": "the workspaces to choose from",
    "models.members.held_of": "each of a person's workspaces is told of the first sign-in",
    "models.members.roles_of": "the members behind all open subscriptions in one statement",
    "models.code_availability.availability": "a domain's codes are unique across workspaces",
    "models.code_availability.suggest": "a domain's codes are unique across workspaces",
    "models.code_availability.suggest_all": "a domain's codes are unique across workspaces",
    "models.code_availability.free_codes": "a domain's codes are unique across workspaces",
    "models.code_availability.is_taken": "a domain's codes are unique across workspaces",
    "models.code_availability.taken_codes": "a domain's codes are unique across workspaces",
    "models.retired_codes.is_retired": "a domain's codes are unique across workspaces",
    "models.retired_codes.retire": "a domain's codes are unique across workspaces",
    "models.retired_codes.give_back": "a domain's codes are unique across workspaces",
    "models.feed.spool_id": "the click store as a whole",
    "models.click_feed.position": "the click store as a whole",
}

DOOR = "models.statements"  # past SQLAlchemy; asked by functions of `models`, and by tests
_SETTING = "select set_config('role', $1, false), set_config('kurz.workspace', $2, false)"


class NoWorkspace(LookupError):  # noqa: N818 - it names what is missing
    """A function of `models` was given no workspace to ask about, and is not listed as spanning them."""


def is_on_for(file: Path) -> bool:
    """Whether the tests in this file run under row-level security: those of the data layer and of the API, if asked."""
    return os.environ.get("KURZ_TEST_RLS") == "1" and file.relative_to(TESTS).parts[0] in GUARDED


async def enable(url: str) -> None:
    """Has the tables of a migrated database guarded; nothing changes for their owner."""
    connection = await asyncpg.connect(asyncpg_dsn(url))
    try:
        await connection.execute(SCRIPT.read_text(encoding="utf-8"))
    finally:
        await connection.close()


@contextmanager
def guarding(engines: Engine | type[Engine]) -> Iterator[None]:
    """Has statements of these engines run as the plain role meanwhile; their databases must be enabled."""
    hooks = ("do_execute", "do_executemany")  # inside of what turns errors of the driver into SQLAlchemy's
    for hook in hooks:
        event.listen(engines, hook, _limit)
    try:
        with patch.object(asyncpg.Connection, "fetch", _limiting(asyncpg.Connection.fetch)):
            yield
    finally:
        for hook in hooks:
            event.remove(engines, hook, _limit)


def _limiting(fetch: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """asyncpg's own, but for what `models` asks past SQLAlchemy."""

    async def limited(connection: Any, *asked: Any) -> Any:
        await fetch(connection, _SETTING, *_role())
        return await fetch(connection, *asked)

    def chosen(connection: Any, *asked: Any, **options: Any) -> Awaitable[Any]:
        is_ours = sys._getframe(1).f_globals["__name__"] == DOOR
        return limited(connection, *asked) if is_ours else fetch(connection, *asked, **options)

    return chosen


def _limit(cursor: Any, statement: str, _parameters: object, context: Any) -> None:
    if statement.startswith("ROLLBACK TO"):  # in a transaction that has failed nothing else can be said
        return
    own = context.root_connection.connection.cursor()
    own.execute(_SETTING, _role())
    own.close()


def _role() -> tuple[str, str]:
    workspace_id = _workspace_asked_about()
    return ("none", "") if workspace_id is None else ("kurz_plain", str(workspace_id))


def _workspace_asked_about() -> int | None:
    """None for statements that span workspaces, and for those of tests; raises NoWorkspace."""
    passed = []
    for frame in _frames():
        module, _, _ = (name := frame.f_globals.get("__name__", "")).partition(".")
        if module not in ROOMS or name in (__name__, DOOR):
            continue
        function = f"{name}.{frame.f_code.co_qualname}"
        if function in SPANNING:
            return None
        if "workspace_id" in _arguments(frame) and frame.f_locals["workspace_id"] is not None:
            return int(frame.f_locals["workspace_id"])
        if module != "models":
            break
        passed.append(function)
    if passed:
        raise NoWorkspace(passed)
    return None


def _arguments(frame: FrameType) -> tuple[str, ...]:
    code = frame.f_code
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _frames() -> Iterator[FrameType]:
    """From the statement outwards, across SQLAlchemy's step from `await` to its synchronous inside."""
    inside = greenlet.getcurrent()
    frame: FrameType | None = sys._getframe()
    while inside is not None:
        while frame is not None:
            yield frame
            frame = frame.f_back
        inside = inside.parent
        frame = None if inside is None else inside.gr_frame
