"""One-time codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
STEP = "pre"


def upgrade() -> None:
    key = ("account_id", "application_id", "phone", "reference")
    op.create_table(
        "one_time_codes",
        *(sa.Column(name, sa.Text(), nullable=False) for name in (*key, "digest")),
        sa.Column("attempts_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_one_time_codes"),
    )
    op.create_index("ix_one_time_codes_expires_at", "one_time_codes", ["expires_at"])
