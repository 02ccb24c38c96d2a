"""The feed's one row: what is true of the click store as a whole."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from models.clicks import FeedPosition


async def spool_id(conn: AsyncConnection) -> int:
    """The number that the migration gave this database; segments of a spool bear it, and those of others stay out."""
    found: int = (await conn.execute(select(col(FeedPosition.spool_id)))).scalar_one()
    return found
