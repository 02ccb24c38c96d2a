"""Destinations that are well formed and still refused: this service itself, and private addresses."""

import pytest

from models.refusals import Problem, ProblemCode, Refused
from models.targets import TargetPolicy, judge

PUBLIC = TargetPolicy(own_hosts=frozenset({"kurz.example", "go.example:8443", "münchen.example"}), allow_private=False)
INTRANET = TargetPolicy(own_hosts=frozenset({"kurz.example", "127.0.0.1"}), allow_private=True)
PATH = ("items", "3", "destinationUrl")


def problems_of(raw: str, policy: TargetPolicy = PUBLIC) -> list[Problem]:
    try:
        judge(raw, policy, path=PATH)
    except Refused as refused:
        return list(refused.problems)
    return []


@pytest.mark.parametrize(
    "raw",
    [
        *("https://kurz.example", "https://KURZ.Example/x", "http://kurz.example:8080/x", "https://kurz.example./x"),
        *(
            "https://kurz.example../",
            "https://\uff4b\uff55\uff52\uff5a.example/",
            "https://kurz。example/",
            "https:kurz.example",
        ),
        *(
            "https://%6burz.example/",
            "https://ku\u00adrz.example/",
            r"https:\\kurz.example",
            "https://kurz.example:443/",
        ),
        *(
            "https://go.example/",
            "https://GO.example:8443/",
            "https://xn--mnchen-3ya.example/",
            "https://MÜNCHEN.example",
        ),
    ],
)
def test_our_own_hosts_are_blocked_in_every_spelling(raw: str) -> None:
    (problem,) = problems_of(raw)
    assert (problem.code, problem.path) == (ProblemCode.BLOCKED, PATH)


@pytest.mark.parametrize("raw", ["https://127.0.0.1:9000/", "http://0x7f.1/", "http://2130706433/"])
def test_an_own_address_is_blocked_even_where_private_targets_are_allowed(raw: str) -> None:
    (problem,) = problems_of(raw, INTRANET)
    assert problem.code is ProblemCode.BLOCKED


@pytest.mark.parametrize("raw", ["https://notkurz.example/", "https://kurz.example.com/", "https://a.kurz.example/"])
def test_hosts_that_only_look_like_ours_are_fine(raw: str) -> None:
    assert problems_of(raw) == []


PRIVATE = [
    *("http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0x7f.1/", "http://0x7f000001/"),
    *(
        "http://2130706433/",
        "http://017700000001/",
        "http://0177.0.0.1/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127。0。0。1/",
    ),
    *("http://127.0.0.1./", "http://%31%32%37.0.0.1/", "http://0/", "http://0.0.0.0/", "http://0.1.2.3/"),
    *(
        "http://10.0.0.1/",
        "http://10.255.255.255/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.0.1/",
    ),
    *("http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://100.127.255.255/", "http://198.18.0.1/"),
    *("http://192.0.0.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/"),
    *("http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[fe80::1]/", "http://[febf::1]/"),
    *("http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[fec0::1]/", "http://[ff02::1]/"),
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:10.0.0.1]/", "http://[::127.0.0.1]/"),
    *(
        "http://[::ffff:0:10.0.0.1]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::1]/",
    ),
    *("http://[2002:a01:808::]/", "http://[2002:7f00:1::1]/", "http://[2001:0:a00:1::]/"),
    "http://[2001:0:808:808::53ef:fffe]/",  # Teredo: the client is 172.16.0.1, inverted
    *(
        "http://localhost/",
        "http://LOCALHOST:3000/",
        "http://localhost./",
        "http://localhost../",
        "http://\uff4cocalhost/",
    ),
    *("http://app.localhost/", "http://%6cocalhost/", "http://printer.local/", "http://db.internal/", "http://local/"),
    *("http://internal./", "http://a.b.INTERNAL/", "http://router.home.arpa/", "http://localhost.localdomain/"),
]


@pytest.mark.parametrize("raw", PRIVATE)
def test_private_targets_are_blocked_in_every_spelling(raw: str) -> None:
    (problem,) = problems_of(raw)
    assert (problem.code, problem.path) == (ProblemCode.BLOCKED, PATH)


def test_the_refusal_of_a_private_target_names_the_setting() -> None:
    (problem,) = problems_of("http://10.0.0.1/")
    assert "KURZ_ALLOW_PRIVATE_TARGETS" in problem.message  # a promise, unlike the other words


@pytest.mark.parametrize("raw", [raw for raw in PRIVATE if "127" not in raw and "2130706433" not in raw])
def test_private_targets_are_fine_where_they_are_allowed(raw: str) -> None:
    policy = TargetPolicy(own_hosts=frozenset(), allow_private=True)
    assert problems_of(raw, policy) == []


@pytest.mark.parametrize(
    "raw",
    [
        *("http://9.255.255.255/", "http://11.0.0.0/", "http://100.63.255.255/", "http://100.128.0.0/"),
        *("http://126.255.255.255/", "http://128.0.0.1/", "http://169.253.0.1/", "http://172.15.0.1/"),
        *("http://172.32.0.1/", "http://192.167.0.1/", "http://223.255.255.255/", "http://[fbff::1]/"),
        *(
            "http://[2001:db9::1]/",
            "http://[2002:808:808::1]/",
            "http://[64:ff9b::8.8.8.8]/",
            "http://[2001:0:808:808::f7f7:f7f7]/",
        ),
        *("https://localhost.example/", "https://mylocalhost/", "https://internal.example/", "https://nonlocal/"),
    ],
)
def test_neighbours_of_private_targets_are_fine(raw: str) -> None:
    assert problems_of(raw) == []
