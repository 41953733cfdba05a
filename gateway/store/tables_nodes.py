"""The processes of a cluster: which there are, which does what only one may do, and their links to carriers."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from gateway.store.columns import bigint, string
from gateway.store.tables import metadata

# Which node does what only one may do, and until when it may count on that.
nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),  # new at each start
    string("host"),
    string("roles"),  # separated by spaces
    bigint("started_at"),
    bigint("expires_at"),  # when it counts as dead, unless it has told that it lives
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),  # "bind:<connector>", "events:<destination>", "scheduler"
    string("holder"),  # a node's id; "" when it is free
    bigint("fence"),  # grows with every holder: what an earlier one still writes can be told apart
)

link_reports = Table(
    "link_reports",
    metadata,
    Column("connector_id", Text, primary_key=True),
    string("node_id"),
    string("status", "{}"),  # carriers.types.ConnectorStatus as JSON
    bigint("at"),
)
