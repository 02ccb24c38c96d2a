"""`kurz keys`: the words of the terminal; what they do is in server/keys.py."""
# ruff: noqa: PLC0415  # imports are late, as in server/cli.py

from typing import Annotated

import typer

from server.terminal import WorkspaceOption, one_line_errors

app = typer.Typer(help="API keys of a workspace.", no_args_is_help=True)

ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What the key may do, such as LINKS_READ; repeat it for more. All when left out."),
]
DaysOption = Annotated[
    int | None,
    typer.Option("--expires-in-days", min=1, max=36_500, help="For how many days it is valid. For good if left out."),
]


@app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the name of an app.")],
    scope: ScopeOption = None,
    days: DaysOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    from server import keys
    from server.embedded import ask

    with one_line_errors():
        scopes = keys.scopes_named(scope)
        secret = ask(
            lambda settings, now: keys.create_key(
                settings, workspace=workspace, name=name, scopes=scopes, days=days, now=now
            )
        )
    typer.echo(secret)


@app.command("list")
def list_keys(workspace: WorkspaceOption = None) -> None:
    """Show all keys: public id, state, day made, name and scopes."""
    from server import keys
    from server.embedded import ask

    with one_line_errors():
        for line in ask(lambda settings, now: keys.key_lines(settings, workspace=workspace, now=now)):
            typer.echo(line)


@app.command("revoke")
def revoke_key(
    public_id: Annotated[str, typer.Argument(help="The key's public id, as `keys list` shows it.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key invalid for good."""
    from server import keys
    from server.embedded import ask

    with one_line_errors():
        ask(lambda settings, now: keys.revoke_key(settings, workspace=workspace, public_id=public_id, now=now))
    typer.echo(f"The key {public_id} is revoked.", err=True)
