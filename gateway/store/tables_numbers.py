"""What belongs to numbers and other resources besides their own rows: the operator's inventory, tags, policies."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from gateway.store.tables import metadata

# The operator's numbers, which accounts may lease: one that no row of phone_numbers has is free. They belong to the
# instance, not to an account.
inventory = Table(
    "number_inventory",
    metadata,
    Column("number", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("capabilities", Text, nullable=False),  # separated by spaces
    Column("monthly_price", BigInteger, nullable=False, server_default="0"),
    Column("rate", Integer),  # parts a second
    Column("created_at", BigInteger, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),  # kind and id as in the ARN: "pool/pool-…", "sender-id/ACME/GB"
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False, server_default=""),
)

resource_policies = Table(
    "resource_policies",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),  # as in tags
    Column("policy", Text, nullable=False),  # JSON, as it was given
    Column("created_at", BigInteger, nullable=False),
)
