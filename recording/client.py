"""Who asks: the visitor's address behind the proxies one trusts."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Any

Address = IPv4Address | IPv6Address
Headers = Iterable[tuple[bytes, bytes]]

MOST_HOPS = 32
_LONGEST_HOP = 64  # bytes; an IPv6 address with brackets, port and quotes has at most 54
_NO_PEER = ""


class ClientRule:
    """Whom to take for the visitor: the right-most hop that is no trusted proxy's, else the peer itself."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Takes the proxies' addresses and networks in CIDR form; ValueError for anything else."""
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(network, strict=False) for network in trusted]

    @property
    def trusts_nobody(self) -> bool:
        """Whether headers make no difference."""
        return not self._networks

    def address(self, scope: Any) -> Address | None:
        """The address of the visitor who sent the request of this ASGI scope; None where the server knows none."""
        headers = () if self.trusts_nobody else scope["headers"]
        return self.judge(peer_of(scope), joined(headers, b"x-forwarded-for"), joined(headers, b"forwarded"))

    def judge(self, peer: str, forwarded_for: bytes | None, forwarded: bytes | None) -> Address | None:
        """The visitor's address by the peer and the values of X-Forwarded-For and Forwarded (RFC 7239).

        Hops are believed only from a trusted peer, only when they can be read, and only when the two headers do not
        disagree: a proxy writes one of them, and may pass on whatever the visitor wrote into the other.
        """
        address = _parsed(peer)
        if address is None or (forwarded_for is None and forwarded is None) or not self._is_trusted(address):
            return address
        claims = {
            self._rightmost_untrusted(_hops(header, is_forwarded))
            for header, is_forwarded in ((forwarded_for, False), (forwarded, True))
            if header is not None
        }
        claim = claims.pop()
        return address if claims or claim is None else claim

    def _rightmost_untrusted(self, hops: Iterable[bytes]) -> Address | None:
        address = None
        for hop in islice(hops, MOST_HOPS):
            address = _parsed(_without_port(hop))
            if address is None or not self._is_trusted(address):
                break
        return address

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def peer_of(scope: Any) -> str:
    """The address at the other end of the connection; empty for a Unix socket."""
    peer = scope.get("client")
    return peer[0] if peer else _NO_PEER


def joined(headers: Headers, name: bytes) -> bytes | None:
    """The values of all header lines of that name as one list (RFC 9110, section 5.3); None when there is none."""
    values = [value for key, value in headers if key == name]
    return b",".join(values) if values else None


def _hops(header: bytes, is_forwarded: bool) -> Iterable[bytes]:
    """The hops from right to left, lazily: what stands left of the answer is the visitor's own invention."""
    for hop in reversed(header.rsplit(b",", MOST_HOPS)):
        yield _for_parameter(hop) if is_forwarded else hop.strip()


def _for_parameter(hop: bytes) -> bytes:
    # A comma or semicolon inside quotes would be split wrongly, but no address contains one: it cannot be read then.
    for pair in hop.split(b";"):
        name, _, value = pair.partition(b"=")
        if name.strip().lower() == b"for":
            return value.strip().strip(b'"')
    return b""


def _without_port(hop: bytes) -> str:
    if len(hop) > _LONGEST_HOP:
        return ""
    text = hop.decode("latin-1")
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])  # without the zone of a link-local address
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
