"""Numbers, sender IDs, pools and keywords; the operator's inventory; tags and policies of any resource."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text, UniqueConstraint

from gateway.store.columns import account, bigint, string
from gateway.store.tables import metadata

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("number"),
    string("kind"),
    string("country"),
    string("message_type"),
    string("opt_out_list"),
    Column("pool_id", Text, ForeignKey("pools.id")),
    bigint("two_way", 1),
    string("two_way_channel"),  # the ARN that texts to it are published to
    string("two_way_role"),  # the role's ARN that AWS would publish them as
    bigint("self_managed_opt_outs"),
    string("match_mode", "whole"),
    string("capabilities", "SMS"),  # separated by spaces
    bigint("international"),  # may be chosen for other countries than its own
    bigint("deletion_protection"),
    bigint("monthly_price"),
    Column("rate", Integer),  # parts a second
    bigint("active", 1),
    bigint("created_at"),
    UniqueConstraint("number"),
)

sender_ids = Table(
    "sender_ids",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("sender"),
    string("country"),
    string("message_type"),
    string("opt_out_list"),
    bigint("both_types"),  # takes texts of either type; message_type is that of one which names none
    bigint("deletion_protection"),
    Column("rate", Integer),
    bigint("active", 1),
    bigint("created_at"),
    UniqueConstraint("account_id", "sender", "country"),
)

pools = Table(
    "pools",
    metadata,
    Column("id", Text, primary_key=True),
    account(),
    string("name"),
    string("message_type"),
    string("opt_out_list"),
    bigint("two_way", 1),
    string("two_way_channel"),
    string("two_way_role"),
    bigint("self_managed_opt_outs"),
    string("match_mode", "whole"),
    bigint("shared_routes"),
    bigint("deletion_protection"),
    bigint("created_at"),
    UniqueConstraint("account_id", "name"),
)

pool_sender_ids = Table(
    "pool_sender_ids",
    metadata,
    Column("pool_id", Text, ForeignKey("pools.id"), primary_key=True),
    Column("sender_id", Text, ForeignKey("sender_ids.id"), primary_key=True),
    account(),
)

keywords = Table(
    "keywords",
    metadata,
    Column("owner_id", Text, primary_key=True),  # a phone number's or a pool's id
    Column("word", Text, primary_key=True),
    account(),
    string("action"),
    string("message"),
    bigint("created_at"),
)

# The operator's numbers, which accounts may lease: one that no row of phone_numbers has is free. They belong to the
# instance, not to an account.
inventory = Table(
    "number_inventory",
    metadata,
    Column("number", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("capabilities", Text, nullable=False),  # separated by spaces
    bigint("monthly_price"),
    Column("rate", Integer),  # parts a second
    Column("created_at", BigInteger, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),  # kind and id as in the ARN: "pool/pool-…", "sender-id/ACME/GB"
    Column("key", Text, primary_key=True),
    string("value"),
)

resource_policies = Table(
    "resource_policies",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("resource", Text, primary_key=True),  # as in tags
    Column("policy", Text, nullable=False),  # JSON, as it was given
    Column("created_at", BigInteger, nullable=False),
)
