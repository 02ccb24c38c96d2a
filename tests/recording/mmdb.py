"""A writer of the smallest MMDB files (MaxMind DB File Format Specification 2.0), for tests."""

from ipaddress import ip_network
from pathlib import Path

RECORD_BYTES = 3
Value = dict[str, "Value"] | list["Value"] | str | int


def write_mmdb(path: Path, networks: dict[str, Value]) -> None:
    """Replaces the file by a table of these IPv4 networks and their records, as an update would."""
    data = b""
    leaves: dict[str, int] = {}
    for network, value in networks.items():
        leaves[network] = len(data)
        data += _encoded(value)
    nodes: list[list[int | None]] = [[None, None]]
    for network, offset in leaves.items():
        parsed = ip_network(network)
        bits = f"{int(parsed.network_address):032b}"[: parsed.prefixlen]
        node = 0
        for bit in bits[:-1]:
            branch = nodes[node][int(bit)]
            if branch is None:
                nodes.append([None, None])
                branch = nodes[node][int(bit)] = len(nodes) - 1
            node = branch
        nodes[node][int(bits[-1])] = -1 - offset
    count = len(nodes)
    tree = b"".join(_record(branch, count) for node in nodes for branch in node)
    metadata: Value = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "database_type": "Test",
        "description": {"en": "test"},
        "ip_version": 4,
        "languages": ["en"],
        "node_count": count,
        "record_size": RECORD_BYTES * 8,
    }
    new = path.with_suffix(".new")
    new.write_bytes(tree + b"\x00" * 16 + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    new.rename(path)


def _record(branch: int | None, count: int) -> bytes:
    if branch is None:
        branch = count  # nothing is known
    elif branch < 0:
        branch = count + 16 + (-1 - branch)
    return branch.to_bytes(RECORD_BYTES, "big")


def _encoded(value: Value, name: str = "") -> bytes:
    match value:
        case dict():
            inner = b"".join(_encoded(key) + _encoded(item, key) for key, item in value.items())
            return bytes([(7 << 5) | len(value)]) + inner
        case str():
            return bytes([(2 << 5) | len(value)]) + value.encode()
        case list():
            return bytes([len(value), 11 - 7]) + b"".join(_encoded(item) for item in value)
        case _ if name == "build_epoch":
            return bytes([8, 9 - 7]) + value.to_bytes(8, "big")
        case _ if name == "node_count":
            return bytes([(6 << 5) | 4]) + value.to_bytes(4, "big")
        case _:
            return bytes([(5 << 5) | 2]) + value.to_bytes(2, "big")
