"""The operator's inventory of numbers, tags and resource policies; what AWS's numbers, sender IDs and pools have more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
STEP = "pre"


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _int(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "number_inventory",
        *_key("number", "kind", "country", "capabilities"),
        _int("monthly_price"),
        sa.Column("rate", sa.Integer()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_number_inventory"),
    )
    op.create_table(
        "tags",
        *_key("account_id", "resource", "key"),
        _text("value"),
        sa.PrimaryKeyConstraint("account_id", "resource", "key", name="pk_tags"),
    )
    op.create_table(
        "resource_policies",
        *_key("account_id", "resource", "policy"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "resource", name="pk_resource_policies"),
    )
    for table in ("phone_numbers", "pools"):
        op.add_column(table, _text("two_way_channel"))
        op.add_column(table, _text("two_way_role"))
    op.add_column("phone_numbers", _text("capabilities", "SMS"))
    for name in ("international", "deletion_protection", "monthly_price"):
        op.add_column("phone_numbers", _int(name))
    for name in ("both_types", "deletion_protection"):
        op.add_column("sender_ids", _int(name))
