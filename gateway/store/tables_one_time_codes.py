"""One-time codes: what is known of each one that was texted and not yet typed in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from gateway.store.tables import metadata

one_time_codes = Table(
    "one_time_codes",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("application_id", Text, primary_key=True),
    Column("phone", Text, primary_key=True),  # E.164
    Column("reference", Text, primary_key=True),  # the app's own
    Column("digest", Text, nullable=False),  # gateway.store.secrets.Vault.digest of the code
    Column("attempts_left", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index(None, "expires_at"),
)
