"""Errors of resources name their own arguments; callers of the API know other names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def naming(**ours: str) -> Iterator[None]:
    """Within it, an error about the argument ``after`` is about ``cursor`` when called with ``after="cursor"``."""
    try:
        yield
    except GatewayError as error:
        error.field = ours.get(error.field, error.field)
        raise
