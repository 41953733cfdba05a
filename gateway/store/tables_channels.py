"""Notify configurations and RCS agents."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

notify_configurations = Table(
    "notify_configurations",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    Column("display_name", Text, nullable=False),
    Column("use_case", Text, nullable=False),  # CODE_VERIFICATION
    string("template_id"),  # of a send that names none
    string("pool_id"),  # what it sends from; "" lets routing choose
    Column("channels", Text, nullable=False),  # separated by spaces
    string("countries"),  # separated by spaces; "" is every one
    Column("deletion_protection", Integer, nullable=False, server_default="0"),
    bigint("created_at"),
)

rcs_agents = Table(
    "rcs_agents",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    Column("opt_out_list", Text, nullable=False),
    Column("deletion_protection", Integer, nullable=False, server_default="0"),
    Column("self_managed_opt_outs", Integer, nullable=False, server_default="0"),
    Column("two_way", Integer, nullable=False, server_default="0"),
    string("two_way_channel"),
    string("two_way_role"),
    string("media_bucket"),
    string("media_prefix"),
    string("media_role"),
    string("events"),  # types of two-way events, separated by spaces
    bigint("created_at"),
)
