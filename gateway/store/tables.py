"""The schema, one for SQLite and PostgreSQL.

Rule 1: only TEXT, BIGINT, INTEGER and bytes, so that a row means the same to SQLAlchemy and to the bare driver.
Rule 2: a time is a BIGINT of microseconds since 1970-01-01 UTC; money is a BIGINT of millionths of a US dollar.
Rule 3: every row carries ``account_id``, save those of the instance itself (connectors, staff, migrations).
Rule 4: JSON is TEXT; only our own code reads it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows itself only in a column of exactly this type.
_Counter = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


def _account() -> Column[str]:
    return Column("account_id", Text, nullable=False)


accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _text("limits", "{}"),  # gateway.resources.accounts.Limits as JSON
    _int("created_at"),
)

# Counts the changes of what processes keep in memory (gateway.resources.catalog), so that each sees the others'.
catalog_state = Table("catalog_state", metadata, Column("id", Integer, primary_key=True), _int("revision"))

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("name"),
    Column("secret_hash", Text, nullable=False, unique=True),  # SHA-256, hex: the key has 256 random bits
    _text("prefix"),  # first characters, to recognise it by
    _text("scopes"),  # separated by spaces
    _int("created_at"),
    Column("revoked_at", BigInteger),
)

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("number"),
    _text("kind"),
    _text("country"),
    _text("message_type"),
    _text("opt_out_list"),
    Column("pool_id", Text, ForeignKey("pools.id")),
    _int("two_way", 1),
    _text("two_way_channel"),  # the ARN that texts to it are published to
    _text("two_way_role"),  # the role's ARN that AWS would publish them as
    _int("self_managed_opt_outs"),
    _text("match_mode", "whole"),
    _text("capabilities", "SMS"),  # separated by spaces
    _int("international"),  # may be chosen for other countries than its own
    _int("deletion_protection"),
    _int("monthly_price"),
    Column("rate", Integer),  # parts a second
    _int("active", 1),
    _int("created_at"),
    UniqueConstraint("number"),
)

sender_ids = Table(
    "sender_ids",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("sender"),
    _text("country"),
    _text("message_type"),
    _text("opt_out_list"),
    _int("both_types"),  # takes texts of either type; message_type is that of one which names none
    _int("deletion_protection"),
    Column("rate", Integer),
    _int("active", 1),
    _int("created_at"),
    UniqueConstraint("account_id", "sender", "country"),
)

pools = Table(
    "pools",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("name"),
    _text("message_type"),
    _text("opt_out_list"),
    _int("two_way", 1),
    _text("two_way_channel"),
    _text("two_way_role"),
    _int("self_managed_opt_outs"),
    _text("match_mode", "whole"),
    _int("shared_routes"),
    _int("deletion_protection"),
    _int("created_at"),
    UniqueConstraint("account_id", "name"),
)

pool_sender_ids = Table(
    "pool_sender_ids",
    metadata,
    Column("pool_id", Text, ForeignKey("pools.id"), primary_key=True),
    Column("sender_id", Text, ForeignKey("sender_ids.id"), primary_key=True),
    _account(),
)

keywords = Table(
    "keywords",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a phone number's or a pool's id
    Column("word", Text, primary_key=True),
    _account(),
    _text("action"),
    _text("message"),
    _int("created_at"),
)

# What a release must know to work with this database: see gateway.store.migrate.
schema_state = Table("schema_state", metadata, Column("id", Integer, primary_key=True), _text("least"))

# Which node does what only one may do, and until when it may count on that.
nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),  # new at each start
    _text("host"),
    _text("roles"),  # separated by spaces
    _int("started_at"),
    _int("expires_at"),  # when it counts as dead, unless it has told that it lives
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),  # "bind:<connector>", "events:<destination>", "scheduler"
    _text("holder"),  # a node's id; "" when it is free
    _int("fence"),  # grows with every holder: what an earlier one still writes can be told apart
)

link_reports = Table(
    "link_reports",
    metadata,
    Column("connector_id", Text, primary_key=True),
    _text("node_id"),
    _text("status", "{}"),  # carriers.types.ConnectorStatus as JSON
    _int("at"),
)

opt_out_lists = Table(
    "opt_out_lists",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _int("created_at"),
)

opt_outs = Table(
    "opt_outs",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("phone", Text, primary_key=True),
    Column("list_name", Text, primary_key=True),
    _int("opted_out_at"),
    _int("by_end_user"),
    _text("how"),  # one sentence: keyword STOP, console, API, import
    _int("confirmations"),  # confirmations sent since; one is allowed
)

consent_log = Table(
    "consent_log",
    metadata,
    Column("seq", _Counter, primary_key=True, autoincrement=True),
    _account(),
    _text("phone"),
    _text("list_name"),
    _text("action"),  # OPT_OUT, OPT_IN, REVIEW_OPENED, REVIEW_CLOSED
    _int("at"),
    _text("actor"),  # "person", "staff:alice", "key:abc", "carrier:smpp-1"
    _text("how"),
    _text("words"),  # what the person wrote
    _text("reason"),  # why staff did it
    _text("inbound_id"),
    _text("message_id"),
    Index(None, "account_id", "phone"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("phone"),
    _text("list_name"),
    _text("inbound_id"),
    _text("words"),
    _text("why"),
    _int("opened_at"),
    Column("closed_at", BigInteger),
    _text("outcome"),  # OPT_OUT or KEEP
    _text("actor"),
    Index(None, "account_id", "phone"),
    Index(
        "ix_reviews_open",
        "account_id",
        "opened_at",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

connectors = Table(
    "connectors",
    metadata,
    Column("id", Text, primary_key=True),
    _text("kind"),  # carriers.registry knows the kinds
    _text("carrier_group"),  # receipts of one connector of a group may come by another
    _text("settings", "{}"),  # JSON without its secrets
    Column("secrets", LargeBinary),  # JSON of the secrets, encrypted
    _int("enabled", 1),
    _int("backlog_limit"),  # messages that may wait for it; 0: as Settings say
    _int("created_at"),
)

routes = Table(
    "routes",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _int("position"),
    _text("country"),
    _text("prefix"),
    _text("identity_id"),
    _text("message_type"),
    _text("connectors"),  # JSON list of ids, first to last
    _int("price"),  # a part
    _int("created_at"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the body: many messages share one decision
    _text("body"),
    _int("used_at"),  # when a message last had it, to the day; 0: not known, kept
)

_QUEUED = text("status = 'QUEUED'")
_LIVE = text("final_at IS NULL AND status <> 'QUEUED'")
_WAITING = text("status IN ('QUEUED', 'SCHEDULED')")

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("destination"),
    _text("country"),
    _text("sender"),
    _text("identity_id"),
    _text("pool_id"),
    _text("opt_out_list"),
    _text("body"),
    _text("body_hash"),
    _text("encoding"),
    _int("parts", 1),
    _text("message_type"),
    _text("purpose"),
    _text("status"),
    _int("status_at"),
    _text("reason_code"),
    _text("reason"),
    _text("connectors", "[]"),  # JSON list of ids, first to last
    _text("lane"),  # the first of them: who runs that one looks for the message
    _text("connector_id"),  # the one that took it
    _int("price"),
    _text("on_unknown"),
    _int("possible_duplicate"),
    _int("attempts"),
    Column("next_at", BigInteger),  # when it may leave, or is given up; NULL while staff must decide
    _int("expires_at"),
    _int("created_at"),
    Column("submitted_at", BigInteger),
    Column("final_at", BigInteger),
    _text("in_reply_to"),  # id of the inbound message it answers
    _text("context", "{}"),
    _text("decision_id"),
    _text("key_id"),
    _text("configuration_set"),  # the name of the one that the app gave; "app/ID" for an application of Pinpoint's
    _text("country_parameters", "{}"),
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
    _account(),
    _text("status"),
    _int("status_at"),
    _text("connector_id"),
    _text("carrier_group"),
    _text("carrier_id"),  # as the carrier wrote it
    _text("carrier_key"),  # carriers.smpp.receipt.canonical of it
    _text("raw_code"),
    _text("raw_state"),
    _text("raw_error"),
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
    Column("seq", _Counter, primary_key=True, autoincrement=True),
    _text("carrier_group"),
    _text("carrier_id"),
    _text("carrier_key"),
    _text("handset"),
    _text("state"),
    _text("raw"),  # JSON: raw state, error and text
    _text("why"),  # no match yet, or more than one
    _int("received_at"),
    Index(None, "carrier_key"),
)

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("identity"),  # our number or short code
    _text("identity_id"),
    _text("source"),
    _text("body"),
    _text("raw"),  # base64 of the octets when they are no text
    _int("parts", 1),
    _int("complete", 1),
    _text("connector_id"),
    _text("carrier_id"),
    _text("keyword"),  # the word that matched
    _text("meaning"),
    _text("match"),  # KeywordMatch as JSON: what matched and why
    _text("reply_to"),  # id of the last message of that pair
    _int("received_at"),
    _int("acknowledged"),  # the carrier was told; a copy after that is a new message
    _text("fingerprint"),
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
    _text("body"),
    Column("octets", LargeBinary),
    _int("received_at"),
    _text("inbound_id"),  # set once assembled
)

events = Table(
    "events",
    metadata,
    Column("seq", _Counter, primary_key=True, autoincrement=True),  # PostgreSQL: with ``at``, by which it has parts
    _account(),
    _text("subject_id"),  # the message's or inbound message's id
    _text("type"),
    _int("at"),
    _text("data"),  # the event as JSON, as destinations get it
    Index(None, "subject_id"),
    postgresql_partition_by="RANGE (at)",
)

_OF_SET = text("configuration_set <> ''")
event_destinations = Table(
    "event_destinations",
    metadata,
    Column("id", Text, primary_key=True),
    _account(),
    _text("kind"),  # webhook, file, sns, firehose, cloudwatch_logs, kinesis, two_way
    _text("configuration_set"),  # whose messages it is told of, as they have it; "" for everything
    _text("name"),  # within its set
    _text("role_arn"),  # as AWS's clients gave it
    _text("target"),  # URL, path or ARN
    Column("secret", LargeBinary),  # encrypted
    _text("types", "[]"),  # JSON list; empty means all
    _int("batch_size", 1),
    _int("enabled", 1),
    _int("cursor"),  # the last event given, or put aside
    _text("trouble"),  # why it does not get through now
    _int("created_at"),
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
    _text("subject_id"),
    _int("attempts"),
    Column("next_at", BigInteger),  # NULL: a dead letter
    _int("first_at"),
    _text("error"),
    Index(None, "destination_id", "next_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _text("request_hash"),
    _int("status"),
    _text("response"),
    _int("created_at"),
    Index(None, "created_at"),
)

spend = Table(
    "spend",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("month", Text, primary_key=True),  # "2026-11", UTC
    _int("amount"),
)

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _account(),
    _text("password_hash"),  # argon2id
    _text("role"),
    _int("failures"),
    _int("locked_until"),
    _int("created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the cookie
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    _text("csrf"),
    _int("created_at"),
    _int("expires_at"),
)
