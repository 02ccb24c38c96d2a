"""The page about errors: it has every code and status that can come, each with what to do, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from graph import endpoint, requests, socket_messages
from graph.errors import UserErrorCode
from graph.failures import FailureCode
from graph.requests import DELIBERATE_HEADERS
from server.web_sockets import MOST_FRAGMENTS
from server.worker import LARGEST_MESSAGE, PING_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
# Written where nothing says that they are statuses: of an answer with data, of OPTIONS, of a bad document.
OTHER_STATUSES = {200, 204, 400, 422}
# Sent below our protocol (RFC 6455, 7.4.1): a bad frame, no text, too large, no pong.
CODES_OF_THE_PROTOCOL = {1002, 1007, 1009, 1011}


def rows(title: str) -> dict[str, list[str]]:
    """The table under a heading: its rows by their first cell."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert len({len(row) for row in cells}) == 1, title
    assert all(row[1] and row[-1] for row in cells), "each says what it means and what to do"
    return {row[0].strip("`"): row[1:] for row in cells[2:]}


def numbers(*, first: int, last: int, within: str) -> Iterator[int]:
    """Whole numbers of that range in the source of these files."""
    for file in sorted((ROOT / "graph").glob(within)):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and type(node.value) is int and first <= node.value <= last:
                yield node.value


def refused_with() -> Iterator[int]:
    """The status of each RequestRefused in the source."""
    for file in sorted((ROOT / "graph").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "RequestRefused":
                status = ast.literal_eval(node.args[0])
                assert isinstance(status, int)
                yield status


def test_every_user_error_is_explained() -> None:
    assert set(rows("User errors")) == {code.name for code in UserErrorCode}


def test_every_code_is_explained_and_has_statuses_that_exist() -> None:
    codes = rows("Codes")

    assert set(codes) == {code.value for code in FailureCode}
    for code, cells in codes.items():
        assert set(re.findall(r"\d+", cells[1])) <= set(rows("Statuses")), code
    for failure, status in endpoint.STATUS.items():
        assert str(status) in codes[failure][1]


def test_every_status_is_explained() -> None:
    statuses = {*OTHER_STATUSES, *endpoint.STATUS.values(), *refused_with()}

    assert set(rows("Statuses")) == {str(status) for status in statuses}


def test_every_closing_code_is_explained() -> None:
    sockets = "socket*.py"
    codes = {*numbers(first=1000, last=1015, within=sockets), *numbers(first=4400, last=4499, within=sockets)}
    codes |= CODES_OF_THE_PROTOCOL

    assert set(rows("Closing codes")) == {str(code) for code in codes}


def test_limits_and_headers_are_those_of_the_code() -> None:
    for limit in (requests.LARGEST_BODY, requests.LONGEST_QUERY_STRING):
        assert f"{limit:,} bytes" in PAGE
    assert requests.BODY_DEADLINE_S == 60 and "a minute" in PAGE
    assert f"larger than {LARGEST_MESSAGE:,} bytes" in PAGE and f"than {MOST_FRAGMENTS:,} fragments" in PAGE
    assert f"for {PING_SECONDS:.0f} seconds" in PAGE
    assert f"within {socket_messages.INIT_S:.0f} seconds" in PAGE
    assert all(f"`{name}`" in PAGE for name in DELIBERATE_HEADERS)
