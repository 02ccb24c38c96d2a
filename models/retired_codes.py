"""Codes of links that were deleted: nobody else gets them for a year, since they are printed and bookmarked."""

from datetime import datetime, timedelta

import asyncpg
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from models.ids import DomainId
from models.tables import Table, key_column, text_column, time_column

KEPT_FOR = timedelta(days=365)


class RetiredCode(Table, table=True):
    """Says nothing of whose it was, and so may outlive its workspace."""

    __tablename__ = "retired_code"

    domain_id: DomainId = key_column(primary=True)
    code: str = text_column(collation="C", primary=True)
    free_at: datetime = time_column()


async def is_retired(conn: AsyncConnection, *, domain_id: DomainId, code: str) -> bool:
    """Whether a deleted link of the domain had the code."""
    is_meant = (col(RetiredCode.domain_id) == domain_id, col(RetiredCode.code) == code)
    return (await conn.execute(select(col(RetiredCode.free_at)).where(*is_meant))).first() is not None


async def retire(session: AsyncSession, *, domain_id: DomainId, code: str, now: datetime) -> None:
    """Keeps the code from new links for a year."""
    values = {"domain_id": domain_id, "code": code, "free_at": now + KEPT_FOR}
    statement = insert(RetiredCode).values(**values)
    conn = await session.connection()
    await conn.execute(
        statement.on_conflict_do_update(index_elements=["domain_id", "code"], set_={"free_at": values["free_at"]})
    )


async def give_back(session: AsyncSession, *, domain_id: DomainId, code: str) -> None:
    """Forgets that the code was retired: its link is back."""
    is_meant = (col(RetiredCode.domain_id) == domain_id, col(RetiredCode.code) == code)
    await session.execute(delete(RetiredCode).where(*is_meant))


async def forget_old(conn: "asyncpg.Connection[asyncpg.Record]", *, now: datetime) -> None:
    """Deletes what may be given out again."""
    await conn.execute("delete from retired_code where free_at <= $1", now)
