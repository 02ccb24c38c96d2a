"""The export of a workspace: one JSON object a line, with the names and ids of the API."""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any, BinaryIO

import asyncpg
import orjson

from graph import ids
from graph.clicks import id_of
from models import workspace_export
from models.click_lists import ClickKey
from models.clicks import VisitorKind
from models.ids import WorkspaceId
from server.start_error import StartError

FORMAT = 1
_PREFIXES = {
    "workspace": ids.WORKSPACE,
    "domain": ids.DOMAIN,
    "member": ids.MEMBER,
    "user": ids.USER,
    "key": ids.API_KEY,
    "link": ids.LINK,
    "auditEntry": ids.AUDIT_ENTRY,
}
# Columns that name something, and what it is.
_REFERENCES = {
    "domain_id": "domain",
    "user_id": "user",
    "link_id": "link",
    "created_by_key": "key",
    "created_by_user": "user",
    "actor_key": "key",
    "actor_user": "user",
}
_WHEN_WRITTEN = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


async def write_export(
    conn: "asyncpg.Connection[asyncpg.Record]", workspace_id: WorkspaceId, *, to: BinaryIO, now: datetime
) -> int:
    """Writes the lines of the workspace's export, and answers how many; memory does not grow with them.

    The first line is of type `export`, the last of type `end`, which says how many were between. Raises StartError
    when they cannot be written.
    """
    _write(to, {"type": "export", "format": FORMAT, "exportedAt": now})
    count = 0
    async with aclosing(workspace_export.rows(conn, workspace_id)) as rows:
        async for kind, row in rows:
            _write(to, {"type": kind, **_SHAPES.get(kind, _plain)(kind, row)})
            count += 1
    _write(to, {"type": "end", "lines": count})
    return count + 2


def _write(to: BinaryIO, values: Mapping[str, Any]) -> None:
    try:
        to.write(orjson.dumps(values, option=_WHEN_WRITTEN))
        if values["type"] == "end":
            to.flush()
    except OSError as error:
        raise StartError(f"the export cannot be written: {error.strerror or error}") from error


def _plain(kind: str, row: asyncpg.Record) -> dict[str, Any]:
    shown = {_camel(name): _shown(name, value) for name, value in row.items()}
    return {**shown, "id": ids.encode(_PREFIXES[kind], row["id"])} if "id" in row.keys() else shown  # noqa: SIM118


def _shown(name: str, value: Any) -> Any:
    prefix = _PREFIXES.get(_REFERENCES.get(name, ""))
    return value if prefix is None or value is None else ids.encode(prefix, value)


def _camel(name: str) -> str:
    first, *others = name.removesuffix("_").split("_")
    return first + "".join(map(str.capitalize, others))


def _entry(kind: str, row: asyncpg.Record) -> dict[str, Any]:
    shown = _plain(kind, row)
    prefix = _PREFIXES[row["target_kind"]]
    # Already JSON, as asyncpg reads it.
    changes = {name: None if row[name] is None else orjson.Fragment(row[name]) for name in ("before", "after")}
    return {**shown, "targetId": ids.encode(prefix, row["target_id"]), **changes}


def _click(kind: str, row: asyncpg.Record) -> dict[str, Any]:
    shown = _plain(kind, row)
    key = ClickKey(row["occurred_at"], shown.pop("batchId"), shown.pop("batchRow"))
    return {"id": id_of(key), **shown, "kind": VisitorKind(row["kind"]).name}


_SHAPES: Mapping[str, Callable[[str, asyncpg.Record], dict[str, Any]]] = {"auditEntry": _entry, "click": _click}
