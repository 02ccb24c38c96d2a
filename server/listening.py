"""The socket all workers accept from."""

import errno
import socket

from server.start_error import StartError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket, to be inherited by the workers; port 0 takes a free one. Raises StartError."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        opened = socket.socket(family, kind)
    except OSError as error:
        raise StartError(f"KURZ_HOST={host}: cannot be listened on ({error.strerror or error})") from error
    try:
        # A port is free again at once after a restart, though connections of before linger.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise StartError(_reason(host, port, error)) from error
    return opened


def port_of(listening: socket.socket) -> int:
    """The port a socket listens on."""
    port: int = listening.getsockname()[1]
    return port


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: choose another with --port or KURZ_PORT"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed to this user: choose one above 1023"
    return f"cannot listen on {host} port {port}: {error.strerror}"
