"""`kurz serve`: brings everything up, keeps it up, and takes it down in order."""

import asyncio
import os
import signal
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from types import FrameType

import structlog

from graph.rate import make_table
from server.assignment import Assignment
from server.banner import Place, print_banner
from server.crew import Crew
from server.first_start import prepare
from server.listening import listen, port_of
from server.logs import configure_logs
from server.postgres import Postgres
from server.settings import Settings
from server.spool import make_spool
from server.start_error import StartError
from server.trusted_documents import read_trusted_documents

LOOK_EVERY_S = 0.1
POSTGRES_AGAIN_S = 5.0

log = structlog.get_logger(__name__)


class StopRequest:
    """SIGTERM or SIGINT, which may interrupt a start but not the orderly work after it."""

    def __init__(self) -> None:
        self.made = False
        self.may_interrupt = True

    def install(self) -> None:
        """Handles both signals from now on, even where a parent had them ignored."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._receive)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.made = True
        if self.may_interrupt:
            self.may_interrupt = False
            raise KeyboardInterrupt


class PostgresKeeper:
    """Looks after the embedded server: takes over from an owner that is gone, starts it again when it died."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._next_look = 0.0

    def tend(self) -> None:
        """One look; a server that cannot start is tried again after a pause, while known links still redirect."""
        if time.monotonic() < self._next_look:
            return
        was_owner = self._postgres.is_owner
        try:
            self._postgres.tend()
        except StartError as error:
            log.error("postgres does not start", reason=str(error), next_in_s=POSTGRES_AGAIN_S)
            self._next_look = time.monotonic() + POSTGRES_AGAIN_S
        if self._postgres.is_owner and not was_owner:
            log.info("postgres taken over", folder=str(self._postgres.home.folder))


def serve(settings: Settings) -> None:
    """Runs Kurz until SIGTERM or SIGINT, which end it within ten seconds; raises StartError."""
    configure_logs(form=settings.log_format, level=settings.log_level)
    stop = StopRequest()
    stop.install()
    with ExitStack() as running:
        try:
            keeper, crew = _start(settings, running)
        except KeyboardInterrupt:
            return
        finally:
            stop.may_interrupt = False
        while not stop.made:
            time.sleep(LOOK_EVERY_S)
            crew.tend()
            if keeper:
                keeper.tend()


def _start(settings: Settings, running: ExitStack) -> tuple[PostgresKeeper | None, Crew]:
    """Everything up, and registered to be taken down the other way round."""
    read_trusted_documents(settings)  # each worker reads them; what is wrong with them stops the start
    listening = listen(settings.host, settings.port)
    running.callback(listening.close)
    settings = settings.listening_on(port_of(listening))
    postgres = Postgres(settings.data_dir, programs=settings.postgres_bin) if settings.has_own_postgres else None
    if postgres:
        running.callback(postgres.stop)
        postgres.start()
        settings = settings.using(postgres.url())
    make_spool(settings)
    prepared = asyncio.run(prepare(settings, keeps_first_key=postgres is not None, now=datetime.now(UTC)))
    rates = make_table()
    running.callback(os.close, rates)
    crew = Crew(Assignment(settings, prepared.instance, prepared.spool_id), listening, rates=rates)
    running.callback(crew.stop)
    crew.start(pause=lambda: time.sleep(0.02))
    print_banner(settings, place=_place(settings, postgres), first_key=prepared.first_key)
    return PostgresKeeper(postgres) if postgres else None, crew


def _place(settings: Settings, postgres: Postgres | None) -> Place | None:
    if postgres is None:
        return None
    home = postgres.home
    return Place(asked=settings.data_dir.resolve(), used=home.folder, user=home.user.name if home.user else "")
