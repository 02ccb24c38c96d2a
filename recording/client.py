"""Who asks: the visitor's address behind the proxies one trusts."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from struct import Struct
from typing import Any

from recording.memo import Memo

Address = IPv4Address | IPv6Address
Headers = Sequence[tuple[bytes, bytes]]  # names in lower case
Peer = tuple[str, int]  # address and port at the other end of a connection

MOST_HOPS = 32
_LONGEST_HOP = 64  # bytes; an IPv6 address with brackets, port and quotes has at most 54
NO_PEER = ""  # a Unix socket's
_V4, _V6 = int(AF_INET), int(AF_INET6)  # the members of an enumeration take longer
_V4_BYTES = 4
_V4_NUMBER = Struct(">I").unpack
PEERS_BYTES = 64 * 1024  # some 100 proxies
_MAPPED = bytes(10) + b"\xff\xff"  # an IPv4 address as IPv6 (RFC 4291, section 2.5.5.2)
_COMPATIBLE = bytes(12)


class ClientRule:
    """Whom to take for the visitor: the right-most hop that is no trusted proxy's, else the peer itself."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Takes the proxies' addresses and networks in CIDR form; ValueError for anything else."""
        networks = [ip_network(network, strict=False) for network in trusted]
        # Length of an address, network mask, network: with objects of ipaddress this would cost more than the rest.
        self._networks = [
            (len(network.network_address.packed), int(network.netmask), int(network.network_address))
            for network in networks
        ]
        self._v4_networks = [(mask, network) for length, mask, network in self._networks if length == _V4_BYTES]
        self._peers: Memo[str, tuple[bytes | None, bool]] = Memo(PEERS_BYTES)  # those that speak for others

    @property
    def trusts_nobody(self) -> bool:
        """Whether headers make no difference."""
        return not self._networks

    def address(self, scope: Any) -> Address | None:
        """The address of the visitor who sent the request of this ASGI scope; None where the server knows none."""
        headers = () if self.trusts_nobody else scope["headers"]
        packed = self._judge(peer_of(scope), joined(headers, b"x-forwarded-for"), joined(headers, b"forwarded"))
        return None if packed is None else ip_address(packed)

    def judge(self, peer: str, forwarded_for: bytes | None, forwarded: bytes | None) -> str | None:
        """The visitor's address, in its usual form, by the peer and by X-Forwarded-For and Forwarded (RFC 7239).

        Hops are believed only from a trusted peer, only when they can be read, and only when the two headers do not
        disagree: a proxy writes one of them, and may pass on whatever the visitor wrote into the other.
        """
        if forwarded is None:
            plain = _plain(peer) if forwarded_for is None else self._plain_hop(peer, forwarded_for)
            if plain is not None:
                return plain
        packed = self._judge(peer, forwarded_for, forwarded)
        return None if packed is None else _text(packed)

    def believes(self, peer: str, packed: bytes) -> bool:
        """Whether the one hop that the peer tells of, an IPv4 address, is the answer."""
        met = self._peers.get(peer) or self._meet(peer)
        if not met[1]:
            return False
        (number,) = _V4_NUMBER(packed)
        for mask, network in self._v4_networks:  # noqa: SIM110 - all() would take longer, and this is done each time
            if number & mask == network:
                return False
        return True

    def _plain_hop(self, peer: str, forwarded_for: bytes) -> str | None:
        """The answer where it is one IPv4 address that stands there as such, as it mostly is: the same, but sooner."""
        text = forwarded_for.decode("latin-1")
        try:
            return text if self.believes(peer, inet_pton(_V4, text)) else None
        except (OSError, ValueError):
            return None

    def _judge(self, peer: str, forwarded_for: bytes | None, forwarded: bytes | None) -> bytes | None:
        if forwarded_for is None and forwarded is None:
            return _parsed(peer)
        address, is_trusted = self._peers.get(peer) or self._meet(peer)
        if not is_trusted:
            return address
        claims = []
        if forwarded_for is not None:
            claims.append(self._rightmost_untrusted(forwarded_for, bytes.strip))
        if forwarded is not None:
            claims.append(self._rightmost_untrusted(forwarded, _for_parameter))
        return address if claims[0] is None or claims[0] != claims[-1] else claims[0]

    def _meet(self, peer: str) -> tuple[bytes | None, bool]:
        address = _parsed(peer)
        met = (address, address is not None and self._is_trusted(address))
        self._peers.remember(peer, met, size=len(peer))
        return met

    def _rightmost_untrusted(self, header: bytes, read_hop: Callable[[bytes], bytes]) -> bytes | None:
        # From right to left: what stands left of the answer is the visitor's own invention.
        address = None
        hops = header.rsplit(b",", MOST_HOPS)[: -MOST_HOPS - 1 : -1] if b"," in header else [header]
        for hop in hops:
            address = _parsed(_without_port(read_hop(hop)))
            if address is None or not self._is_trusted(address):
                break
        return address

    def _is_trusted(self, address: bytes) -> bool:
        number, length = int.from_bytes(address, "big"), len(address)
        for network_length, mask, network in self._networks:
            if length == network_length and number & mask == network:
                return True
        return False


def peer_of(scope: Any) -> str:
    """The address at the other end of the connection; empty for a Unix socket."""
    peer = scope.get("client")
    return peer[0] if peer else NO_PEER


def joined(headers: Headers, name: bytes) -> bytes | None:
    """The values of all header lines of that name as one list (RFC 9110, section 5.3); None when there is none."""
    values = [value for key, value in headers if key == name]
    return b",".join(values) if values else None


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
    if ":" not in text and "[" not in text:
        return text
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _parsed(text: str) -> bytes | None:
    """The packed form; of an IPv4 address in IPv6 that of the IPv4 address."""
    if "%" in text:
        text = text.partition("%")[0]  # without the zone of a link-local address
    try:
        return inet_pton(_V6, text).removeprefix(_MAPPED) if ":" in text else inet_pton(_V4, text)
    except (OSError, ValueError):
        return None


def _plain(text: str) -> str | None:
    """The same text if it is an IPv4 address."""
    try:
        inet_pton(_V4, text)
    except (OSError, ValueError):
        return None
    return text


def _text(packed: bytes) -> str:
    if len(packed) == _V4_BYTES:
        return inet_ntop(_V4, packed)
    if packed.startswith(_COMPATIBLE):  # the one kind of which systems differ in their form
        return str(IPv6Address(packed))
    return inet_ntop(_V6, packed)
