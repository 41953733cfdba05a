"""Registrations: forms about who sends what, which staff approve or deny, with their versions and attachments."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

registrations = Table(
    "registrations",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    Column("kind", Text, nullable=False),  # gateway.resources.registration_types knows the kinds
    bigint("created_at"),
)

registration_versions = Table(
    "registration_versions",
    metadata,
    Column("registration_id", Text, ForeignKey("registrations.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    account(),
    Column("status", Text, nullable=False),  # DRAFT, SUBMITTED, APPROVED, DENIED, DISCARDED, ARCHIVED
    string("answers", "{}"),  # JSON: what the form says, by the field's path
    string("times", "{}"),  # JSON: when it came to each status
    string("reason"),  # why staff decided as they did
    string("actor"),  # who decided
    Index(None, "account_id", "status"),
)

registration_associations = Table(
    "registration_associations",
    metadata,
    Column("registration_id", Text, ForeignKey("registrations.id"), primary_key=True),
    Column("resource", Text, primary_key=True),  # as at the end of its ARN
    account(),
    Column("resource_type", Text, nullable=False),  # TEN_DLC, SENDER_ID, or a kind of registration
    string("country"),
    string("phone"),
    bigint("created_at"),
    Index(None, "account_id", "resource"),
)

registration_attachments = Table(
    "registration_attachments",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("url"),  # where the file is, when it is not here
    string("content_type"),
    Column("body", LargeBinary),
    bigint("created_at"),
)
