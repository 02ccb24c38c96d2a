"""The index behind links ordered by their last click, where never counts as longest ago.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW, OLD = "ix_link_total_last_clicked", "ix_link_total_workspace_id_last_clicked_at_link_id"
LAST_CLICKED_OR_NEVER = "COALESCE(last_clicked_at, '1970-01-01 00:00:00+00'::timestamp with time zone)"


def upgrade() -> None:
    op.create_index(NEW, "link_total", ["workspace_id", sa.text(LAST_CLICKED_OR_NEVER), "link_id"])
    op.drop_index(OLD, "link_total")


def downgrade() -> None:
    op.create_index(OLD, "link_total", ["workspace_id", "last_clicked_at", "link_id"])
    op.drop_index(NEW, "link_total")
