"""Configuration sets, their event destinations, and message feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
STEP = "pre"


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.create_table(
        "configuration_sets",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _text("message_type"),
        _text("sender_id"),
        sa.Column("message_feedback", sa.Integer(), nullable=False, server_default="0"),
        _text("protect_id"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("account_id", "name", name="pk_configuration_sets"),
    )
    op.create_table(
        "message_feedback",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        _text("status", "PENDING"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("answered_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("message_id", name="pk_message_feedback"),
    )
    _index("ix_message_feedback_unanswered", "message_feedback", ["created_at"], "status = 'PENDING'")
    op.add_column("messages", _text("configuration_set"))
    for name in ("configuration_set", "name", "role_arn"):
        op.add_column("event_destinations", _text(name))
    columns = ["account_id", "configuration_set", "name"]
    _index("ix_event_destinations_of_set", "event_destinations", columns, "configuration_set <> ''", unique=True)
