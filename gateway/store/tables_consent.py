"""Opt-out lists, who is on them, what was done about consent, and what staff must read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from gateway.store.columns import COUNTER, account, bigint, string
from gateway.store.tables import metadata

opt_out_lists = Table(
    "opt_out_lists",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    bigint("created_at"),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("phone", Text, primary_key=True),
    Column("list_name", Text, primary_key=True),
    bigint("opted_out_at"),
    bigint("by_end_user"),
    string("how"),  # one sentence: keyword STOP, console, API, import
    bigint("confirmations"),  # confirmations sent since; one is allowed
)

consent_log = Table(
    "consent_log",
    metadata,
    Column("seq", COUNTER, primary_key=True, autoincrement=True),
    account(),
    string("phone"),
    string("list_name"),
    string("action"),  # OPT_OUT, OPT_IN, REVIEW_OPENED, REVIEW_CLOSED
    bigint("at"),
    string("actor"),  # "person", "staff:alice", "key:abc", "carrier:smpp-1"
    string("how"),
    string("words"),  # what the person wrote
    string("reason"),  # why staff did it
    string("inbound_id"),
    string("message_id"),
    Index(None, "account_id", "phone"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("phone"),
    string("list_name"),
    string("inbound_id"),
    string("words"),
    string("why"),
    bigint("opened_at"),
    Column("closed_at", BigInteger),
    string("outcome"),  # OPT_OUT or KEEP
    string("actor"),
    Index(None, "account_id", "phone"),
    Index(
        "ix_reviews_open",
        "account_id",
        "opened_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
