"""Rows as COPY takes them: PostgreSQL reads back what was encoded."""

from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from recording.copying import COLUMNS, Row, RowEncoder, UnfitRowError, copied, number_of
from recording.load import Connection
from recording.load_sql import MAKE_STAGING

pytestmark = pytest.mark.database


def row(**fields: Any) -> Row:
    usual: dict[str, Any] = dict.fromkeys(Row._fields)
    usual |= dict.fromkeys(("batch_row", "link_id", "workspace_id", "link_version", "kind"), 1)
    usual |= {"occurred_at": datetime(2026, 11, 21, 12, tzinfo=UTC), "utc_day": date(2026, 11, 21)}
    usual |= {"device": "DESKTOP", "time_replaced": False}
    return Row(**usual | fields)


ROWS = {
    "without anything": row(),
    "with everything": row(
        visitor=5,
        time_replaced=True,
        country="DE",
        referrer="example.com",
        browser="Firefox",
        os="Linux",
        language="de",
        utm_source="mail",
        utm_medium="e-mail",
        utm_campaign="spring",
        bot="a bot",
    ),
    "the greatest numbers": row(
        batch_row=2**31 - 1, link_id=2**63 - 1, workspace_id=2**63 - 1, link_version=2**31 - 1, visitor=2**63 - 1
    ),
    "the smallest hash": row(visitor=-(2**63)),
    "microseconds": row(occurred_at=datetime(2026, 11, 21, 23, 59, 59, 999_999, tzinfo=UTC)),
    "before PostgreSQL's epoch": row(occurred_at=datetime(1970, 1, 1, tzinfo=UTC), utc_day=date(1970, 1, 1)),
    "far ahead": row(occurred_at=datetime(2099, 12, 31, tzinfo=UTC), utc_day=date(2099, 12, 31)),
    "empty and long and foreign texts": row(referrer="", utm_source="ü" * 200, utm_campaign="日本語\t\\N\n"),
}


async def stored(connection: Connection, *batches: tuple[int, list[bytes]]) -> list[tuple[Any, ...]]:
    async with connection.transaction():
        await connection.execute(MAKE_STAGING)
        await connection.copy_to_table("incoming", source=copied(batches), columns=COLUMNS, format="binary")
        return [tuple(one) for one in await connection.fetch("select * from incoming")]


@pytest.mark.parametrize("name", ROWS)
async def test_postgresql_reads_what_was_encoded(connection: Connection, name: str) -> None:
    assert await stored(connection, (7, [RowEncoder().encode(ROWS[name])])) == [(7, *ROWS[name])]


async def test_each_row_is_of_its_batch(connection: Connection) -> None:
    encoder = RowEncoder()
    rows = [row(batch_row=number) for number in range(5)]
    encoded = [encoder.encode(one) for one in rows]
    assert [number_of(one) for one in encoded] == [0, 1, 2, 3, 4]
    found = await stored(connection, (3, encoded[:2]), (4, encoded[2:]))
    assert found == [(3, *one) for one in rows[:2]] + [(4, *one) for one in rows[2:]]


@pytest.mark.parametrize("fields", [{"link_version": 2**31}, {"visitor": 2**63}, {"kind": 2**15}, {"bot": "\ud800"}])
def test_what_no_column_can_hold_is_told(fields: dict[str, Any]) -> None:
    with pytest.raises(UnfitRowError):
        RowEncoder().encode(row(**fields))


async def test_a_nul_is_refused_by_postgresql(connection: Connection) -> None:
    with pytest.raises(asyncpg.DataError):
        await stored(connection, (1, [RowEncoder().encode(row(country="\0"))]))
