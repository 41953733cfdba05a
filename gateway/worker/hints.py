"""A message as one process tells another of it, so that it need not be read from the database.

It is written as the list of its fields. A process of another release may have other fields: it then reads the database.
"""

from __future__ import annotations

from typing import Any

from gateway.model import Dispatch

_FIELDS = len(Dispatch._fields)
_CONNECTORS, _SENT_PARTS = Dispatch._fields.index("connectors"), Dispatch._fields.index("sent_parts")


def read_hint(values: list[Any]) -> Dispatch | None:
    """The message of a list of its fields, as JSON gives them; None when the fields are not those of this release."""
    if len(values) != _FIELDS:
        return None
    values[_CONNECTORS], values[_SENT_PARTS] = tuple(values[_CONNECTORS]), frozenset(values[_SENT_PARTS])
    return Dispatch(*values)
