"""Whom a request comes from."""

import pytest

from recording.client import ClientRule

PROXIES = ("10.0.0.0/8", "2001:db8:1::/48")
NEAR, FAR = "10.0.0.1", "10.9.9.9"


def ask(peer: str | None, *headers: tuple[str, str], trusted: tuple[str, ...] = PROXIES) -> str:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": "http", "client": None if peer is None else (peer, 1), "headers": raw}
    return str(ClientRule(trusted).address(scope))


def xff(*lines: str) -> list[tuple[str, str]]:
    return [("x-forwarded-for", line) for line in lines]


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"])
def test_a_stranger_is_not_believed(name: str) -> None:
    assert ask("203.0.113.7", (name, "198.51.100.1"), (name, "for=198.51.100.1")) == "203.0.113.7"


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["192.0.2.66, 198.51.100.1"], "198.51.100.1"),
        (["192.0.2.66", "198.51.100.1"], "198.51.100.1"),
        ([f"192.0.2.66, 198.51.100.1, {FAR}"], "198.51.100.1"),
        ([f"198.51.100.1:4711,{FAR}"], "198.51.100.1"),
        (["2001:db8:2::5"], "2001:db8:2::5"),
        (["[2001:db8:2::5]:80"], "2001:db8:2::5"),
        (["[2001:db8:2::5]"], "2001:db8:2::5"),
        (["2001:0DB8:0002::0005"], "2001:db8:2::5"),
        (["198.51.100.1, 2001:db8:1::9"], "198.51.100.1"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["fe80::1%eth0"], "fe80::1"),
        (["garbage, 198.51.100.1"], "198.51.100.1"),
        ([FAR], FAR),
    ],
)
def test_behind_proxies_it_is_the_rightmost_untrusted_address(lines: list[str], client: str) -> None:
    assert ask(NEAR, *xff(*lines)) == client


@pytest.mark.parametrize(
    "line", ["", "garbage", "198.51.100.1, garbage", "unknown", "999.1.1.1", "1" * 10_000, "198.51.100.1,", "\xe4"]
)
def test_what_is_malformed_leaves_the_peer(line: str) -> None:
    assert ask(NEAR, *xff(line)) == NEAR


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ('For="[2001:db8:2::5]:4711"; proto=https;by=10.0.0.1', "2001:db8:2::5"),
        (f"for=192.0.2.66, for=198.51.100.1;host=x, for={FAR}", "198.51.100.1"),
        ("for=_hidden", NEAR),
        ("for=unknown", NEAR),
        ("proto=https", NEAR),
    ],
)
def test_the_standard_header_is_read_too(value: str, client: str) -> None:
    assert ask(NEAR, ("forwarded", value)) == client


@pytest.mark.parametrize(("other", "client"), [("198.51.100.1", "198.51.100.1"), ("192.0.2.66", NEAR)])
def test_of_two_headers_that_disagree_neither_is_believed(other: str, client: str) -> None:
    assert ask(NEAR, ("forwarded", f"for={other}"), *xff("198.51.100.1")) == client


def test_a_mapped_peer_is_its_ipv4_address() -> None:
    assert ask(f"::ffff:{NEAR}", *xff("198.51.100.1")) == "198.51.100.1"


def test_a_chain_without_end_is_read_only_so_far() -> None:
    assert ask(NEAR, *xff("198.51.100.1," + ",".join([FAR] * 5_000))) == FAR


def test_a_peer_without_an_address_is_nobody() -> None:
    assert ask(None, *xff("198.51.100.1")) == ask("local", *xff("198.51.100.1")) == "None"


@pytest.mark.parametrize("network", ["*", "example.com", "10.0.0.0/33"])
def test_only_addresses_and_networks_can_be_trusted(network: str) -> None:
    with pytest.raises(ValueError):
        ClientRule((network,))
