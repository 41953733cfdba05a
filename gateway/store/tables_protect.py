"""Who may be texted: protect configurations, what they watch, and the numbers that a sandbox account may text."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

protect_configurations = Table(
    "protect_configurations",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    Column("account_default", Integer, nullable=False, server_default="0"),  # of one row of an account at most
    Column("deletion_protection", Integer, nullable=False, server_default="0"),
    bigint("created_at"),
)

# A country that is not here is allowed.
protect_country_rules = Table(
    "protect_country_rules",
    metadata,
    Column("configuration_id", Text, ForeignKey("protect_configurations.id"), primary_key=True),
    Column("capability", Text, primary_key=True),  # SMS, VOICE, MMS, RCS
    Column("country", Text, primary_key=True),
    account(),
    Column("status", Text, nullable=False),  # BLOCK, MONITOR, FILTER
)

protect_number_overrides = Table(
    "protect_number_overrides",
    metadata,
    Column("configuration_id", Text, ForeignKey("protect_configurations.id"), primary_key=True),
    Column("phone", Text, primary_key=True),
    account(),
    string("country"),
    Column("action", Text, nullable=False),  # ALLOW, BLOCK
    Column("expires_at", BigInteger),
    bigint("created_at"),
)

# When each number of a watched country was last texted: what neighbours are counted by. Of use for an hour.
watched_numbers = Table(
    "watched_numbers",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("phone", Text, primary_key=True),
    Column("block", Text, nullable=False),  # the number without its last digits
    Column("texted_at", BigInteger, nullable=False),
    Index(None, "account_id", "block"),
    Index(None, "texted_at"),
)

verified_numbers = Table(
    "verified_numbers",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    Column("phone", Text, nullable=False),
    string("rcs_agent_id"),  # whose test device it is
    Column("status", Text, nullable=False),  # PENDING, VERIFIED
    string("code_hash"),  # of the code sent last; "" when none is
    bigint("code_sent_at"),
    Column("guesses", Integer, nullable=False, server_default="0"),  # at that code
    Column("codes_today", Integer, nullable=False, server_default="0"),  # sent on the day of code_sent_at
    bigint("created_at"),
    UniqueConstraint("account_id", "phone", "rcs_agent_id"),
)
