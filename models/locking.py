"""Rows held for a change."""

from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

Row = TypeVar("Row")


async def locked(session: AsyncSession, question: Select[Row]) -> Row | None:
    """The row as last committed, held until the transaction ends: the second of two writers sees what the first did."""
    held = question.with_for_update().execution_options(populate_existing=True)
    return (await session.execute(held)).scalar_one_or_none()
