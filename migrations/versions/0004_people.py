"""People, members and the audit log; deleted links and retired codes; the installation's domain belongs to nobody."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# As in models/tables.py on the day of this migration.
CONTROL = r"[\u0001-\u001F\u007F-\u009F\u2028\u2029]"


def upgrade() -> None:
    make_user_account()
    make_member()
    make_audit_entry()
    make_retired_code()
    op.add_column("workspace", sa.Column("link_limit", sa.Integer(), nullable=True))
    for table in ("erased_workspace", "erased_link"):
        make_tombstones(table)
    op.create_check_constraint(op.f("ck_workspace_link_limit_not_negative"), "workspace", "link_limit >= 0")
    change_link()
    op.add_column("link_total", sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_link_total_hidden",
        "link_total",
        ["workspace_id"],
        unique=False,
        postgresql_where=sa.text("hidden_at is not null"),
    )
    op.alter_column("domain", "workspace_id", existing_type=sa.BigInteger(), nullable=True)
    op.execute("update domain set workspace_id = null where id in (select domain_id from instance)")


def text_rule(column: str, *, limit: int, name: str) -> sa.CheckConstraint:
    length = f"char_length({column}) between 1 and {limit}"
    return sa.CheckConstraint(f"{length} and {column} = btrim({column}) and {column} !~ '{CONTROL}'", name=op.f(name))


def make_user_account() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        text_rule("email", limit=254, name="ck_user_account_email_form"),
        text_rule("name", limit=200, name="ck_user_account_name_form"),
        sa.CheckConstraint(
            r"email = lower(email) and email ~ '^[^@\s]+@[^@\s]+$'", name=op.f("ck_user_account_email_address")
        ),
        sa.CheckConstraint("(issuer is null) = (subject is null)", name=op.f("ck_user_account_identity_whole")),
        sa.CheckConstraint(
            "char_length(issuer) <= 255 and char_length(subject) <= 255", name=op.f("ck_user_account_identity_length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_user_account_issuer_subject")),
    )


def make_member() -> None:
    op.create_table(
        "member",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role in ('OWNER', 'ADMIN', 'MEMBER', 'READER')", name=op.f("ck_member_role_known")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_member_user_id_user_account"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_member_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("workspace_id", "user_id", name=op.f("uq_member_workspace_id_user_id")),
    )
    op.create_index(op.f("ix_member_user_id"), "member", ["user_id"], unique=False)


def make_audit_entry() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_key", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("actor_user", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.CheckConstraint("actor_key is null or actor_user is null", name=op.f("ck_audit_entry_one_actor")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_audit_entry_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_created_at"), "audit_entry", ["created_at"], unique=False)
    op.create_index(op.f("ix_audit_entry_workspace_id_id"), "audit_entry", ["workspace_id", "id"], unique=False)


def make_retired_code() -> None:
    op.create_table(
        "retired_code",
        sa.Column("domain_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "code", name=op.f("pk_retired_code")),
    )


def make_tombstones(table: str) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def change_link() -> None:
    op.alter_column("link", "created_by", new_column_name="created_by_key")
    op.execute("alter table link rename constraint fk_link_created_by_api_key to fk_link_created_by_key_api_key")
    op.add_column("link", sa.Column("created_by_user", sa.BigInteger(), nullable=True))
    op.add_column("link", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_link_created_by_user_user_account"),
        "link",
        "user_account",
        ["created_by_user"],
        ["id"],
        ondelete="RESTRICT",
    )
    op.create_check_constraint(op.f("ck_link_one_creator"), "link", "created_by_key is null or created_by_user is null")
    op.create_check_constraint(
        op.f("ck_link_deleted_only_if_deactivated"), "link", "deleted_at is null or deactivated_at is not null"
    )
    op.create_index(
        "ix_link_deleted_at", "link", ["deleted_at"], unique=False, postgresql_where=sa.text("deleted_at is not null")
    )


def downgrade() -> None:
    op.execute("update domain set workspace_id = (select workspace_id from instance) where workspace_id is null")
    op.alter_column("domain", "workspace_id", existing_type=sa.BigInteger(), nullable=False)
    op.drop_index("ix_link_total_hidden", table_name="link_total")
    op.drop_column("link_total", "hidden_at")
    op.drop_index("ix_link_deleted_at", table_name="link")
    for name in ("ck_link_deleted_only_if_deactivated", "ck_link_one_creator"):
        op.drop_constraint(op.f(name), "link", type_="check")
    op.drop_column("link", "deleted_at")
    op.drop_column("link", "created_by_user")
    op.execute("alter table link rename constraint fk_link_created_by_key_api_key to fk_link_created_by_api_key")
    op.alter_column("link", "created_by_key", new_column_name="created_by")
    op.drop_constraint(op.f("ck_workspace_link_limit_not_negative"), "workspace", type_="check")
    op.drop_column("workspace", "link_limit")
    for table in ("erased_link", "erased_workspace", "retired_code", "audit_entry", "member", "user_account"):
        op.drop_table(table)
