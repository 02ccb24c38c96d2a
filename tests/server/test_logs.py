"""Log lines: one form for our own and the libraries', with the request's id."""

import json
import subprocess
import sys

# In a process of its own: pytest has handlers of its own in this one.
PROGRAM = """
import logging
import structlog
from server.logs import configure_logs
configure_logs(form="auto", level="info")
with structlog.contextvars.bound_contextvars(request_id="r-1"):
    structlog.get_logger("ours").warning("something", code=7)
    logging.getLogger("theirs").warning("a %s", "word", extra={"field": 1})
    logging.getLogger("theirs").debug("too quiet")
    logging.getLogger("uvicorn.error").info("too quiet")
try:
    raise ValueError("with\\nbreaks")
except ValueError:
    logging.getLogger("theirs").exception("failed")
"""


def test_lines_are_json_on_standard_error_where_there_is_no_terminal() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", PROGRAM], capture_output=True, text=True, check=True)
    ours, theirs, failed = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.stdout == ""
    assert (ours["event"], ours["code"], ours["request_id"], ours["level"]) == ("something", 7, "r-1", "warning")
    assert (theirs["event"], theirs["field"], theirs["request_id"], theirs["logger"]) == ("a word", 1, "r-1", "theirs")
    assert "ValueError: with\nbreaks" in failed["exception"]
    assert "request_id" not in failed
