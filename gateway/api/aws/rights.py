"""Which scope of a key each operation needs: the same four as on the native API, told by the operation's name."""

from __future__ import annotations

from functools import cache

_BY_VERB = (
    ("Describe", "read"),
    ("List", "read"),
    ("Get", "read"),
    ("CarrierLookup", "read"),
    ("PhoneNumberValidate", "read"),
    ("Send", "send"),
    ("VerifyOTPMessage", "send"),
    ("PutMessageFeedback", "send"),
    ("PutOptedOutNumber", "compliance"),
    ("DeleteOptedOutNumber", "compliance"),
)


@cache
def scope_of(operation: str) -> str:
    """One of send, read, compliance; or admin, for all that changes a resource."""
    return next((scope for verb, scope in _BY_VERB if operation.startswith(verb)), "admin")
