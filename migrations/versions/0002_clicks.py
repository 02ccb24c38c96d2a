"""Clicks: the ledger of segments, the partitioned tables of visits, visitors and sums, and the day cache.

The partitions themselves are made as time goes on (models/partitions.py).
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_click_batch()
    make_click()
    make_visitor()
    make_click_slot()
    make_click_day()
    make_visitor_salt()
    make_feed_position()
    op.create_index("ix_link_total_workspace_id_clicks_link_id", "link_total", ["workspace_id", "clicks", "link_id"])
    op.create_index(
        "ix_link_total_workspace_id_last_clicked_at_link_id",
        "link_total",
        ["workspace_id", "last_clicked_at", "link_id"],
    )


def make_click_batch() -> None:
    op.create_table(
        "click_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("producer", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("erased", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("late", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("classifier", sa.Text(), nullable=False),
        sa.Column("occurred_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurred_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "rows >= 0 and rejected >= 0 and erased >= 0 and late >= 0", name=op.f("ck_click_batch_not_negative")
        ),
        sa.CheckConstraint("rejected + erased <= rows", name=op.f("ck_click_batch_parts_within_rows")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_click_batch_sha256_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_click_batch")),
        sa.UniqueConstraint("producer", "segment", name=op.f("uq_click_batch_producer_segment")),
        sa.UniqueConstraint("position", name=op.f("uq_click_batch_position")),
    )
    op.create_index(op.f("ix_click_batch_loaded_at"), "click_batch", ["loaded_at"])


def word(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def make_click() -> None:
    op.create_table(
        "click",
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_row", sa.Integer(), nullable=False),
        sa.Column("link_version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=False),
        sa.Column("time_replaced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        word("device", nullable=False),
        word("country"),
        word("referrer"),
        word("browser"),
        word("os"),
        word("language"),
        word("utm_source"),
        word("utm_medium"),
        word("utm_campaign"),
        word("bot"),
        sa.CheckConstraint("kind between 0 and 6", name=op.f("ck_click_kind_known")),
        sa.CheckConstraint("kind = 0 or not first", name=op.f("ck_click_first_is_a_person")),
        postgresql_partition_by="range (occurred_at)",
    )
    op.create_index(op.f("ix_click_link_id_occurred_at"), "click", ["link_id", "occurred_at"])
    op.create_index(op.f("ix_click_workspace_id_occurred_at"), "click", ["workspace_id", "occurred_at"])


def make_visitor() -> None:
    op.create_table(
        "visitor",
        sa.Column("utc_day", sa.Date(), nullable=False),
        sa.Column("link_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("visitor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("utc_day", "link_id", "visitor", name=op.f("pk_visitor")),
        postgresql_partition_by="range (utc_day)",
    )


def make_click_slot() -> None:
    op.create_table(
        "click_slot",
        sa.Column("scope", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("scope_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("unique_clicks", sa.Integer(), nullable=False),
        sa.Column("bot_clicks", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "clicks >= 0 and unique_clicks >= 0 and bot_clicks >= 0", name=op.f("ck_click_slot_not_negative")
        ),
        sa.PrimaryKeyConstraint("scope", "scope_id", "slot", name=op.f("pk_click_slot")),
        postgresql_partition_by="range (slot)",
    )


def make_click_day() -> None:
    op.create_table(
        "click_day",
        sa.Column("scope", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("scope_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("dimensions", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_click_day_not_negative")),
        sa.PrimaryKeyConstraint("scope", "scope_id", "day", name=op.f("pk_click_day")),
    )


def make_visitor_salt() -> None:
    op.create_table(
        "visitor_salt",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(salt) = 32", name=op.f("ck_visitor_salt_salt_length")),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_visitor_salt")),
        prefixes=["UNLOGGED"],
    )


def make_feed_position() -> None:
    op.create_table(
        "feed_position",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("spool_id", sa.BigInteger(), nullable=False),
        sa.Column("clicks_kept_since", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_feed_position_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_position")),
        postgresql_with={"fillfactor": "50"},  # rewritten with every batch
    )
    # The second half of a random UUID without its fixed leading bits: 62 random ones.
    op.execute(
        "insert into feed_position (id, n, spool_id) values "
        "(1, 0, ('x' || right(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint & 9223372036854775807)"
    )


def downgrade() -> None:
    op.drop_index("ix_link_total_workspace_id_last_clicked_at_link_id", "link_total")
    op.drop_index("ix_link_total_workspace_id_clicks_link_id", "link_total")
    for table in ("feed_position", "visitor_salt", "click_day", "click_slot", "visitor", "click", "click_batch"):
        op.drop_table(table)
