"""Spend limits that an account has set for itself, below what the operator allows it."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from gateway.store.columns import bigint
from gateway.store.tables import metadata

spend_limit_overrides = Table(
    "spend_limit_overrides",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),  # TEXT, VOICE, MEDIA, NOTIFY, RCS
    bigint("monthly_limit"),  # whole US dollars
)
