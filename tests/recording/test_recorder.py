"""From a request to a number, and what is nowhere to be found on the way."""

import asyncio
import logging
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from recording.load import Connection
from recording.loader import Loader, LoaderConfig
from recording.recorder import Recorder, RecorderConfig
from recording.segments import State
from recording.spool import Sync
from recording.visit import Utm
from recording.visit_line import link_parts
from tests.recording.mmdb import write_mmdb
from tests.recording.test_visitor import request
from tests.recording.writing import LINK, PERSON, ROBOT, WORKSPACE, soon, states, stored, sums

NOWHERE = "postgresql://kurz@127.0.0.1:1/none"
# Documentation addresses, and one in mapped form; each is told in a header by a proxy and at the socket.
MARKERS = (
    "203.0.113.77",
    "198.51.100.201",
    "192.0.2.154",
    "203.0.113.219",
    "2001:db8:77:1::beef",
    "2001:db8:ffff:5::c0de",
    "2001:db8:1234:5678:9abc:def0:1357:2468",
    "::ffff:198.51.100.77",
)


def recorder(folder: Path, database_url: str, instance_id: int = 1, **more: Any) -> Recorder:
    return Recorder(RecorderConfig(folder=folder, database_url=database_url, instance_id=instance_id, **more))


def record(by: Recorder, scope: dict[str, Any], *, head: bool = False) -> None:
    link = link_parts(link_id=LINK, workspace_id=WORKSPACE, version=1, utm=Utm())
    headers: Any = scope.get("headers")
    by.record(headers, scope.get("client"), scope.get("query_string", b""), link, now=time.time_ns(), head=head)


async def load_all(folder: Path, database_url: str, instance_id: int) -> None:
    loader = Loader(LoaderConfig(folder=folder, database_url=database_url, instance_id=instance_id))
    await loader.once()


@pytest.mark.database
async def test_visits_become_numbers(folder: Path, database_url: str, instance_id: int, connection: Connection) -> None:
    worker = recorder(folder, database_url, instance_id)
    await worker.start()
    for address in ("8.8.8.8", "8.8.4.4", "8.8.8.8"):
        record(worker, request(address, user_agent=PERSON))
    record(worker, request("8.8.8.8", user_agent=PERSON, sec_gpc="1"))
    record(worker, request("8.8.8.8", user_agent=ROBOT))
    record(worker, request("8.8.8.8", user_agent=PERSON), head=True)
    assert worker.reason() is None
    await worker.durable()
    await worker.stop()
    await load_all(folder, database_url, instance_id)
    assert await sums(connection) == (4, 2, 2)
    assert [row["country"] for row in await stored(connection, "country")] == ["US"] * 6


def test_a_kept_address_would_be_found() -> None:
    for marker in MARKERS:
        address = ip_address(marker)
        forms = (str(address), address.exploded, address.packed.hex(), address.packed.hex().upper())
        assert all(traces(f"<{form}>".encode()) == [marker] for form in forms)
    assert len(traces(b"".join(ip_address(marker).packed for marker in MARKERS))) == len(MARKERS)
    assert traces(ip_address(MARKERS[0]).packed) == []


async def test_segments_pass_on_by_themselves(folder: Path) -> None:
    worker = recorder(folder, NOWHERE)
    await worker.start()
    record(worker, request(user_agent=PERSON))
    await soon(lambda: states(folder).get(State.SEALED) == 1)
    await worker.stop()


@pytest.mark.parametrize("sync", list(Sync))
async def test_without_a_database_visits_are_recorded_without_a_hash(folder: Path, sync: Sync) -> None:
    worker = recorder(folder, NOWHERE, sync=sync)
    await worker.start()
    record(worker, request(user_agent=PERSON))
    async with asyncio.timeout(60):
        await worker.durable()
    await worker.stop()
    assert (worker.dropped, worker.unsalted) == (0, 1)
    assert states(folder) == {State.SEALED: 1}


async def test_a_request_that_cannot_be_read_raises_nothing(folder: Path) -> None:
    worker = recorder(folder, NOWHERE)
    await worker.start()
    record(worker, {"type": "http"})
    assert worker.dropped == worker.failed == 1
    assert worker.reason() == "visits_unreadable"
    record(worker, request(user_agent=PERSON))
    assert worker.reason() is None
    await worker.stop()


def test_a_wrong_configuration_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        recorder(folder, NOWHERE, trusted_proxies=("*",))
    with pytest.raises(OSError):
        recorder(folder, NOWHERE, geoip_database=tmp_path / "missing.mmdb")


async def test_a_replaced_table_of_countries_is_used_without_a_restart(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recording.recorder.COUNTRIES_S", 0.01)
    table = tmp_path / "country.mmdb"
    write_mmdb(table, {"192.0.2.0/24": {"country": "NZ"}})
    worker = recorder(folder, NOWHERE, geoip_database=table)
    await worker.start()

    def records(country: str) -> bool:
        record(worker, request("192.0.2.7", user_agent=PERSON))
        return any(f'"country":"{country}"'.encode() in raw for raw in written(folder).splitlines())

    await soon(lambda: records("NZ"))
    write_mmdb(table, {"192.0.2.0/24": {"country": "FJ"}})
    await soon(lambda: records("FJ"))
    await worker.stop()


@pytest.mark.database
async def test_no_address_is_kept_anywhere(
    folder: Path, database_url: str, instance_id: int, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    worker = recorder(folder, database_url, instance_id, trusted_proxies=("10.0.0.0/8",))
    await worker.start()
    for address in MARKERS:
        record(worker, request(address, user_agent=PERSON))
        record(worker, request("10.0.0.1", user_agent=ROBOT, x_forwarded_for=f"6.6.6.6, {address}"))
        record(worker, request("10.0.0.1", forwarded=f'for="[{address}]:80"', referer=b"\xff"))
        record(worker, {"type": "http", "client": (address, 1)})  # fails, and is logged
    assert worker.failed == len(MARKERS)
    during = written(folder)
    await worker.stop()
    await load_all(folder, database_url, instance_id)
    assert (await sums(connection))[0] == len(MARKERS)
    await connection.execute("checkpoint")
    data = Path(await connection.fetchval("select current_setting('data_directory')"))
    own = await connection.fetchval("select oid from pg_database where datname = current_database()")
    places = {
        "spool": during + written(folder),
        "tables": await dumped(connection),
        "files": written(data / "base" / str(own)),
        "write-ahead log": written(data / "pg_wal"),
        "log": caplog.text.encode(),
    }
    assert {place: found for place, kept in places.items() if (found := traces(kept))} == {}


def written(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def dumped(connection: Connection) -> bytes:
    tables = await connection.fetch(
        "select oid::regclass::text name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    rows = [await connection.fetch(f"select t::text as row from {table['name']} t") for table in tables]
    return "\n".join(row["row"] for table in rows for row in table).encode()


def traces(kept: bytes) -> list[str]:
    """The marker addresses that can be found; four bytes occur by chance, so one such find alone does not count."""
    sure: list[str] = []
    packed_v4: list[str] = []
    for marker in MARKERS:
        address = ip_address(marker)
        mapped = address.ipv4_mapped if address.version == 6 else None
        forms = {
            one for known in (address, mapped) if known for one in (str(known), known.exploded, known.packed.hex())
        }
        if any(form.encode() in kept or form.upper().encode() in kept for form in forms):
            sure.append(marker)
        elif address.packed in kept:
            (sure if address.version == 6 else packed_v4).append(marker)
    return sure + (packed_v4 if len(packed_v4) > 1 else [])
