"""Notify configurations and RCS agents."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from gateway.store.tables import metadata

notify_configurations = Table(
    "notify_configurations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("use_case", Text, nullable=False),  # CODE_VERIFICATION
    Column("template_id", Text, nullable=False, server_default=""),  # of a send that names none
    Column("pool_id", Text, nullable=False, server_default=""),  # what it sends from; "" lets routing choose
    Column("channels", Text, nullable=False),  # separated by spaces
    Column("countries", Text, nullable=False, server_default=""),  # separated by spaces; "" is every one
    Column("deletion_protection", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False, server_default="0"),
)

rcs_agents = Table(
    "rcs_agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("opt_out_list", Text, nullable=False),
    Column("deletion_protection", Integer, nullable=False, server_default="0"),
    Column("self_managed_opt_outs", Integer, nullable=False, server_default="0"),
    Column("two_way", Integer, nullable=False, server_default="0"),
    Column("two_way_channel", Text, nullable=False, server_default=""),
    Column("two_way_role", Text, nullable=False, server_default=""),
    Column("media_bucket", Text, nullable=False, server_default=""),
    Column("media_prefix", Text, nullable=False, server_default=""),
    Column("media_role", Text, nullable=False, server_default=""),
    Column("events", Text, nullable=False, server_default=""),  # types of two-way events, separated by spaces
    Column("created_at", BigInteger, nullable=False, server_default="0"),
)
