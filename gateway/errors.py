"""What can go wrong, as those who call us see it.

GatewayError                      every error with a stable code, a sentence and what to do
├── Invalid            422/400    a field is wrong; nothing was stored
├── Unauthorized       401        who are you?
├── Forbidden          403        you may not
├── NotFound           404
├── Conflict           409        what is asked does not fit what is there
│   ├── QuotaExceeded  409        there are as many of a kind as there may be
│   └── Refused        409        a rule said no to a send; carries the decision
├── TooLarge           413
├── TooMany            429        slow down; says for how long
└── Unavailable        503        we cannot store anything now; nothing was accepted
    └── InDoubt        503        or nobody knows whether it was
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class GatewayError(Exception):
    """An error that a caller can act on.

    Attributes:
        code: stable, snake_case; for programs.
        detail: one sentence; for people.
        field: the field that is wrong, as a path ("messages[3].to"), or "".
        remedy: what to do, or "".
        extra: further members of the problem document.
    """

    status = 500
    title = "Something went wrong"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        field: str = "",
        remedy: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field
        self.remedy = remedy
        self.extra = dict(extra or {})


class Invalid(GatewayError):  # noqa: N818 -- the names read as what they say: raise Invalid(...)
    status = 422
    title = "The request is not valid"


class Malformed(GatewayError):  # noqa: N818 -- as above
    status = 400
    title = "The request cannot be read"


class Unauthorized(GatewayError):  # noqa: N818 -- as above
    status = 401
    title = "Sign in first"


class Forbidden(GatewayError):  # noqa: N818 -- as above
    status = 403
    title = "Not allowed"


class NotFound(GatewayError):  # noqa: N818 -- as above
    status = 404
    title = "There is no such thing"


class Conflict(GatewayError):  # noqa: N818 -- as above
    status = 409
    title = "That does not fit what is there"


class QuotaExceeded(Conflict):
    title = "There are as many as there may be"


class Refused(Conflict):
    title = "A rule refused the message"


class TooLarge(GatewayError):  # noqa: N818 -- as above
    status = 413
    title = "The request is too large"


class TooMany(GatewayError):  # noqa: N818 -- as above
    """Slow down. ``retry_after`` is in seconds."""

    status = 429
    title = "Too many requests"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: float,
        field: str = "",
        remedy: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, detail, field=field, remedy=remedy, extra=extra)
        self.retry_after = retry_after


class Unavailable(GatewayError):  # noqa: N818 -- as above
    """The store cannot take anything now. ``retry_after`` is in seconds."""

    status = 503
    title = "Cannot store anything now"

    remedy = "Nothing was accepted. Send the same request again later."

    def __init__(self, detail: str, *, retry_after: float = 5.0) -> None:
        super().__init__("store_unavailable", detail, remedy=self.remedy)
        self.retry_after = retry_after


class InDoubt(Unavailable):
    """The connection was lost during a commit: nobody knows whether it was stored."""

    remedy = "It may have been accepted. Send the same request again with the same Idempotency-Key: it counts once."


class IllegalMove(Exception):  # noqa: N818 -- a bug of ours, never a caller's fault; reads as what it says
    """A status was asked to go where it may not. Nothing was changed."""
