"""What the lane relies on in uvicorn is there; where it is not, the route alone serves."""

from types import SimpleNamespace

import pytest
import structlog
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from redirect import lane_needs
from redirect.lane import Lane
from redirect.lane_needs import NEEDS, why_not
from server.app import Application
from server.request_heads import BoundedHeads
from server.worker import config_for

HTTP_TOOLS = [
    *("_unset_keepalive_if_required", "data_received", "on_message_begin", "on_message_complete"),
    *("timeout_keep_alive_handler", "client", "cycle", "flow", "headers", "loop", "pipeline", "server_state"),
    *("timeout_keep_alive", "timeout_keep_alive_task", "transport"),
]
RELIED_ON = {
    HttpToolsProtocol: HTTP_TOOLS,
    RequestResponseCycle: ["response_complete"],
    FlowControl: ["write_paused"],
    ServerState: ["default_headers", "total_requests"],
}


def application(*, has_lane: bool = True) -> Application:
    app = Application([])
    app.lane = Lane(lambda _code: None, recorder=None, now=lambda: pytest.fail("nobody asks")) if has_lane else None
    return app


def test_each_name_that_is_relied_on_is_there_and_listed() -> None:
    listed = {kind: sorted((*attributes, *methods)) for kind, attributes, methods in NEEDS}
    assert listed == {kind: sorted(names) for kind, names in RELIED_ON.items()}
    assert why_not(uvicorn.Config(Application([]), log_config=None, access_log=False)) is None


async def test_each_request_has_a_list_of_headers_of_its_own() -> None:
    config = uvicorn.Config(Application([]), log_config=None, access_log=False)
    connection = HttpToolsProtocol(config, ServerState(), {})
    lists = [connection.headers]
    for _ in range(2):
        connection.on_message_begin()
        lists.append(connection.headers)
    assert lists[0] is not lists[1] is not lists[2]


def test_connections_have_the_lane_and_the_bounds() -> None:
    app = application()
    protocol = config_for(app).http
    assert isinstance(protocol, type)
    assert issubclass(protocol, BoundedHeads)
    assert protocol.lane is app.lane
    assert config_for(application(has_lane=False)).http is BoundedHeads


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in RELIED_ON.items() for name in names], ids=str
)
def test_without_one_of_them_the_route_serves_and_one_warning_says_so(
    monkeypatch: pytest.MonkeyPatch, kind: type, name: str
) -> None:
    others = [entry for entry in NEEDS if entry[0] is not kind]
    [(_, attributes, methods)] = [entry for entry in NEEDS if entry[0] is kind]
    needs = (kind, *((f"{one}_of_old" if one == name else one for one in names) for names in (attributes, methods)))
    monkeypatch.setattr(lane_needs, "NEEDS", (*others, tuple(needs)))
    with structlog.testing.capture_logs() as logs:
        config = config_for(application())
    assert config.http is BoundedHeads
    assert [line["log_level"] for line in logs] == ["warning"]


@pytest.mark.parametrize(
    "options", [{"root_path": "/kurz"}, {"limit_concurrency": 5}, {"access_log": True}, {"ssl_keyfile": "a key"}]
)
def test_a_server_that_does_more_with_each_request_has_no_lane(options: dict[str, object]) -> None:
    given = SimpleNamespace(root_path="", limit_concurrency=None, access_log=False, is_ssl=False)
    vars(given).update({"is_ssl": True} if "ssl_keyfile" in options else options)
    assert why_not(given) is not None  # type: ignore[arg-type]
