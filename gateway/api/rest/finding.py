"""What searches share: numbers as people write them, and cursors that are ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway import numbers
from gateway.errors import Invalid

if TYPE_CHECKING:
    from gateway.api.rest.endpoint import Call

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_number(call: Call[Any, Any], written: str, region: str) -> str:
    """The number that is meant, as it is stored; a sender of the account's own as it stands."""
    if written.upper() in call.desk.catalog.directory(call.account_id).identities_by_sender:
        return written
    return numbers.find(written, region) or written


def check_cursor(cursor: str) -> None:
    """Raises Invalid unless it is empty or an id."""
    if cursor and not UUID.fullmatch(cursor):
        raise Invalid(
            "bad_cursor", "cursor is none of ours.", field="cursor", remedy="Use next_cursor of a page before."
        )
