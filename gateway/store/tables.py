"""The schema, one for SQLite and PostgreSQL.

Rule 1: only TEXT, BIGINT, INTEGER and bytes, so that a row means the same to SQLAlchemy and to the bare driver.
Rule 2: a time is a BIGINT of microseconds since 1970-01-01 UTC; money is a BIGINT of millionths of a US dollar.
Rule 3: every row carries ``account_id``, save those of the instance itself (connectors, staff, migrations).
Rule 4: JSON is TEXT; only our own code reads it.
Here are messages, events and what they rest on; each ``tables_…`` beside it has the tables of one subject.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

from gateway.store.columns import COUNTER, account, bigint, string

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    string("name"),
    string("limits", "{}"),  # compliance.types.AccountLimits as JSON, as gateway.resources.accounts writes it
    bigint("created_at"),
)

# Counts the changes of what processes keep in memory (gateway.resources.catalog), so that each sees the others'.
catalog_state = Table("catalog_state", metadata, Column("id", Integer, primary_key=True), bigint("revision"))

# What a release must know to work with this database: see gateway.store.migrate.
schema_state = Table("schema_state", metadata, Column("id", Integer, primary_key=True), string("least"))

connectors = Table(
    "connectors",
    metadata,
    Column("id", Text, primary_key=True),
    string("kind"),  # carriers.registry knows the kinds
    string("carrier_group"),  # receipts of one connector of a group may come by another
    string("settings", "{}"),  # JSON without its secrets
    Column("secrets", LargeBinary),  # JSON of the secrets, encrypted
    bigint("enabled", 1),
    bigint("backlog_limit"),  # messages that may wait for it; 0: as Settings say
    bigint("created_at"),
)

routes = Table(
    "routes",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    bigint("position"),
    string("country"),
    string("prefix"),
    string("identity_id"),
    string("message_type"),
    string("connectors"),  # JSON list of ids, first to last
    bigint("price"),  # a part
    bigint("created_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the body: many messages share one decision
    string("body"),
    bigint("used_at"),  # when a message last had it, to the day; 0: not known, kept
)

_QUEUED = text("status = 'QUEUED'")
_LIVE = text("final_at IS NULL AND status <> 'QUEUED'")
_WAITING = text("status IN ('QUEUED', 'SCHEDULED')")

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("destination"),
    string("country"),
    string("sender"),
    string("identity_id"),
    string("pool_id"),
    string("opt_out_list"),
    string("body"),
    string("body_hash"),
    string("encoding"),
    bigint("parts", 1),
    string("message_type"),
    string("purpose"),
    string("status"),
    bigint("status_at"),
    string("reason_code"),
    string("reason"),
    string("connectors", "[]"),  # JSON list of ids, first to last
    string("lane"),  # the first of them: who runs that one looks for the message
    string("connector_id"),  # the one that took it
    bigint("price"),
    string("on_unknown"),
    bigint("possible_duplicate"),
    bigint("attempts"),
    Column("next_at", BigInteger),  # when it may leave, or is given up; NULL while staff must decide
    bigint("expires_at"),
    bigint("created_at"),
    Column("submitted_at", BigInteger),
    Column("final_at", BigInteger),
    string("in_reply_to"),  # id of the inbound message it answers
    string("context", "{}"),
    string("decision_id"),
    string("key_id"),
    string("configuration_set"),  # the name of the one that the app gave; "app/ID" for an application of Pinpoint's
    string("country_parameters", "{}"),
    # By person: opt-out, rate, duplicates and the sticky identity all ask what this person got of late.
    # By time, the primary key itself serves: ids are UUIDv7.
    Index("ix_messages_person", "account_id", "destination", "created_at"),
    # By what may leave through a connector, for each account apart: what others have waiting, however much, is not
    # looked at. It is also what a census counts by.
    Index(
        "ix_messages_queued",
        "lane",
        "message_type",
        "account_id",
        "next_at",
        sqlite_where=_QUEUED,
        postgresql_where=_QUEUED,
    ),
    # By what else is due: to be queued, to be given up (SUBMITTED for 72 hours without a final receipt).
    Index("ix_messages_live", "status", "next_at", sqlite_where=_LIVE, postgresql_where=_LIVE),
    # By when what has not left is too old to leave: else a sweep would read all messages there are.
    Index("ix_messages_expiring", "expires_at", sqlite_where=_WAITING, postgresql_where=_WAITING),
    postgresql_partition_by="RANGE (id)",  # by day: see gateway.store.partitions
)

parts = Table(
    "parts",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    account(),
    string("status"),
    bigint("status_at"),
    string("connector_id"),
    string("carrier_group"),
    string("carrier_id"),  # as the carrier wrote it
    string("carrier_key"),  # carriers.smpp.receipt.canonical of it
    string("raw_code"),
    string("raw_state"),
    string("raw_error"),
    Index(
        "ix_parts_carrier_key",
        "carrier_key",
        sqlite_where=text("carrier_key <> ''"),
        postgresql_where=text("carrier_key <> ''"),
    ),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (message_id)",
)

orphans = Table(
    "orphans",
    metadata,
    Column("seq", COUNTER, primary_key=True, autoincrement=True),
    string("carrier_group"),
    string("carrier_id"),
    string("carrier_key"),
    string("handset"),
    string("state"),
    string("raw"),  # JSON: raw state, error and text
    string("why"),  # no match yet, or more than one
    bigint("received_at"),
    Index(None, "carrier_key"),
)

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("identity"),  # our number or short code
    string("identity_id"),
    string("source"),
    string("body"),
    string("raw"),  # base64 of the octets when they are no text
    bigint("parts", 1),
    bigint("complete", 1),
    string("connector_id"),
    string("carrier_id"),
    string("keyword"),  # the word that matched
    string("meaning"),
    string("match"),  # KeywordMatch as JSON: what matched and why
    string("reply_to"),  # id of the last message of that pair
    bigint("received_at"),
    bigint("acknowledged"),  # the carrier was told; a copy after that is a new message
    string("fingerprint"),
    Index(None, "account_id", "received_at"),
    Index(None, "source", "received_at"),
    Index("ix_inbound_messages_fingerprint", "fingerprint"),
)

inbound_parts = Table(
    "inbound_parts",
    metadata,
    Column("assembly", Text, primary_key=True),  # connector group, source, destination, kind, reference, total
    Column("number", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),  # references come round again
    string("body"),
    Column("octets", LargeBinary),
    bigint("received_at"),
    string("inbound_id"),  # set once assembled
)

events = Table(
    "events",
    metadata,
    Column("seq", COUNTER, primary_key=True, autoincrement=True),  # PostgreSQL: with ``at``, by which it has parts
    account(),
    string("subject_id"),  # the message's or inbound message's id
    string("type"),
    bigint("at"),
    string("data"),  # the event as JSON, as destinations get it
    Index(None, "subject_id"),
    postgresql_partition_by="RANGE (at)",
)

_OF_SET = text("configuration_set <> ''")
event_destinations = Table(
    "event_destinations",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("kind"),  # webhook, file, sns, firehose, cloudwatch_logs, kinesis, two_way
    string("configuration_set"),  # whose messages it is told of, as they have it; "" for everything
    string("name"),  # within its set
    string("role_arn"),  # as AWS's clients gave it
    string("target"),  # URL, path or ARN
    Column("secret", LargeBinary),  # encrypted
    string("types", "[]"),  # JSON list; empty means all
    bigint("batch_size", 1),
    bigint("enabled", 1),
    bigint("cursor"),  # the last event given, or put aside
    string("trouble"),  # why it does not get through now
    bigint("created_at"),
    Index(
        "ix_event_destinations_of_set",
        "account_id",
        "configuration_set",
        "name",
        unique=True,
        sqlite_where=_OF_SET,
        postgresql_where=_OF_SET,
    ),
)

event_retries = Table(
    "event_retries",
    metadata,
    Column("destination_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    string("subject_id"),
    bigint("attempts"),
    Column("next_at", BigInteger),  # NULL: a dead letter
    bigint("first_at"),
    string("error"),
    Index(None, "destination_id", "next_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    string("request_hash"),
    bigint("status"),
    string("response"),
    bigint("created_at"),
    Index(None, "created_at"),
)

spend = Table(
    "spend",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("month", Text, primary_key=True),  # "2026-11", UTC
    bigint("amount"),
)
