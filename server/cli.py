"""The `kurz` command. Everything but Typer is imported by the command that needs it, so that `--help` is instant."""
# ruff: noqa: PLC0415  # see above

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from server.start_error import StartError

app = typer.Typer(
    help="Kurz, a self-hosted short-link service with a GraphQL API.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="API keys of the default workspace.", no_args_is_help=True)
app.add_typer(keys, name="keys")

ScopeOption = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What the key may do, such as LINKS_READ; repeat it for more. All when left out."),
]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on (KURZ_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on (KURZ_PORT).")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes answer (KURZ_WORKERS).")] = None,
) -> None:
    """Answer requests until Ctrl-C or SIGTERM."""
    from server import supervisor
    from server.settings import read_settings

    with _one_line_errors():
        supervisor.serve(read_settings(host=host, port=port, workers=workers))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from server.embedded import ask
    from server.first_start import prepare

    with _one_line_errors():
        ask(lambda settings, now: prepare(settings, keeps_first_key=False, now=now))
    typer.echo("The schema is up to date.", err=True)


@app.command()
def audit(
    repair: Annotated[bool, typer.Option("--repair", help="Make sums and totals anew where they differ.")] = False,
) -> None:
    """Compare clicks, sums and ledger; status 1 when they differ."""
    from server import audit as commands
    from server.embedded import ask

    with _one_line_errors():
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

    with _one_line_errors():
        tally = ask(lambda settings, now: commands.load_now(settings, force=force, now=now))
    typer.echo(commands.line_of(tally))


@app.command()
def demo(
    clicks: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many visits.")] = 20_000,
) -> None:
    """Make links and some weeks of visits, to try things out."""
    from server import demo as commands
    from server.embedded import ask

    with _one_line_errors():
        lines = ask(lambda settings, now: commands.make_demo(settings, visits=clicks, now=now))
    for line in lines:
        typer.echo(line)


@app.command()
def version() -> None:
    """Print the version."""
    from server.version import kurz_version

    typer.echo(kurz_version())


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for, such as the name of an app.")],
    scope: ScopeOption = None,
) -> None:
    """Make a key and print its secret, which is shown this once."""
    from server import keys as commands
    from server.embedded import ask

    with _one_line_errors():
        scopes = commands.scopes_named(scope)
        typer.echo(ask(lambda settings, now: commands.create_key(settings, name=name, scopes=scopes, now=now)))


@keys.command("list")
def list_keys() -> None:
    """Show all keys: public id, state, day made, name and scopes."""
    from server import keys as commands
    from server.embedded import ask

    with _one_line_errors():
        for line in ask(lambda settings, now: commands.key_lines(settings, now=now)):
            typer.echo(line)


@keys.command("revoke")
def revoke_key(public_id: Annotated[str, typer.Argument(help="The key's public id, as `keys list` shows it.")]) -> None:
    """Make a key invalid for good."""
    from server import keys as commands
    from server.embedded import ask

    with _one_line_errors():
        ask(lambda settings, now: commands.revoke_key(settings, public_id=public_id, now=now))
    typer.echo(f"The key {public_id} is revoked.", err=True)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Says why a command cannot start, instead of a traceback."""
    try:
        yield
    except StartError as error:
        for line in str(error).splitlines():
            typer.echo(f"kurz: {line}", err=True)
        sys.exit(error.exit_code)
