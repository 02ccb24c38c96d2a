"""What a start says on standard output: where everything is, and how to begin."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from server.settings import Settings
from server.version import kurz_version

LABEL_WIDTH = 13


@dataclass(frozen=True)
class Place:
    """Where the data lie: the folder asked for, and the one PostgreSQL's system user could enter (None: a server)."""

    asked: Path
    used: Path
    user: str

    def __str__(self) -> str:
        if self.asked == self.used:
            return str(self.used)
        return f"{self.used} (because the user {self.user} cannot enter {self.asked})"


def print_banner(settings: Settings, *, place: Place | None, first_key: str | None) -> None:
    """Prints the banner; the first key only on a terminal, so that it ends up in no log. `place` is None when the
    database is a server of its own."""
    shown_key = first_key if sys.stdout.isatty() else None
    lines = [("\n  ", ("Kurz", "bold"), f" {kurz_version()} is running. Ctrl-C stops it.\n")]
    lines += [("  ", (label.ljust(LABEL_WIDTH), "dim"), text) for label, text in _lines(settings, place, shown_key)]
    # All at once: whoever reads along never sees half a banner.
    banner = Text("\n").join(Text.assemble(*line) for line in lines)
    Console(file=sys.stdout, highlight=False, soft_wrap=True).print(banner, end="\n\n")
    sys.stdout.flush()


def _lines(settings: Settings, place: Place | None, key: str | None) -> list[tuple[str, str]]:
    api = f"{settings.base_url}/graphql"
    lines = [("GraphiQL", f"{api}#key={key}")] if key and settings.graphiql else []
    lines += [("API", api), ("Short links", f"{settings.base_url}/<code>")]
    lines.append(("Data", str(place) if place else "in the database that KURZ_DATABASE_URL names"))
    if not key:
        lines.append(("API key", f"{_command()} keys create NAME"))
    elif not settings.graphiql:
        lines.append(("API key", key))
    return lines


def _command() -> str:
    """`kurz` as one can type it here: it may lie in an environment that is not activated."""
    own, here = Path(sys.executable).with_name("kurz"), Path.cwd()
    if not own.exists() or shutil.which("kurz") == str(own):
        return "kurz"
    is_below = own.is_relative_to(here) and here != Path(here.anchor)  # from the root the path without it says less
    return str(own.relative_to(here) if is_below else own)
