"""What every table shares: how constraints are named, and the column types."""

from collections.abc import Collection
from typing import Any, ClassVar

from pydantic_core import PydanticUndefined
from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, DateTime, MetaData, Text, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

# Names are part of the schema: migrations and error handling refer to constraints by them.
CONSTRAINT_NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

# Control characters and line separators, as PostgreSQL's regular expressions spell them (NUL cannot be stored at all).
# Written out, since [[:cntrl:]] means something else in every locale.
SQL_CONTROL_CHARACTERS = r"[\u0001-\u001F\u007F-\u009F\u2028\u2029]"
SQL_CONTROL_CHARACTERS_BUT_TAB_AND_NEWLINE = r"[\u0001-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029]"


def text_rule(column: str, *, limit: int, forbidden: str = SQL_CONTROL_CHARACTERS) -> CheckConstraint:
    """The rule for a text (models/texts.py) as the database keeps it."""
    length = f"char_length({column}) between 1 and {limit}"
    return CheckConstraint(
        f"{length} and {column} = btrim({column}) and {column} !~ '{forbidden}'", name=f"{column}_form"
    )


class Table(SQLModel):
    """The parent of every table. Rows are not validated (SQLModel skips that for tables): rules are functions."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=CONSTRAINT_NAMES)


def key_column(*, primary: bool = False, references: str | None = None, nullable: bool = False) -> Any:
    """A 64-bit id: the table's own (`primary`) or another row's."""
    default = _default(nullable=nullable)
    if references is not None:
        return Field(default, sa_type=BigInteger, nullable=nullable, foreign_key=references, ondelete="RESTRICT")
    # Without autoincrement=False PostgreSQL would get a sequence that nothing uses.
    by_us = {"autoincrement": False}
    return Field(default, sa_type=BigInteger, primary_key=primary, nullable=nullable, sa_column_kwargs=by_us)


def text_column(
    *, nullable: bool = False, collation: str | None = None, unique: bool = False, primary: bool = False
) -> Any:
    """Text without a length of its own: lengths are constraints, which can be changed without a rewrite."""
    rules: dict[str, Any] = {"nullable": nullable, "unique": unique, "primary_key": primary}
    return Field(_default(nullable=nullable), sa_type=Text(collation=collation), **rules)


def time_column(*, nullable: bool = False) -> Any:
    """An instant (timestamptz)."""
    return Field(_default(nullable=nullable), sa_type=DateTime(timezone=True), nullable=nullable)


def any_of(values: Collection[int] | Collection[str]) -> ColumnElement[Any]:
    """What a column of ids or texts is compared with to be one of these: one parameter, however many they are."""
    is_text = any(isinstance(value, str) for value in values)
    return any_(literal(list(values), ARRAY(Text) if is_text else ARRAY(BigInteger)))


def _default(*, nullable: bool) -> Any:
    return None if nullable else PydanticUndefined
