"""Cases of several requests over one connection, sent without waiting, in any number of pieces."""

import random
from collections.abc import Iterator

from tests.redirect.lane_case import Case, Ending, pieces_of, request
from tests.redirect.lane_first_lines import CODES
from tests.redirect.lane_headers import ABOUT_VISITORS


def taken(dice: random.Random, mark: bytes) -> bytes:
    """A request that the lane may take; its click bears the mark."""
    method = dice.choice((b"GET", b"GET", b"GET", b"HEAD"))
    lines = dice.sample(ABOUT_VISITORS, dice.randint(0, 2))
    return request(b"/abc?utm_campaign=" + mark, *lines, method=method)


def ordinary(dice: random.Random, mark: bytes) -> bytes:
    """A request that only the ordinary path answers, some of them with a click, some after asking the database."""
    target = b"/abc?utm_campaign=" + mark
    return dice.choice(
        (
            request(target, b"Content-Length: 5", body=b"hello"),
            request(target, b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
            request(target, b"Expect: 100-continue"),
            request(b"http://kurz.test" + target),
            request(b"/a%62c?utm_campaign=" + mark),
            request(target, method=b"POST"),
            request(target, method=b"OPTIONS"),
            request(b"/off"),
            request(b"/unknown"),
            request(b"/new-" + mark),
            request(b"/new-" + mark, method=b"HEAD"),
            request(b"/robots.txt"),
            request(b"/graphql", b"Content-Length: 2", method=b"POST", body=b"{}"),
            request(b"/healthz", b"Accept: x"),
        )
    )


def closing(dice: random.Random, mark: bytes) -> bytes:
    """A request after which nothing is answered any more."""
    target = b"/abc?utm_campaign=" + mark
    return dice.choice(
        (
            request(target, b"Connection: close"),
            request(target, version=b"HTTP/1.0"),
            request(target, method=b"HEAD", version=b"HTTP/1.0"),
            request(target, b"Connection: close", method=b"POST"),
            request(b"/new-" + mark, b"Connection: close"),
        )
    )


def breaking(dice: random.Random, mark: bytes) -> bytes:
    """What is refused at once, so that answers before it may be lost."""
    target = b"/abc?utm_campaign=" + mark
    return dice.choice((b"GARBAGE\r\n\r\n", request(target, b"Bad Name: x"), request(target, version=b"HTTP/7.7")))


def pipelines(dice: random.Random, count: int) -> Iterator[Case]:
    """Two to eight requests, taken and not; one in three closes the connection among them."""
    for number in range(count):
        share = dice.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        requests = [
            (ordinary if dice.random() < share else taken)(dice, b"p%d-%d" % (number, place))
            for place in range(dice.randint(2, 8))
        ]
        most_cuts = dice.choice((0, 0, 0, 1, 2, 5))
        if number % 3 == 0:
            # In pieces, what is refused would race with an answer that waits for the database.
            end = closing if most_cuts else dice.choice((closing, breaking))
            requests.insert(dice.randint(0, len(requests)), end(dice, b"p%d-c" % number))
        whole = b"".join(requests)
        cuts = dice.sample(range(1, len(whole)), most_cuts)
        ending = dice.choice((Ending.ASKS, Ending.ASKS_ELSE))
        yield Case(f"pipeline {number} of {len(requests)}", pieces_of(whole, cuts), ending)


def one_by_one(dice: random.Random, count: int) -> Iterator[Case]:
    """The same, each request in a piece of its own."""
    for number in range(count):
        requests = [
            dice.choice((taken, ordinary))(dice, b"s%d-%d" % (number, place)) for place in range(dice.randint(2, 6))
        ]
        yield Case(f"one by one {number}", tuple(requests), dice.choice((Ending.ASKS, Ending.ASKS_ELSE)))


def half_closed(dice: random.Random, count: int) -> Iterator[Case]:
    """One request, and in the same moment word that nothing follows."""
    for number in range(count):
        target = dice.choice((*CODES, b"/off", b"/unknown", b"/robots.txt"))
        method = dice.choice((b"GET", b"HEAD", b"POST"))
        version = dice.choice((b"HTTP/1.1", b"HTTP/1.0"))
        lines = dice.sample(ABOUT_VISITORS, dice.randint(0, 2))
        sent = request(target, *lines, method=method, version=version)
        yield Case(f"half-closed {number}", (sent,), Ending.HALF_CLOSES)


def listening() -> Iterator[Case]:
    """Requests after which the server closes by itself."""
    for method in (b"GET", b"HEAD", b"POST"):
        for target in (b"/abc", b"/off", b"/unknown", b"/new-listening", b"/robots.txt", b"/abc%0A"):
            closes = request(target, b"Connection: close", method=method)
            yield Case(f"closes {method.decode()} {target.decode()}", (closes,), Ending.LISTENS)
            old = request(target, method=method, version=b"HTTP/1.0")
            yield Case(f"closes HTTP/1.0 {method.decode()} {target.decode()}", (old,), Ending.LISTENS)
    for line in (b"Connection: keep-alive, close", b"connection:CLOSE", b"Connection: close\r\nConnection: close"):
        yield Case(f"closes {line.decode()}", (request(b"/abc", line),), Ending.LISTENS)
