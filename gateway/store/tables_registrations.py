"""Registrations: forms about who sends what, which staff approve or deny, with their versions and attachments."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from gateway.store.tables import metadata

registrations = Table(
    "registrations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # gateway.resources.registration_types knows the kinds
    Column("created_at", BigInteger, nullable=False, server_default="0"),
)

registration_versions = Table(
    "registration_versions",
    metadata,
    Column("registration_id", Text, ForeignKey("registrations.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("status", Text, nullable=False),  # DRAFT, SUBMITTED, APPROVED, DENIED, DISCARDED, ARCHIVED
    Column("answers", Text, nullable=False, server_default="{}"),  # JSON: what the form says, by the field's path
    Column("times", Text, nullable=False, server_default="{}"),  # JSON: when it came to each status
    Column("reason", Text, nullable=False, server_default=""),  # why staff decided as they did
    Column("actor", Text, nullable=False, server_default=""),  # who decided
    Index(None, "account_id", "status"),
)

registration_associations = Table(
    "registration_associations",
    metadata,
    Column("registration_id", Text, ForeignKey("registrations.id"), primary_key=True),
    Column("resource", Text, primary_key=True),  # as at the end of its ARN
    Column("account_id", Text, nullable=False),
    Column("resource_type", Text, nullable=False),  # TEN_DLC, SENDER_ID, or a kind of registration
    Column("country", Text, nullable=False, server_default=""),
    Column("phone", Text, nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
    Index(None, "account_id", "resource"),
)

registration_attachments = Table(
    "registration_attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("url", Text, nullable=False, server_default=""),  # where the file is, when it is not here
    Column("content_type", Text, nullable=False, server_default=""),
    Column("body", LargeBinary),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
)
