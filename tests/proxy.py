"""A network between us and PostgreSQL that can be late, deaf or closed."""

import asyncio
import contextlib
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.eventually import eventually


class PostgresProxy:
    """Forwards TCP connections on a port of its own to the server's socket, until told otherwise.

    `statements` counts the Execute messages that came by, `held` the answers that wait for `release_replies`.
    """

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._account = f"{parts.username}", parts.path.lstrip("/")
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._passing.set()
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_refusing = False
        self._is_deaf = False
        self.reply_delay = 0.0
        self.statements = 0
        self.held = 0

    async def __aenter__(self) -> "PostgresProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._abort_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        assert self._server is not None
        user, database = self._account
        port = self._server.sockets[0].getsockname()[1]
        return f"postgresql://{user}@127.0.0.1:{port}/{database}?sslmode=disable"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def hold_replies(self) -> None:
        """Statements arrive, answers do not come back until `release_replies`."""
        self._passing.clear()

    async def until_held(self) -> None:
        """Waits until an answer is held back."""

        async def is_so() -> bool:
            return self.held > 0

        await eventually(is_so)

    def release_replies(self) -> None:
        self._passing.set()

    def cut_silently(self) -> None:
        """The open connections pass nothing any more and nobody is told; new ones work."""
        for connection in self._connections:
            connection.is_deaf = True

    def go_deaf(self) -> None:
        """Neither open nor new connections pass anything; nobody is told."""
        self._is_deaf = True
        self.cut_silently()

    def refuse(self) -> None:
        """Closes every connection, and new ones at once."""
        self._is_refusing = True
        self._abort_all()

    def restore(self) -> None:
        """New connections work again."""
        self._is_refusing = self._is_deaf = False

    def _abort_all(self) -> None:
        for connection in self._connections:
            connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_refusing:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            upstream = await asyncio.open_unix_connection(self._socket)
            await self._serve(_Connection(self, writer, upstream[1], is_deaf=self._is_deaf), reader, upstream[0])
        writer.transport.abort()  # where there was no upstream, nobody else has closed it
        self._tasks.discard(task)

    async def _serve(
        self, connection: "_Connection", reader: asyncio.StreamReader, upstream: asyncio.StreamReader
    ) -> None:
        self._connections.add(connection)
        ways = [asyncio.create_task(connection.send_on(reader)), asyncio.create_task(connection.send_back(upstream))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            connection.abort()
            self._connections.discard(connection)

    async def pass_on(self) -> None:
        """Returns when the next answer may go back."""
        await asyncio.sleep(self.reply_delay)
        self.held += 1
        await self._passing.wait()
        self.held -= 1


class _Connection:
    def __init__(
        self, proxy: PostgresProxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter, *, is_deaf: bool
    ) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self.is_deaf = is_deaf

    def abort(self) -> None:
        self._client.transport.abort()
        self._server.transport.abort()

    async def send_on(self, reader: asyncio.StreamReader) -> None:
        """From the client, message by message: a length, and from the second message on a letter before it."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            letter = b""
            while True:
                size = await reader.readexactly(4)
                message = letter + size + await reader.readexactly(int.from_bytes(size) - 4)
                self._proxy.statements += letter == b"E"
                if not self.is_deaf:
                    self._server.write(message)
                letter = await reader.readexactly(1)

    async def send_back(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._proxy.pass_on()
                if not self.is_deaf:
                    self._client.write(data)
