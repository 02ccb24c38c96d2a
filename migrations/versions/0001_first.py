"""The first tables: workspace, domain, API key, link.

Constraint names are written out, so that this file keeps meaning the same when the naming convention changes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# As in models/tables.py on the day of this migration.
CONTROL = r"[\u0001-\u001F\u007F-\u009F\u2028\u2029]"
CONTROL_BUT_TAB_AND_NEWLINE = r"[\u0001-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029]"


def upgrade() -> None:
    make_workspace()
    make_domain()
    make_api_key()
    make_instance()
    make_link()
    make_link_total()


def text_rule(column: str, *, limit: int, forbidden: str, name: str) -> sa.CheckConstraint:
    length = f"char_length({column}) between 1 and {limit}"
    return sa.CheckConstraint(f"{length} and {column} = btrim({column}) and {column} !~ '{forbidden}'", name=op.f(name))


def make_workspace() -> None:
    op.create_table(
        "workspace",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(name) between 1 and 200", name=op.f("ck_workspace_name_length")),
        sa.CheckConstraint("char_length(timezone) between 1 and 100", name=op.f("ck_workspace_timezone_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )


def make_domain() -> None:
    op.create_table(
        "domain",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("hostname", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("hostname = lower(hostname) and hostname !~ '\\s'", name=op.f("ck_domain_hostname_form")),
        sa.CheckConstraint("char_length(hostname) between 1 and 253", name=op.f("ck_domain_hostname_length")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_domain_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domain")),
        sa.UniqueConstraint("hostname", name=op.f("uq_domain_hostname")),
    )


def make_api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_id", sa.Text(collation="C"), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cardinality(scopes) > 0 and scopes <@ array['LINKS_CREATE', 'LINKS_READ', 'LINKS_WRITE', "
            "'ANALYTICS_READ', 'WORKSPACE_ADMIN']::text[]",
            name=op.f("ck_api_key_scopes_known"),
        ),
        text_rule("name", limit=100, forbidden=CONTROL, name="ck_api_key_name_form"),
        sa.CheckConstraint("public_id ~ '^[0-9A-Za-z]{12}$'", name=op.f("ck_api_key_public_id_form")),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_api_key_secret_hash_length")),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_api_key_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_public_id")),
    )


def make_instance() -> None:
    op.create_table(
        "instance",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_instance_one_row")),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domain.id"], name=op.f("fk_instance_domain_id_domain"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_instance_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
    )


def make_link() -> None:
    op.create_table(
        "link",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("domain_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("destination_url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deactivation_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        text_rule("deactivation_reason", limit=500, forbidden=CONTROL, name="ck_link_deactivation_reason_form"),
        text_rule("external_id", limit=200, forbidden=CONTROL, name="ck_link_external_id_form"),
        text_rule("notes", limit=4000, forbidden=CONTROL_BUT_TAB_AND_NEWLINE, name="ck_link_notes_form"),
        text_rule("title", limit=200, forbidden=CONTROL, name="ck_link_title_form"),
        sa.CheckConstraint("code ~ '^[A-Za-z0-9_-]{1,64}$'", name=op.f("ck_link_code_form")),
        sa.CheckConstraint(
            f"destination_url ~ '^https?://' and destination_url !~ '{CONTROL}'",
            name=op.f("ck_link_destination_url_form"),
        ),
        sa.CheckConstraint(
            "deactivation_reason is null or deactivated_at is not null", name=op.f("ck_link_reason_only_if_deactivated")
        ),
        sa.CheckConstraint("octet_length(destination_url) <= 8192", name=op.f("ck_link_destination_url_length")),
        sa.CheckConstraint("updated_at >= created_at", name=op.f("ck_link_updated_after_created")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_link_version_positive")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["api_key.id"], name=op.f("fk_link_created_by_api_key"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["domain_id"], ["domain.id"], name=op.f("fk_link_domain_id_domain"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_link_workspace_id_workspace"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("domain_id", "code", name=op.f("uq_link_domain_id_code")),
    )
    op.create_index(op.f("ix_link_workspace_id_code_id"), "link", ["workspace_id", "code", "id"], unique=False)
    op.create_index(
        op.f("ix_link_workspace_id_created_at_id"), "link", ["workspace_id", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_link_workspace_id_updated_at_id"), "link", ["workspace_id", "updated_at", "id"], unique=False
    )
    op.create_index(
        op.f("uq_link_workspace_id_external_id"),
        "link",
        ["workspace_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id is not null"),
    )


def make_link_total() -> None:
    op.create_table(
        "link_total",
        sa.Column("link_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("unique_clicks", sa.BigInteger(), nullable=False),
        sa.Column("bot_clicks", sa.BigInteger(), nullable=False),
        sa.Column("last_clicked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "clicks >= 0 and unique_clicks >= 0 and bot_clicks >= 0", name=op.f("ck_link_total_not_negative")
        ),
        sa.CheckConstraint("unique_clicks <= clicks", name=op.f("ck_link_total_unique_among_clicks")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_link_total")),
    )


def downgrade() -> None:
    for table in ("link_total", "link", "instance", "api_key", "domain", "workspace"):
        op.drop_table(table)
