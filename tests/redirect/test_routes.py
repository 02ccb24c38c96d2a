"""The route of short links stands first in the whole application and takes nobody's path."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.routing import BaseRoute, Match, Route, Router

from models.ids import DomainId, WorkspaceId
from models.instance import InstanceRecord
from redirect.route import RedirectDoor
from server.app import create_app
from server.settings import Settings


@pytest.fixture
def app(tmp_path: Path) -> Router:
    settings = Settings(database_url=SecretStr("postgresql://kurz@localhost/kurz"), data_dir=tmp_path)
    return create_app(settings, InstanceRecord(workspace_id=WorkspaceId(1), domain_id=DomainId(1)))


def taken_by(app: Router, path: str) -> BaseRoute | None:
    scope = {"type": "http", "method": "GET", "path": path}
    return next((route for route in app.routes if route.matches(scope)[0] is not Match.NONE), None)


def is_short_link(route: BaseRoute | None) -> bool:
    return isinstance(route, Route) and isinstance(route.endpoint, RedirectDoor)


def test_short_links_come_first(app: Router) -> None:
    assert is_short_link(app.routes[0])
    assert is_short_link(taken_by(app, "/abc"))


def test_no_fixed_route_is_taken_for_a_short_link(app: Router) -> None:
    paths = [route.path.partition("/{")[0] for route in app.routes[1:] if isinstance(route, Route)]
    assert {"/graphql", "/healthz", "/readyz", "/robots.txt", "/favicon.ico", "/"} <= set(paths)
    for path in paths:
        for spelling in (path, f"{path}/", path.upper(), f"{path.upper()}/", f"{path}/x"):
            assert not is_short_link(taken_by(app, spelling)) or spelling == "/x", spelling
        assert taken_by(app, path) is not None or any(
            isinstance(route, Route) and route.path.startswith(f"{path}/{{") for route in app.routes
        )


def test_nothing_else_redirects_a_visitor(app: Router) -> None:
    assert not app.redirect_slashes
