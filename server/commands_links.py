"""`kurz links`: the words of the terminal; what they do is in server/links.py."""
# ruff: noqa: PLC0415  # imports are late, as in server/cli.py

from typing import Annotated

import typer

from server.terminal import WorkspaceOption, one_line_errors

app = typer.Typer(help="Deleted links of a workspace.", no_args_is_help=True)


@app.command("deleted")
def list_deleted(workspace: WorkspaceOption = None) -> None:
    """Show what was deleted in the last 30 days: id, day, code and destination."""
    from server import links
    from server.embedded import ask

    with one_line_errors():
        for line in ask(lambda settings, now: links.deleted_lines(settings, workspace=workspace, now=now)):
            typer.echo(line)


@app.command("restore")
def restore_link(
    link: Annotated[str, typer.Argument(metavar="CODE|ID", help="The link's code, or its id.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Bring a deleted link back, deactivated, with all its clicks."""
    from server import links
    from server.embedded import ask

    with one_line_errors():
        restored = ask(lambda settings, now: links.restore_link(settings, workspace=workspace, link=link, now=now))
    typer.echo(f"The link {restored.code} is back. It is deactivated, as it was.", err=True)
