"""Configuration sets: the rules that an app names with a send, and what it reports of what it sent by them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

# An app names a set with each send. Its event destinations are rows of event_destinations that name the set.
configuration_sets = Table(
    "configuration_sets",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    string("message_type"),  # of a send that gives none; "" for none
    string("sender_id"),  # where no number or registered sender ID fits
    Column("message_feedback", Integer, nullable=False, server_default="0"),
    string("protect_id"),  # the protect configuration that counts
    bigint("created_at"),
)

# Whether what was sent had its effect, such as a one-time code that was typed in: only the app can know.
_UNANSWERED = text("status = 'PENDING'")
message_feedback = Table(
    "message_feedback",
    metadata,
    Column("message_id", Text, primary_key=True),
    account(),
    string("status", "PENDING"),  # PENDING, RECEIVED, FAILED
    bigint("created_at"),
    Column("answered_at", BigInteger),
    Index("ix_message_feedback_unanswered", "created_at", sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED),
)
