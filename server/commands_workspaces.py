"""`kurz workspaces`: the words of the terminal; what they do is in server/workspaces.py."""
# ruff: noqa: PLC0415  # imports are late, as in server/cli.py

import sys
from pathlib import Path
from typing import Annotated

import typer

from server.terminal import one_line_errors

app = typer.Typer(help="Workspaces: each has links, members and keys of its own.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The workspace's id, as `workspaces list` shows it.")]
LIMIT_HELP = "How many links it may have; none for no limit."
ITEMS_HELP = "How many links one mutation may make or change, from 1 to 500."


@app.command("create")
def create_workspace(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    owner: Annotated[str, typer.Option(help="The first owner's e-mail.")],
    timezone: Annotated[str, typer.Option(help="Where its days begin, such as Europe/Berlin.")] = "UTC",
    links: Annotated[str, typer.Option(help=LIMIT_HELP)] = "none",
) -> None:
    """Make a workspace and print its id."""
    from server import workspaces
    from server.embedded import ask

    with one_line_errors():
        limit = workspaces.limit_named(links)
        made = ask(
            lambda settings, now: workspaces.create_workspace(
                settings, name=name, owner=owner, timezone=timezone, links=limit, now=now
            )
        )
    typer.echo(made)


@app.command("list")
def list_workspaces() -> None:
    """Show all workspaces: id, day made, time zone, limits and name."""
    from server import workspaces
    from server.embedded import ask

    with one_line_errors():
        for line in ask(lambda settings, now: workspaces.workspace_lines(settings, now=now)):
            typer.echo(line)


@app.command("limit")
def limit_workspace(
    workspace: IdArgument,
    links: Annotated[str | None, typer.Option(help=LIMIT_HELP)] = None,
    items: Annotated[str | None, typer.Option(help=ITEMS_HELP)] = None,
) -> None:
    """Set how many links a workspace may have, those it has stay; and how many it may make or change at once."""
    from server import workspaces
    from server.embedded import ask
    from server.start_error import UsageError

    with one_line_errors():
        if links is None and items is None:
            raise UsageError("say --links, --items or both")
        limit = None if links is None else workspaces.limit_named(links)
        most = None if items is None else workspaces.items_named(items)
        if links is not None:
            ask(lambda settings, now: workspaces.limit_links(settings, workspace=workspace, links=limit, now=now))
            typer.echo(f"{workspace} may have {'any number of' if limit is None else limit} links.", err=True)
        if most is not None:
            ask(lambda settings, now: workspaces.limit_items(settings, workspace=workspace, items=most, now=now))
            typer.echo(f"{workspace} may make or change {most} links at once.", err=True)


@app.command("erase")
def erase_workspace(
    workspace: IdArgument, yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the name.")] = False
) -> None:
    """Erase a workspace with all its links, clicks, keys and members. Nothing brings it back."""
    from server import workspaces
    from server.embedded import ask

    def confirm(name: str) -> bool:
        return yes or name == typer.prompt(f"Type the workspace's name ({name}) to erase it", err=True)

    with one_line_errors():
        done = ask(lambda settings, now: workspaces.erase(settings, workspace=workspace, confirm=confirm, now=now))
    typer.echo(done or "That is not its name: nothing was erased.", err=True)
    sys.exit(0 if done else 1)


@app.command("export")
def export_workspace(
    workspace: IdArgument,
    to: Annotated[Path | None, typer.Option(help="A new file; standard output if left out.")] = None,
) -> None:
    """Write everything of a workspace as lines of JSON."""
    from server import workspaces
    from server.embedded import ask

    with one_line_errors(), workspaces.opened(to) as stream:
        count = ask(lambda settings, now: workspaces.export(settings, workspace=workspace, to=stream, now=now))
    typer.echo(f"{count} lines were written.", err=True)
