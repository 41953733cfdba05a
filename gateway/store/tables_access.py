"""Who may do what: keys of the API and of the AWS wire, staff and their sessions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table, Text

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("name"),
    Column("secret_hash", Text, nullable=False, unique=True),  # SHA-256, hex: the key has 256 random bits
    string("prefix"),  # first characters, to recognise it by
    string("scopes"),  # separated by spaces
    bigint("created_at"),
    Column("revoked_at", BigInteger),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),  # "AKIA…", 20 characters
    account(),
    string("name"),
    # Sealed, not hashed: a signature is checked by making it again.
    Column("secret", LargeBinary, nullable=False),
    string("scopes"),  # separated by spaces
    bigint("created_at"),
    Column("revoked_at", BigInteger),
)

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    account(),
    string("password_hash"),  # argon2id
    string("role"),
    bigint("failures"),
    bigint("locked_until"),
    bigint("created_at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of the cookie
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False),
    string("csrf"),
    bigint("created_at"),
    bigint("expires_at"),
)
