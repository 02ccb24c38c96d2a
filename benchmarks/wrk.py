"""One run of wrk, from the other core, and what it says."""

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOAD_CORE

CONNECTIONS = 64
HEADERS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Referer: https://news.example.org/today",
)
# Codes in turn: a cache smaller than their number never holds the next one, a larger one holds them all.
IN_TURN = """
local n = {start}
request = function()
  n = n + 1
  if n >= {last} then n = {first} end
  wrk.headers["X-Forwarded-For"] = string.format("10.%d.%d.1", n / 256 % 256, n % 256)
  return wrk.format("GET", string.format("/{letter}%06d", n))
end
"""
BROWSERS = """
local n = 0
request = function()
  n = (n + 1) % {browsers}
  wrk.headers["User-Agent"] = string.format("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.%d.0", n)
  return wrk.format()
end
"""
# Each from an address of its own, which the proxy in front has told: some 16 million. The rest of the request is made
# once, for wrk itself would be the slower side.
STRANGERS = """
local n, before, after = {passed}
init = function()
  wrk.headers["X-Forwarded-For"] = "|"
  before, after = wrk.format():match("^(.-)|(.*)$")
end
request = function()
  n = n + 1
  return string.format("%s81.%d.%d.%d%s", before, n / 65536 % 256, n / 256 % 256, n % 256, after)
end
"""
DONE = 'done = function(summary) io.write(string.format("\\nanswers %d\\n", summary.requests)) end\n'
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """Requests a second, latencies in milliseconds, answers of each class."""

    requests: int
    rate: float
    p50: float
    p99: float
    not_redirects: int


@dataclass(frozen=True, slots=True)
class InTurn:
    """The codes `<letter>000000` and on, from first up to last."""

    letter: str
    first: int
    last: int

    def at(self, passed: int) -> int:
        """The number that is next after so many requests."""
        return self.first + passed % (self.last - self.first)


def load(
    port: int,
    *,
    seconds: float,
    path: str | InTurn,
    passed: int = 0,
    browsers: int = 1,
    strangers: bool = False,
) -> Load:
    """Asks for one path, or for many in turn from where an earlier run left off, over keep-alive connections.

    For one path as so many different browsers in turn, by their User-Agent, or as a visitor never seen each time.
    """
    if isinstance(path, InTurn):
        asking, target = _in_turn(path, passed), "/"
    elif strangers:
        asking, target = STRANGERS.replace("{passed}", str(passed)), path
    else:
        asking, target = "" if browsers == 1 else BROWSERS.replace("{browsers}", str(browsers)), path
    return _run(f"http://127.0.0.1:{port}{target}", asking, HEADERS, seconds=seconds, connections=CONNECTIONS)


def post(port: int, path: str, body: str, *, headers: Sequence[str], seconds: float, connections: int) -> Load:
    """Sends one JSON body again and again, over keep-alive connections."""
    asking = f"wrk.method = 'POST'\nwrk.body = [==[{body}]==]\n"
    headers = ("Content-Type: application/json", *headers)
    return _run(f"http://127.0.0.1:{port}{path}", asking, headers, seconds=seconds, connections=connections)


def _run(url: str, asking: str, headers: Sequence[str], *, seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        script.write_text(asking + DONE)
        told = [part for header in headers for part in ("-H", header)]
        command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
        said = subprocess.run([*command, *told, "-s", str(script), url], check=True, capture_output=True, text=True)
    return _read(said.stdout)


def _in_turn(codes: InTurn, passed: int) -> str:
    values = {"start": codes.at(passed), "first": codes.first, "last": codes.last, "letter": codes.letter}
    script = IN_TURN
    for name, value in values.items():
        script = script.replace(f"{{{name}}}", str(value))
    return script


def _read(said: str) -> Load:
    failed = re.search(r"^\s*Non-2xx or 3xx responses: (\d+)", said, re.M)
    return Load(
        requests=int(_found(r"^answers (\d+)", said)),
        rate=float(_found(r"^Requests/sec:\s+([\d.]+)", said)),
        p50=_milliseconds(_found(r"^\s+50%\s+(\S+)", said)),
        p99=_milliseconds(_found(r"^\s+99%\s+(\S+)", said)),
        not_redirects=int(failed[1]) if failed else 0,
    )


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said, re.M)
    if match is None:
        raise ValueError(f"wrk said nothing like {pattern}:\n{said}")
    return match[1]


def _milliseconds(value: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", value).groups()  # type: ignore[union-attr] # wrk's own format
    return float(number) * UNITS[unit]
