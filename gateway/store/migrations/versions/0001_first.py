"""The first schema: all tables of release 0.1.

A migration is history: it says what was built then, in its own words, and never imports the tables of today.
Later ones come as two: one that adds, before the new release starts, and one that removes, after the old one stopped.
``STEP`` says which it is; gateway.store.migrate has the rules.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
STEP = "pre"


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _text(*names: str, default: str = "") -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, server_default=default) for name in names]


def _int(*names: str, default: int = 0) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False, server_default=str(default)) for name in names]


def _counter(name: str) -> sa.Column[int]:
    # SQLite counts rows itself only in a column of exactly the type INTEGER.
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=True, nullable=False)


def _table(
    name: str, *items: sa.Column[Any] | sa.Constraint, key: tuple[str, ...] = ("id",), **options: bool
) -> None:
    op.create_table(name, *items, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), **options)


def _by_day(name: str, *items: sa.Column[Any], key: tuple[str, ...], day: str, **options: bool) -> None:
    """A table that PostgreSQL keeps by day; what no day's partition takes is in the default one."""
    if op.get_context().dialect.name != "postgresql":
        _table(name, *items, key=key, **options)
        return
    # PostgreSQL: what a table is divided by belongs to its key.
    key = key if day in key else (*key, day)
    op.create_table(
        name, *items, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"), postgresql_partition_by=f"RANGE ({day})"
    )
    op.execute(sa.text(f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT"))


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _accounts() -> None:
    _table("accounts", *_key("id"), *_text("name"), *_text("limits", default="{}"), *_int("created_at"))


def _catalog_state() -> None:
    _table("catalog_state", sa.Column("id", sa.Integer(), nullable=False), *_int("revision"))
    op.execute(sa.text("INSERT INTO catalog_state (id, revision) VALUES (1, 0)"))


def _api_keys() -> None:
    _table(
        "api_keys",
        *_key("id", "account_id"),
        *_text("name"),
        *_key("secret_hash"),
        *_text("prefix", "scopes"),
        *_int("created_at"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
    )


def _connectors() -> None:
    _table(
        "connectors",
        *_key("id"),
        *_text("kind", "carrier_group"),
        *_text("settings", default="{}"),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        *_int("enabled", default=1),
        *_int("backlog_limit", "created_at"),
    )


def _consent_log() -> None:
    _table(
        "consent_log",
        _counter("seq"),
        *_key("account_id"),
        *_text("phone", "list_name", "action"),
        *_int("at"),
        *_text("actor", "how", "words", "reason", "inbound_id", "message_id"),
        key=("seq",),
    )
    op.create_index("ix_consent_log_account_id_phone", "consent_log", ["account_id", "phone"])


def _decisions() -> None:
    _table("decisions", *_key("id"), *_text("body"), *_int("used_at"))


def _event_destinations() -> None:
    _table(
        "event_destinations",
        *_key("id", "account_id"),
        *_text("kind", "target"),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        *_text("types", default="[]"),
        *_int("batch_size", "enabled", default=1),
        *_int("cursor"),
        *_text("trouble"),
        *_int("created_at"),
    )


def _event_retries() -> None:
    _table(
        "event_retries",
        *_key("destination_id"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        *_text("subject_id"),
        *_int("attempts"),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        *_int("first_at"),
        *_text("error"),
        key=("destination_id", "seq"),
    )
    op.create_index("ix_event_retries_destination_id_next_at", "event_retries", ["destination_id", "next_at"])


def _events() -> None:
    _by_day(
        "events",
        _counter("seq"),
        *_key("account_id"),
        *_text("subject_id", "type"),
        *_int("at"),
        *_text("data"),
        key=("seq",),
        day="at",
    )
    op.create_index("ix_events_subject_id", "events", ["subject_id"])


def _idempotency_keys() -> None:
    _table(
        "idempotency_keys",
        *_key("account_id", "key"),
        *_text("request_hash"),
        *_int("status"),
        *_text("response"),
        *_int("created_at"),
        key=("account_id", "key"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _inbound_messages() -> None:
    _table(
        "inbound_messages",
        *_key("id", "account_id"),
        *_text("identity", "identity_id", "source", "body", "raw"),
        *_int("parts", "complete", default=1),
        *_text("connector_id", "carrier_id", "keyword", "meaning", "match", "reply_to"),
        *_int("received_at", "acknowledged"),
        *_text("fingerprint"),
    )
    op.create_index("ix_inbound_messages_account_id_received_at", "inbound_messages", ["account_id", "received_at"])
    op.create_index("ix_inbound_messages_fingerprint", "inbound_messages", ["fingerprint"])
    op.create_index("ix_inbound_messages_source_received_at", "inbound_messages", ["source", "received_at"])


def _inbound_parts() -> None:
    _table(
        "inbound_parts",
        *_key("assembly"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        *_text("body"),
        sa.Column("octets", sa.LargeBinary(), nullable=True),
        *_int("received_at"),
        *_text("inbound_id"),
        key=("assembly", "number", "generation"),
    )


def _keywords() -> None:
    _table(
        "keywords",
        *_key("owner_id", "word", "account_id"),
        *_text("action", "message"),
        *_int("created_at"),
        key=("owner_id", "word"),
    )


def _nodes() -> None:
    _table("nodes", *_key("id"), *_text("host", "roles"), *_int("started_at", "expires_at"), key=("id",))
    _table("leases", *_key("name"), *_text("holder"), *_int("fence"), key=("name",))
    _table(
        "link_reports",
        *_key("connector_id"),
        *_text("node_id"),
        *_text("status", default="{}"),
        *_int("at"),
        key=("connector_id",),
    )


def _messages() -> None:
    _by_day(
        "messages",
        *_key("id", "account_id"),
        *_text(
            "destination",
            "country",
            "sender",
            "identity_id",
            "pool_id",
            "opt_out_list",
            "body",
            "body_hash",
            "encoding",
        ),
        *_int("parts", default=1),
        *_text("message_type", "purpose", "status"),
        *_int("status_at"),
        *_text("reason_code", "reason"),
        *_text("connectors", default="[]"),
        *_text("lane"),
        *_text("connector_id"),
        *_int("price"),
        *_text("on_unknown"),
        *_int("possible_duplicate", "attempts"),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        *_int("expires_at", "created_at"),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("final_at", sa.BigInteger(), nullable=True),
        *_text("in_reply_to"),
        *_text("context", default="{}"),
        *_text("decision_id", "key_id"),
        key=("id",),
        day="id",
    )
    live = _where("final_at IS NULL AND status <> 'QUEUED'")
    op.create_index("ix_messages_live", "messages", ["status", "next_at"], **live)
    waiting = _where("status IN ('QUEUED', 'SCHEDULED')")
    op.create_index("ix_messages_expiring", "messages", ["expires_at"], **waiting)
    op.create_index("ix_messages_person", "messages", ["account_id", "destination", "created_at"])
    queued = _where("status = 'QUEUED'")
    op.create_index("ix_messages_queued", "messages", ["lane", "message_type", "account_id", "next_at"], **queued)


def _opt_out_lists() -> None:
    _table("opt_out_lists", *_key("account_id", "name"), *_int("created_at"), key=("account_id", "name"))


def _opt_outs() -> None:
    _table(
        "opt_outs",
        *_key("account_id", "phone", "list_name"),
        *_int("opted_out_at", "by_end_user"),
        *_text("how"),
        *_int("confirmations"),
        key=("account_id", "phone", "list_name"),
    )


def _orphans() -> None:
    _table(
        "orphans",
        _counter("seq"),
        *_text("carrier_group", "carrier_id", "carrier_key", "handset", "state", "raw", "why"),
        *_int("received_at"),
        key=("seq",),
    )
    op.create_index("ix_orphans_carrier_key", "orphans", ["carrier_key"])


def _parts() -> None:
    _by_day(
        "parts",
        *_key("message_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_key("account_id"),
        *_text("status"),
        *_int("status_at"),
        *_text("connector_id", "carrier_group", "carrier_id", "carrier_key", "raw_code", "raw_state", "raw_error"),
        key=("message_id", "number"),
        day="message_id",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_parts_carrier_key", "parts", ["carrier_key"], **_where("carrier_key <> ''"))


def _pools() -> None:
    _table(
        "pools",
        *_key("id", "account_id"),
        *_text("name", "message_type", "opt_out_list"),
        *_int("two_way", default=1),
        *_int("self_managed_opt_outs"),
        *_text("match_mode", default="whole"),
        *_int("shared_routes", "deletion_protection", "created_at"),
        sa.UniqueConstraint("account_id", "name", name="uq_pools_account_id_name"),
    )


def _reviews() -> None:
    _table(
        "reviews",
        *_key("id", "account_id"),
        *_text("phone", "list_name", "inbound_id", "words", "why"),
        *_int("opened_at"),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        *_text("outcome", "actor"),
    )
    op.create_index("ix_reviews_account_id_phone", "reviews", ["account_id", "phone"])
    op.create_index("ix_reviews_open", "reviews", ["account_id", "opened_at"], **_where("closed_at IS NULL"))


def _routes() -> None:
    _table(
        "routes",
        *_key("id", "account_id"),
        *_int("position"),
        *_text("country", "prefix", "identity_id", "message_type", "connectors"),
        *_int("price", "created_at"),
    )


def _schema_state() -> None:
    _table("schema_state", sa.Column("id", sa.Integer(), nullable=False), *_text("least"))
    op.execute(sa.text("INSERT INTO schema_state (id, least) VALUES (1, '')"))


def _sender_ids() -> None:
    _table(
        "sender_ids",
        *_key("id", "account_id"),
        *_text("sender", "country", "message_type", "opt_out_list"),
        sa.Column("rate", sa.Integer(), nullable=True),
        *_int("active", default=1),
        *_int("created_at"),
        sa.UniqueConstraint("account_id", "sender", "country", name="uq_sender_ids_account_id_sender_country"),
    )


def _spend() -> None:
    _table("spend", *_key("account_id", "month"), *_int("amount"), key=("account_id", "month"))


def _staff() -> None:
    _table(
        "staff",
        *_key("id", "name", "account_id"),
        *_text("password_hash", "role"),
        *_int("failures", "locked_until", "created_at"),
        sa.UniqueConstraint("name", name="uq_staff_name"),
    )


def _phone_numbers() -> None:
    _table(
        "phone_numbers",
        *_key("id", "account_id"),
        *_text("number", "kind", "country", "message_type", "opt_out_list"),
        sa.Column("pool_id", sa.Text(), nullable=True),
        *_int("two_way", default=1),
        *_int("self_managed_opt_outs"),
        *_text("match_mode", default="whole"),
        sa.Column("rate", sa.Integer(), nullable=True),
        *_int("active", default=1),
        *_int("created_at"),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.id"], name="fk_phone_numbers_pool_id"),
        sa.UniqueConstraint("number", name="uq_phone_numbers_number"),
    )


def _pool_sender_ids() -> None:
    _table(
        "pool_sender_ids",
        *_key("pool_id", "sender_id", "account_id"),
        sa.ForeignKeyConstraint(["pool_id"], ["pools.id"], name="fk_pool_sender_ids_pool_id"),
        sa.ForeignKeyConstraint(["sender_id"], ["sender_ids.id"], name="fk_pool_sender_ids_sender_id"),
        key=("pool_id", "sender_id"),
    )


def _sessions() -> None:
    _table(
        "sessions",
        *_key("id", "staff_id"),
        *_text("csrf"),
        *_int("created_at", "expires_at"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_sessions_staff_id"),
    )


def upgrade() -> None:
    # In an order in which every table that another one points to is there before it.
    for create in (
        _accounts, _api_keys, _catalog_state, _connectors, _consent_log, _decisions, _event_destinations, _event_retries,
        _events, _idempotency_keys, _inbound_messages, _inbound_parts, _keywords, _messages, _nodes, _opt_out_lists,
        _opt_outs, _orphans, _parts, _pools, _reviews, _routes, _schema_state, _sender_ids, _spend, _staff, _phone_numbers,
        _pool_sender_ids, _sessions,
    ):  # fmt: skip
        create()
