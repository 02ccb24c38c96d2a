"""The examples as their READMEs run them: a link is made, a dashboard printed, and each click as it happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import Packages, Served
from tests.serving import DEADLINE_S, PROJECT, until
from tests.visiting import Visits

pytestmark = pytest.mark.clients
EXAMPLES = PROJECT / "examples"
DASHBOARD_ROW = re.compile(r"(?m)^http://\S+ \d+")
# What the guide's program leaves to its reader.
BEFORE_THE_LOOP = """
import WebSocket from "ws";
import { makeLink, socketUrl } from "./kurz.mjs";

globalThis.WebSocket ??= WebSocket; // which Node has by itself from 22 on
const key = process.env.KURZ_KEY;
console.log("Follow", (await makeLink()).shortUrl);
"""
PLACES = {
    '"wss://go.example.com/graphql"': "socketUrl",
    "since = data.clickRecorded.cursor;": 'since = data.clickRecorded.cursor; console.log("clicked", since);',
}


def test_the_python_example_makes_a_link_and_sees_its_clicks(served: Served, tmp_path: Path) -> None:
    said = run_until_clicked([sys.executable, "main.py"], EXAMPLES / "python", served, tmp_path / "output")
    assert DASHBOARD_ROW.search(said)


def test_the_typescript_example_is_generated_compiled_and_sees_clicks(
    typescript: Packages, served: Served, tmp_path: Path
) -> None:
    typescript.run("npm", "run", "--silent", "codegen")
    typescript.run("npm", "run", "--silent", "build")
    said = run_until_clicked(["node", "dist/main.js"], typescript.folder, served, tmp_path / "output")
    assert DASHBOARD_ROW.search(said)


def test_the_guides_loop_over_live_clicks_hears_of_them(clients: Packages, served: Served, tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```js\n(.*?)```", (PROJECT / "docs" / "live.md").read_text(), re.DOTALL)
    program = snippet
    for shown, run in PLACES.items():
        assert shown in snippet
        program = program.replace(shown, run)
    command = ["node", "--input-type=module", "--eval", BEFORE_THE_LOOP + program]
    run_until_clicked(command, clients.folder, served, tmp_path / "output", clicked="clicked clk_")


def run_until_clicked(
    command: list[str], folder: Path, served: Served, output: Path, *, clicked: str = "clicked .*Firefox"
) -> str:
    """What an example says until it has printed a click of the link that it asks to follow; then it is ended."""
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=served.environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )

    def printed(pattern: str) -> re.Match[str] | None:
        text = output.read_text()
        assert process.poll() is None, f"the example ended: {text}"
        return re.search(pattern, text)

    try:
        link = until(lambda: printed(r"Follow http://[^/]+/(\w+)"))
        visits = Visits(served.origin)

        def is_clicked() -> bool:
            visits.one(link[1])  # again and again, since nothing says when the subscription has begun
            return printed(clicked) is not None

        until(is_clicked)
        return output.read_text()
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
