"""What all commands share: errors as one line each, and the option that names a workspace."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from server.start_error import StartError

WorkspaceOption = Annotated[
    str | None,
    typer.Option(
        "--workspace", help="The workspace's id, as `kurz workspaces list` shows it. The default one's if left out."
    ),
]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Says why a command cannot do its work, instead of a traceback, and ends it with the status of that."""
    try:
        yield
    except StartError as error:
        for line in str(error).splitlines():
            typer.echo(f"kurz: {line}", err=True)
        sys.exit(error.exit_code)
