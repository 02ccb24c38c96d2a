"""`kurz audit`: whether clicks, sums and the ledger agree; what is derived can be made anew."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from models.clicks_audit import Difference, audit
from models.clicks_repair import repair
from models.database import asyncpg_dsn
from server.installation import installation
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Audit:
    """The differences that were found, and those that are there afterwards."""

    found: list[Difference]
    left: list[Difference]


async def run_audit(settings: Settings, *, repairs: bool, now: datetime) -> Audit:
    """Compares everything; with `repairs` also makes anew what differs, and compares again. Raises StartError."""
    async with installation(settings, now=now):
        connection = await asyncpg.connect(asyncpg_dsn(settings.direct_database_address))
        try:
            found = await audit(connection)
            if not (found and repairs):
                return Audit(found, found)
            await repair(connection, found, now=now)
            return Audit(found, await audit(connection))
        finally:
            await connection.close()


def lines_of(audit: Audit) -> list[str]:
    """What was found, and what became of it, as the terminal shows it."""
    lines = [f"{one.where}: {one.count} differ ({one.check})" for one in audit.found]
    if audit.found != audit.left:
        lines.append("Repaired." if not audit.left else "Repaired, but these are left:")
        lines += [f"{one.where}: {one.count} differ ({one.check})" for one in audit.left]
    return lines or ["Clicks, sums and ledger agree."]
