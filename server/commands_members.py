"""`kurz members`: the words of the terminal; what they do is in server/members.py."""
# ruff: noqa: PLC0415  # imports are late, as in server/cli.py

from typing import Annotated

import typer

from server.terminal import WorkspaceOption, one_line_errors

app = typer.Typer(help="People of a workspace, known by e-mail.", no_args_is_help=True)

EmailArgument = Annotated[str, typer.Argument(help="The person's e-mail, as the identity provider verifies it.")]
RoleOption = Annotated[str, typer.Option("--role", help="OWNER, ADMIN, MEMBER or READER.")]


@app.command("add")
def add_member(email: EmailArgument, role: RoleOption = "MEMBER", workspace: WorkspaceOption = None) -> None:
    """Add a person, who gets in with the first sign-in."""
    from server import members
    from server.embedded import ask

    with one_line_errors():
        chosen = members.role_named(role)
        ask(lambda settings, now: members.add_member(settings, workspace=workspace, email=email, role=chosen, now=now))
    typer.echo(f"{email} is {chosen} now.", err=True)


@app.command("update")
def change_member(email: EmailArgument, role: RoleOption, workspace: WorkspaceOption = None) -> None:
    """Give a member another role."""
    from server import members
    from server.embedded import ask

    with one_line_errors():
        chosen = members.role_named(role)
        ask(
            lambda settings, now: members.change_member(
                settings, workspace=workspace, email=email, role=chosen, now=now
            )
        )
    typer.echo(f"{email} is {chosen} now.", err=True)


@app.command("remove")
def remove_member(email: EmailArgument, workspace: WorkspaceOption = None) -> None:
    """End a person's membership at once."""
    from server import members
    from server.embedded import ask

    with one_line_errors():
        ask(lambda settings, now: members.remove_member(settings, workspace=workspace, email=email, now=now))
    typer.echo(f"{email} is no member any more.", err=True)


@app.command("list")
def list_members(workspace: WorkspaceOption = None) -> None:
    """Show all members: e-mail, role, day of joining, last visit and name."""
    from server import members
    from server.embedded import ask

    with one_line_errors():
        for line in ask(lambda settings, now: members.member_lines(settings, workspace=workspace, now=now)):
            typer.echo(line)
