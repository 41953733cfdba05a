"""The columns that most tables have, by the rules of gateway.store.tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Text

# SQLite counts rows itself only in a column of exactly this type.
COUNTER = BigInteger().with_variant(Integer, "sqlite")


def string(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def bigint(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


def account() -> Column[str]:
    return Column("account_id", Text, nullable=False)
