"""Clicks: the tables a visit ends up in, from the ledger of loaded segments to the sums that answers are made of.

None has a foreign key: clicks outlive or precede what they point to. What fills them: recording/load.py.
"""

from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from models.ids import LinkId, WorkspaceId
from models.tables import Table, key_column, text_column, time_column


class VisitorKind(IntEnum):
    """Who came, as `click.kind` stores it; only PERSON counts as a click, all others as bot clicks."""

    PERSON = 0
    CRAWLER = 1
    PREVIEW = 2
    MONITOR = 3
    PREFETCH = 4
    HEAD = 5
    TOOL = 6


class Device(StrEnum):
    """What the visitor held, as `click.device` stores it."""

    DESKTOP = "DESKTOP"
    MOBILE = "MOBILE"
    TABLET = "TABLET"
    TV = "TV"
    OTHER = "OTHER"


class SlotScope(IntEnum):
    """Whose sums a row of `click_slot` or `click_day` holds."""

    LINK = 1
    WORKSPACE = 2


class ClickBatch(Table, table=True):
    """The ledger: one row per loaded segment, in the transaction that stored its clicks."""

    __tablename__ = "click_batch"
    __table_args__ = (
        UniqueConstraint("producer", "segment"),
        UniqueConstraint("position"),
        Index(None, "loaded_at"),
        CheckConstraint("rows >= 0 and rejected >= 0 and erased >= 0 and late >= 0", name="not_negative"),
        CheckConstraint("rejected + erased <= rows", name="parts_within_rows"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256_length"),
    )

    id: int | None = Field(None, sa_type=BigInteger, primary_key=True, sa_column_args=(Identity(always=True),))
    producer: int = Field(sa_type=BigInteger)
    segment: int = Field(sa_type=BigInteger)
    # Lines of the segment: stored + rejected (did not fit) + erased (of what is gone).
    rows: int = Field(sa_type=Integer)
    rejected: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    erased: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    # Stored, but after their day's visitors were forgotten: first is false.
    late: int = Field(default=0, sa_type=Integer, sa_column_kwargs={"server_default": text("0")})
    sha256: bytes = Field(sa_type=LargeBinary)
    classifier: str = text_column()
    # The first and last occurred_at stored, so that a batch's clicks are found in the partitions that have them.
    occurred_from: datetime | None = time_column(nullable=True)
    occurred_until: datetime | None = time_column(nullable=True)
    loaded_at: datetime = time_column()
    # From feed_position, taken last in the transaction: gapless and in the order of commit.
    position: int | None = Field(None, sa_type=BigInteger, nullable=True)


def _words(*, nullable: bool = True) -> Any:
    # Collation "C": quick to sort, and the same order on every machine.
    return text_column(nullable=nullable, collation="C")


class Click(Table, table=True):
    """A visit. Partitioned by month; the key is the mapper's, no constraint: the ledger keeps rows unique."""

    __tablename__ = "click"
    __table_args__ = (
        Index(None, "link_id", "occurred_at"),
        Index(None, "workspace_id", "occurred_at"),
        CheckConstraint("kind between 0 and 6", name="kind_known"),
        CheckConstraint("kind = 0 or not first", name="first_is_a_person"),
        {"postgresql_partition_by": "range (occurred_at)"},
    )
    __mapper_args__ = {"primary_key": ["occurred_at", "batch_id", "batch_row"]}  # noqa: RUF012 - SQLAlchemy's form

    occurred_at: datetime = time_column()
    link_id: LinkId = key_column()
    workspace_id: WorkspaceId = key_column()
    batch_id: int = Field(sa_type=BigInteger)
    batch_row: int = Field(sa_type=Integer)
    link_version: int = Field(sa_type=Integer)
    kind: int = Field(sa_type=SmallInteger)
    # The first of its visitor stored for this link and UTC day.
    first: bool
    # The visit's own time was more than five minutes outside its segment's: the sealing time stands here.
    time_replaced: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    device: str = _words(nullable=False)
    country: str | None = _words()
    referrer: str | None = _words()
    browser: str | None = _words()
    os: str | None = _words()
    language: str | None = _words()
    utm_source: str | None = _words()
    utm_medium: str | None = _words()
    utm_campaign: str | None = _words()
    # What a bot calls itself, such as Googlebot.
    bot: str | None = _words()


class Visitor(Table, table=True):
    """Who was seen already, by UTC day; partitioned by day and dropped after a few."""

    __tablename__ = "visitor"
    __table_args__ = ({"postgresql_partition_by": "range (utc_day)"},)

    utc_day: date = Field(sa_type=Date, primary_key=True)
    link_id: LinkId = key_column(primary=True)
    visitor: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})


class ClickSlot(Table, table=True):
    """Sums of a quarter of an hour: the coarsest grain that is exact in every time zone. Partitioned by month."""

    __tablename__ = "click_slot"
    __table_args__ = (
        CheckConstraint("clicks >= 0 and unique_clicks >= 0 and bot_clicks >= 0", name="not_negative"),
        {"postgresql_partition_by": "range (slot)"},
    )

    scope: int = Field(sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    scope_id: int = key_column(primary=True)
    slot: datetime = Field(sa_type=time_column().sa_type, primary_key=True)
    clicks: int = Field(sa_type=Integer)
    unique_clicks: int = Field(sa_type=Integer)
    bot_clicks: int = Field(sa_type=Integer)


class ClickDay(Table, table=True):
    """A cache of all dimensions of a closed UTC day, {"country": [[value or null, clicks, unique, bots], ...], ...}."""

    __tablename__ = "click_day"
    __table_args__ = (CheckConstraint("rows >= 0", name="not_negative"),)

    scope: int = Field(sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    scope_id: int = key_column(primary=True)
    day: date = Field(sa_type=Date, primary_key=True)
    # Visits of any kind that the dimensions were made from.
    rows: int = Field(sa_type=Integer)
    dimensions: dict[str, list[list[str | int | None]]] = Field(sa_type=JSONB)


class VisitorSalt(Table, table=True):
    """The day's secret. Unlogged, so that it is in no backup and no write-ahead log once it is deleted."""

    __tablename__ = "visitor_salt"
    __table_args__ = (
        CheckConstraint("octet_length(salt) = 32", name="salt_length"),
        {"prefixes": ["UNLOGGED"]},
    )

    day: date = Field(sa_type=Date, primary_key=True)
    salt: bytes = Field(sa_type=LargeBinary)


class FeedPosition(Table, table=True):
    """One row, made by the migration: what is true of the click store as a whole."""

    __tablename__ = "feed_position"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(default=1, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    # Batches stored so far.
    n: int = Field(sa_type=BigInteger)
    # Random, in the header of every spool segment: segments of another database are not loaded.
    spool_id: int = Field(sa_type=BigInteger)
    # Clicks before this instant were dropped by retention; their sums are still there.
    clicks_kept_since: datetime | None = time_column(nullable=True)
