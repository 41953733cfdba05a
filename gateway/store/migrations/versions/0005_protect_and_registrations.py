"""Protect configurations, verified numbers, registrations, Notify configurations and RCS agents."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
STEP = "pre"


def _key(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _text(*names: str, default: str = "") -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, server_default=default) for name in names]


def _flag(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False, server_default="0") for name in names]


def _time(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in names]


def _when(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=True) for name in names]


def _table(name: str, *items: sa.Column[Any] | sa.Constraint, key: tuple[str, ...] = ("id",)) -> None:
    op.create_table(name, *items, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))


def _of(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=f"fk_{table}_{column}")


def upgrade() -> None:
    _protect()
    _verified_numbers()
    _registrations()
    _channels()


def _protect() -> None:
    _table(
        "protect_configurations",
        *_key("id", "account_id"),
        *_flag("account_default", "deletion_protection"),
        *_time("created_at"),
    )
    _table(
        "protect_country_rules",
        *_key("configuration_id", "capability", "country", "account_id", "status"),
        _of("protect_country_rules", "configuration_id", "protect_configurations"),
        key=("configuration_id", "capability", "country"),
    )
    _table(
        "protect_number_overrides",
        *_key("configuration_id", "phone", "account_id"),
        *_text("country"),
        *_key("action"),
        *_when("expires_at"),
        *_time("created_at"),
        _of("protect_number_overrides", "configuration_id", "protect_configurations"),
        key=("configuration_id", "phone"),
    )
    _table(
        "watched_numbers",
        *_key("account_id", "phone", "block"),
        sa.Column("texted_at", sa.BigInteger(), nullable=False),
        key=("account_id", "phone"),
    )
    op.create_index("ix_watched_numbers_account_id_block", "watched_numbers", ["account_id", "block"])
    op.create_index("ix_watched_numbers_texted_at", "watched_numbers", ["texted_at"])


def _verified_numbers() -> None:
    _table(
        "verified_numbers",
        *_key("id", "account_id", "phone"),
        *_text("rcs_agent_id"),
        *_key("status"),
        *_text("code_hash"),
        *_time("code_sent_at"),
        *_flag("guesses", "codes_today"),
        *_time("created_at"),
        sa.UniqueConstraint(
            "account_id", "phone", "rcs_agent_id", name="uq_verified_numbers_account_id_phone_rcs_agent_id"
        ),
    )


def _registrations() -> None:
    _table("registrations", *_key("id", "account_id", "kind"), *_time("created_at"))
    _table(
        "registration_versions",
        *_key("registration_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_key("account_id", "status"),
        *_text("answers", "times", default="{}"),
        *_text("reason", "actor"),
        _of("registration_versions", "registration_id", "registrations"),
        key=("registration_id", "number"),
    )
    op.create_index("ix_registration_versions_account_id_status", "registration_versions", ["account_id", "status"])
    _table(
        "registration_associations",
        *_key("registration_id", "resource", "account_id", "resource_type"),
        *_text("country", "phone"),
        *_time("created_at"),
        _of("registration_associations", "registration_id", "registrations"),
        key=("registration_id", "resource"),
    )
    op.create_index(
        "ix_registration_associations_account_id_resource", "registration_associations", ["account_id", "resource"]
    )
    _table(
        "registration_attachments",
        *_key("id", "account_id"),
        *_text("url", "content_type"),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        *_time("created_at"),
    )


def _channels() -> None:
    _table(
        "notify_configurations",
        *_key("id", "account_id", "display_name", "use_case"),
        *_text("template_id", "pool_id"),
        *_key("channels"),
        *_text("countries"),
        *_flag("deletion_protection"),
        *_time("created_at"),
    )
    _table(
        "rcs_agents",
        *_key("id", "account_id", "opt_out_list"),
        *_flag("deletion_protection", "self_managed_opt_outs", "two_way"),
        *_text("two_way_channel", "two_way_role", "media_bucket", "media_prefix", "media_role", "events"),
        *_time("created_at"),
    )
