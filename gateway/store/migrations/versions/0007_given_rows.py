"""PostgreSQL: the rows that statements of the hot path are given, many at a time (gateway.store.hot)."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
STEP = "pre"

_NUMBERS = frozenset(
    "status_at parts price next_at expires_at created_at final_at at p_status_at p_possible_duplicate p_attempts p_next_at"
    " p_submitted_at p_final_at p_at".split()
)
_TYPES = {
    "given_message": (
        "id account_id destination country sender identity_id pool_id opt_out_list body body_hash encoding parts"
        " message_type purpose status status_at reason_code reason connectors lane price on_unknown next_at expires_at"
        " created_at final_at in_reply_to context decision_id key_id configuration_set country_parameters"
    ),
    "given_event": "account_id subject_id type at data",
    "given_move": (
        "p_status p_status_at p_reason_code p_reason p_connector_id p_possible_duplicate p_attempts p_next_at"
        " p_submitted_at p_final_at p_id p_was"
    ),
    "given_part": (
        "message_id number account_id status status_at connector_id carrier_group carrier_id carrier_key raw_code"
    ),
    "given_receipt": "p_status p_at p_state p_error p_message p_number",
}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for name, columns in _TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ({', '.join(f'{column} {_type(column)}' for column in columns.split())})")


def _type(column: str) -> str:
    if column in {"number", "p_number"}:
        return "INTEGER"
    return "BIGINT" if column in _NUMBERS else "TEXT"
