"""The `kurz` command. Everything but Typer is imported by the command that needs it, so that `--help` is instant."""
# ruff: noqa: PLC0415  # see above

import sys
from typing import Annotated

import typer

from server import commands_keys, commands_links, commands_members, commands_workspaces
from server.terminal import one_line_errors

app = typer.Typer(
    help="Kurz, a self-hosted short-link service with a GraphQL API.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(commands_workspaces.app, name="workspaces")
app.add_typer(commands_members.app, name="members")
app.add_typer(commands_keys.app, name="keys")
app.add_typer(commands_links.app, name="links")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on (KURZ_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on (KURZ_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes answer (KURZ_WORKERS).")] = None,
) -> None:
    """Answer requests until Ctrl-C or SIGTERM."""
    from server import supervisor
    from server.settings import read_settings

    with one_line_errors():
        supervisor.serve(read_settings(host=host, port=port, workers=workers))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from server.embedded import ask
    from server.first_start import prepare

    with one_line_errors():
        ask(lambda settings, now: prepare(settings, keeps_first_key=False, now=now))
    typer.echo("The schema is up to date.", err=True)


@app.command()
def audit(
    repair: Annotated[bool, typer.Option("--repair", help="Make sums and totals anew where they differ.")] = False,
) -> None:
    """Compare clicks, sums and ledger; status 1 when they differ."""
    from server import audit as commands
    from server.embedded import ask

    with one_line_errors():
        done = ask(lambda settings, now: commands.run_audit(settings, repairs=repair, now=now))
    for line in commands.lines_of(done):
        typer.echo(line)
    sys.exit(1 if done.left else 0)


@app.command()
def load(
    force: Annotated[bool, typer.Option("--force", help="Also what was set aside because it was too old.")] = False,
) -> None:
    """Load the visits that wait in the spool."""
    from server import load as commands
    from server.embedded import ask

    with one_line_errors():
        tally = ask(lambda settings, now: commands.load_now(settings, force=force, now=now))
    typer.echo(commands.line_of(tally))


@app.command()
def demo(
    clicks: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many visits.")] = 20_000,
) -> None:
    """Make links and some weeks of visits, to try things out."""
    from server import demo as commands
    from server.embedded import ask

    with one_line_errors():
        lines = ask(lambda settings, now: commands.make_demo(settings, visits=clicks, now=now))
    for line in lines:
        typer.echo(line)


@app.command()
def version() -> None:
    """Print the version."""
    from server.version import kurz_version

    typer.echo(kurz_version())
