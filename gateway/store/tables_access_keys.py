"""Access keys: what clients of the AWS wire sign with."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from gateway.store.tables import metadata

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Text, primary_key=True),  # "AKIA…", 20 characters
    Column("account_id", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    # Sealed, not hashed: a signature is checked by making it again.
    Column("secret", LargeBinary, nullable=False),
    Column("scopes", Text, nullable=False, server_default=""),  # separated by spaces
    Column("created_at", BigInteger, nullable=False, server_default="0"),
    Column("revoked_at", BigInteger),
)
