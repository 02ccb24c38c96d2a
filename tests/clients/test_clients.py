"""The clients that frontends use, each against a running Kurz: what they promise their users holds with it."""

import pytest

from tests.clients.conftest import Packages, Served

pytestmark = pytest.mark.clients


@pytest.mark.parametrize("client", ["urql", "graphql-ws", "apollo"])
def test_a_client_does_what_it_promises(client: str, clients: Packages, served: Served) -> None:
    clients.run("node", f"{client}.mjs", variables=served.environment())


def test_relay_compiles_pages_both_ways_and_refetches(clients: Packages, served: Served) -> None:
    clients.run("npm", "run", "--silent", "relay")
    clients.run("node", "relay/pages.js", variables=served.environment())
