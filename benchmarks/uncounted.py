"""Kurz's worker with the recording of visits left out, for the difference; the database is the environment's."""

import asyncio
import gc
import socket
import sys

import uvicorn

from models.database import Database, make_engine
from models.instance import InstanceRecord, find
from server.app import create_app
from server.settings import Settings, read_settings
from server.worker import config_for


async def found_instance(settings: Settings) -> InstanceRecord:
    """The installation in a database that was served before; RuntimeError without one."""
    database = Database(make_engine(settings.database_address))
    async with database.read() as connection:
        found = await find(connection)
    await database.close()
    if found is None:
        raise RuntimeError("the database was never served")
    return found


def main() -> None:
    """Serves on the port given as the first argument, with the options that a worker of Kurz has."""
    settings = read_settings()
    app = create_app(settings, asyncio.run(found_instance(settings)))
    gc.collect()
    gc.freeze()
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    uvicorn.Server(config_for(app)).run(sockets=[listening])


if __name__ == "__main__":
    main()
