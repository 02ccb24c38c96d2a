"""The listening socket: a free port, and clear words where there is none."""

import socket

import pytest

from server.listening import listen, port_of
from server.start_error import StartError


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_port_zero_takes_a_free_one(host: str) -> None:
    with listen(host, 0) as first, listen(host, 0) as second:
        assert 0 < port_of(first) != port_of(second) > 0
        with socket.create_connection(("localhost" if host == "localhost" else "127.0.0.1", port_of(first))):
            pass


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(StartError):
        listen(host, 0)


def test_a_port_in_use_is_refused() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(StartError):
        listen("127.0.0.1", port_of(taken))
