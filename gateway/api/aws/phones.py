"""Phone numbers as the model writes them: E.164, with or without the plus (model: PhoneNumber)."""

from __future__ import annotations


def e164(written: str) -> str:
    """The number with its plus; whether anybody can have it is for ``gateway.numbers`` to say."""
    return written if written.startswith("+") else f"+{written}"
