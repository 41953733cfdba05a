"""Text as databases take it."""

from __future__ import annotations


def storable(text: str) -> str:
    """Without NUL, which PostgreSQL refuses, and without half surrogate pairs, which UTF-8 has no form for."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
