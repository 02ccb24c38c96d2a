"""Log lines on standard error: structured, one form for ours and for the libraries', with the request's id."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

# Every uvicorn line that matters is said by us; its own would repeat the banner.
QUIET = {"uvicorn": logging.WARNING, "asyncio": logging.WARNING, "alembic": logging.WARNING, "httpx": logging.WARNING}


def configure_logs(*, form: Literal["auto", "json", "console"], level: str) -> None:
    """Sends all log lines of this process to standard error: as JSON or for people; auto asks if it is a terminal."""
    for_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    steps = _common_steps()
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=steps, processors=_last_steps(for_people))
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _common_steps() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,  # the request's id, bound by server/request_id.py
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last_steps(for_people: bool) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if for_people:
        return [clean, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
