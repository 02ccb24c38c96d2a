"""Who is asking: the peer, or whom a trusted proxy names."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address

MAX_HOPS = 32
MAX_HEADER_BYTES = 4_096


class ClientRule:
    """Right-most address that is not a trusted proxy's; proxies append, so anything further left may be invented."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = tuple(ip_network(network, strict=False) for network in trusted)

    def address(self, scope: Scope) -> Address | None:
        """The client's address; the peer's when a forwarding header is absent, malformed or not to be trusted."""
        client = scope.get("client")
        peer = _parse(client[0]) if client else None
        if peer is None or not self._is_trusted(peer):
            return peer
        found = peer
        for hop in _hops(scope["headers"]):
            address = _parse(hop)
            if address is None:
                return peer
            found = address
            if not self._is_trusted(address):
                break
        return found

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def client_key(address: Address | None) -> bytes:
    """The network a budget belongs to: /24 or /64, which one customer commonly has to himself."""
    if address is None:
        return b""
    return address.packed[:3] if address.version == 4 else address.packed[:8]


def _hops(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[str]:
    """The forwarded addresses from the nearest one on; X-Forwarded-For goes first, as proxies rarely set the other."""
    for name in (b"x-forwarded-for", b"forwarded"):
        lines = [value for key, value in headers if key == name]
        if lines:
            chain = b",".join(lines)[-MAX_HEADER_BYTES:].decode("latin-1").split(",")
            nearest = reversed(chain[-MAX_HOPS:])
            yield from (hop.strip() if name == b"x-forwarded-for" else _forwarded_for(hop) for hop in nearest)
            return


def _forwarded_for(element: str) -> str:
    """The `for` of one RFC 7239 element; empty, which is no address, when it has none."""
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == "for":
            return value.strip().strip('"')
    return ""


def _parse(text: str) -> Address | None:
    """An address with or without port and brackets; an IPv4 address in IPv6 form is the IPv4 address."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
