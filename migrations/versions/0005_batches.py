"""How many items a bulk mutation of a workspace takes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default: no row is rewritten, and the version still running makes workspaces without knowing of it.
    op.add_column("workspace", sa.Column("batch_limit", sa.Integer(), server_default=sa.text("500"), nullable=False))
    op.create_check_constraint(op.f("ck_workspace_batch_limit_possible"), "workspace", "batch_limit between 1 and 500")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_workspace_batch_limit_possible"), "workspace", type_="check")
    op.drop_column("workspace", "batch_limit")
