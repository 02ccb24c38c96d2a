"""Statements in SQL that are put together from a few parts, such as conditions of a filter."""

from functools import lru_cache

from sqlalchemy import TextClause, text


@lru_cache(maxsize=512)
def statement(sql: str) -> TextClause:
    """The statement; SQLAlchemy looks for its parameters once, not each time it is run."""
    return text(sql)
