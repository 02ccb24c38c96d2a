"""What the lane relies on in uvicorn, which promises none of it."""

from collections.abc import Iterator
from typing import Final

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

# By class: what its constructor sets, then the methods that are called or extended.
NEEDS: Final[tuple[tuple[type, tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        HttpToolsProtocol,
        (
            *("client", "cycle", "flow", "headers", "loop", "pipeline", "server_state", "timeout_keep_alive"),
            *("timeout_keep_alive_task", "transport"),
        ),
        (
            *("_unset_keepalive_if_required", "data_received", "on_message_begin", "on_message_complete"),
            "timeout_keep_alive_handler",
        ),
    ),
    (RequestResponseCycle, ("response_complete",), ()),
    (FlowControl, ("write_paused",), ()),
    (ServerState, ("default_headers", "total_requests"), ()),
)


def why_not(config: uvicorn.Config) -> str | None:
    """Why connections of this uvicorn, set like this, cannot have the lane; None when they can."""
    missing = list(_missing())
    if missing:
        return f"uvicorn {uvicorn.__version__} has no {', '.join(missing)}"
    # Each of them makes other answers, or more than answers, of what the lane would take.
    for name in ("root_path", "limit_concurrency", "access_log", "is_ssl"):
        if getattr(config, name):
            return f"uvicorn's {name} is set"
    return None


def _missing() -> Iterator[str]:
    for kind, attributes, methods in NEEDS:
        # Without an instance, which would want a configuration and a loop.
        is_set = kind.__init__.__code__.co_names  # type: ignore[misc]
        yield from (f"{kind.__name__}.{name}" for name in attributes if name not in is_set)
        yield from (f"{kind.__name__}.{name}" for name in methods if not callable(getattr(kind, name, None)))
