"""Destinations: where a short link may lead."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import ada_url

from models.refusals import LimitReached, Problem, ProblemCode, Refused
from models.texts import unprintable

BYTE_LIMIT = 8_192
SCHEMES = ("http:", "https:")

# Names that mean this machine or this network: RFC 6761, RFC 6762, RFC 8375, and ICANN's reservation of .internal.
PRIVATE_NAMES = ("localhost", "localdomain", "local", "internal", "home.arpa")

# What is not on the public internet, from IANA's registries of special-purpose addresses (RFC 6890 and later).
PRIVATE_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by a carrier's customers (RFC 6598)
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and where clouds serve their metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/127",  # unspecified and loopback
        "64:ff9b:1::/48",  # NAT64 within one network (RFC 8215)
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",  # site-local, as it was once
        "ff00::/8",
    )
)

# Networks of IPv6 addresses that carry an IPv4 address, and how far right of it there are other bits.
EMBEDDINGS = (
    (ip_network("::/96"), 0),  # "IPv4-compatible" (RFC 4291)
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (ip_network("::ffff:0:0:0/96"), 0),  # IPv4-translated (RFC 2765)
    (ip_network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (ip_network("2002::/16"), 80),  # 6to4 (RFC 3056)
    (ip_network("2001::/32"), 64),  # Teredo's server (RFC 4380)
)
TEREDO = ip_network("2001::/32")


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """What the operator decides: our own hosts, which must not be targets, and whether private ones may be."""

    own_hosts: frozenset[str]
    allow_private: bool


def judge(raw: str, policy: TargetPolicy, *, path: tuple[str, ...]) -> str:
    """The destination as the WHATWG URL standard serialises it (ASCII); Refused with everything that is wrong."""
    # Looked for first: the parser silently drops some, and would store something else than was asked for.
    bad = unprintable(raw)
    if bad is not None:
        raise Refused(Problem(ProblemCode.INVALID, f"The URL contains the character {bad}, not allowed.", path))
    try:
        url = ada_url.URL(raw)
    except ValueError:
        message = "This is not an absolute URL such as https://example.com/page."
        raise Refused(Problem(ProblemCode.INVALID, message, path)) from None
    problems = _problems(url, policy, path)
    if problems:
        raise Refused(*problems)
    return url.href


def _problems(url: ada_url.URL, policy: TargetPolicy, path: tuple[str, ...]) -> list[Problem]:
    if url.protocol not in SCHEMES:
        return [Problem(ProblemCode.INVALID, f"A destination begins with http: or https:, not {url.protocol}", path)]
    problems: list[Problem] = []
    size = len(url.href.encode())
    if size > BYTE_LIMIT:
        message = f"The URL has {size} bytes; at most {BYTE_LIMIT} are allowed."
        problems.append(LimitReached(ProblemCode.LIMIT_REACHED, message, path, limit=BYTE_LIMIT))
    if url.username or url.password:
        problems.append(Problem(ProblemCode.INVALID, "A destination has no user name or password before @.", path))
    host = url.hostname.rstrip(".")
    if host in {canonical_host(own) for own in policy.own_hosts}:
        message = f"{host} is this service itself: such a link could lead in circles."
        problems.append(Problem(ProblemCode.BLOCKED, message, path))
    elif not policy.allow_private and is_private(host):
        message = f"{host} is a private or local address; KURZ_ALLOW_PRIVATE_TARGETS=true allows these."
        problems.append(Problem(ProblemCode.BLOCKED, message, path))
    return problems


def canonical_host(host: str) -> str:
    """The one spelling of a host (its port left out): lower case, ASCII, no dot at the end, addresses in digits."""
    try:
        return ada_url.URL(f"http://{host}/").hostname.rstrip(".")
    except ValueError:
        return host.lower().rstrip(".")


def is_private(host: str) -> bool:
    """Whether a host, spelled canonically, is this machine or lies in a private network."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return any(host == name or host.endswith(f".{name}") for name in PRIVATE_NAMES)
    return any(one in network for one in _addresses(address) for network in PRIVATE_NETWORKS)


def _addresses(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address and the IPv4 addresses inside it."""
    found = [address]
    found += [IPv4Address(int(address) >> shift & 0xFFFFFFFF) for network, shift in EMBEDDINGS if address in network]
    if address in TEREDO:
        found.append(IPv4Address(~int(address) & 0xFFFFFFFF))  # the client's, with its bits inverted
    return found
