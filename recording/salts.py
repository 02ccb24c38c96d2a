"""The random salt of each UTC day: shared through the database, forgotten after two days."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import asyncpg

SALT_BYTES = 32
DAYS_AHEAD = 2  # an outage over midnight must not leave the next day without a salt
KEPT_FOR = timedelta(hours=48)  # from the beginning of its day
REFRESH_S = 60.0
RETRY_S = 2.0
TIMEOUT_S = 5.0

OFFER = "insert into visitor_salt (day, salt) select * from unnest($1::date[], $2::bytea[]) on conflict do nothing"
FORGET = "delete from visitor_salt where day <= $1"
READ = "select day, salt from visitor_salt where day = any($1::date[])"


class Salts:
    """This process's copy of the salts; asking for one never waits."""

    def __init__(self, dsn: str, *, clock: Callable[[], datetime]) -> None:
        self._dsn = dsn
        self._clock = clock
        self._by_day: dict[date, bytes] = {}

    def of(self, day: date) -> bytes | None:
        """The salt of a UTC day; None when none was agreed on."""
        return self._by_day.get(day)

    async def refresh(self) -> None:
        """Agrees with the database on the salts of today and the days ahead, and forgets old ones.

        Offers the salts it knows: the table is not logged, so that a salt once deleted is nowhere on disk, and is empty
        after a crash of PostgreSQL. Whatever the table has wins. Raises what asyncpg raises.
        """
        async with asyncio.timeout(TIMEOUT_S):
            connection = await asyncpg.connect(self._dsn)
            try:
                self._by_day = await agree(connection, known=self._by_day, today=self._clock().astimezone(UTC).date())
            finally:
                connection.terminate()

    async def keep_fresh(self) -> None:
        """Refreshes again and again until cancelled; through an outage the known salts go on."""
        while True:
            try:
                await self.refresh()
                await asyncio.sleep(REFRESH_S)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # TimeoutError is an OSError
                self._forget()
                await asyncio.sleep(RETRY_S)

    def _forget(self) -> None:
        oldest = self._clock().astimezone(UTC).date() - KEPT_FOR
        self._by_day = {day: salt for day, salt in self._by_day.items() if day > oldest}


async def agree(
    connection: "asyncpg.Connection[asyncpg.Record]", *, known: dict[date, bytes], today: date
) -> dict[date, bytes]:
    """The salts of yesterday, today and the days ahead that all processes have from now on."""
    days = [today + timedelta(days=ahead) for ahead in range(-1, DAYS_AHEAD + 1)]
    offered = {day: known.get(day) or secrets.token_bytes(SALT_BYTES) for day in days if day >= today or day in known}
    await connection.execute(OFFER, list(offered), list(offered.values()))
    await connection.execute(FORGET, today - KEPT_FOR)
    return {row["day"]: row["salt"] for row in await connection.fetch(READ, days)}
