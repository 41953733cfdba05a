"""The exceptions of the service, and which of them tells each error of ours.

Handlers raise these or let an error of ``gateway.resources`` through; ``of_gateway`` then says it in AWS's words.
Exceptions, Reasons and resource types are the model's; ``gateway.api.aws.serving`` refuses to send any other.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from gateway.api.aws.translations import CONFLICTS, FIELDS, INVALIDS, THINGS
from gateway.errors import Forbidden, GatewayError, NotFound, QuotaExceeded, TooMany

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.api.aws.shapes import FieldFault

_OURS = 500  # statuses from here on tell of a fault of the server


class AwsError(Exception):
    """One exception as a client gets it: its name, the HTTP status and its members."""

    def __init__(self, name: str, status: int, **members: Any) -> None:  # noqa: ANN401 -- JSON
        super().__init__(members.get("Message", name))
        self.name = name
        self.status = status
        self.members = {key: value for key, value in members.items() if value}


def conflict(reason: str, resource_type: str = "", resource_id: str = "") -> AwsError:
    """What is asked does not fit what is there."""
    return _resource("ConflictException", "Conflict Occurred", reason, resource_type, resource_id)


def not_found(resource_type: str, resource_id: str) -> AwsError:
    return _resource("ResourceNotFoundException", "Resource not found", "", resource_type, resource_id)


def quota(reason: str) -> AwsError:
    return _resource("ServiceQuotaExceededException", "Service quota exceeded", reason, "", "")


def denied(reason: str) -> AwsError:
    return _resource("AccessDeniedException", "Access denied", reason, "", "")


def throttled() -> AwsError:
    return AwsError("ThrottlingException", 400, Message="Rate exceeded")


def internal(request_id: str) -> AwsError:
    return AwsError("InternalServerException", 500, Message="Internal server error", RequestId=request_id)


def invalid(reason: str, field: str = "", message: str = "") -> AwsError:
    """An input that cannot be; ``message`` says what is wrong with the field."""
    return of_faults(reason, [(field, message)] if field else [])


def of_faults(reason: str, faults: Iterable[FieldFault | tuple[str, str]]) -> AwsError:
    """One ValidationException for all that is wrong with an input."""
    fields = [{"Name": name, "Message": message} for name, message in faults]
    told = f'Validation failed - Reason="{reason}"' + "".join(f" {one['Name']}: {one['Message']}" for one in fields)
    return AwsError("ValidationException", 400, Message=told, Reason=reason, Fields=fields)


def _resource(name: str, words: str, reason: str, kind: str, resource_id: str) -> AwsError:
    """AWS's own message has its members inside; clients and terraform's provider search it for them."""
    members = {"Reason": reason, "ResourceType": kind, "ResourceId": resource_id}
    told = " ".join(f'{key}="{value}"' for key, value in members.items() if value)
    return AwsError(name, 400, Message=f"{words} - {told}", **members)


@contextlib.contextmanager
def about(resource_type: str, resource_id: str) -> Iterator[None]:
    """A resource of this type that is not there is told by the id that the client gave; so is a conflict about it.

    A conflict that may be about any type is about the innermost of several.
    """
    try:
        yield
    except NotFound as error:
        if _thing(error) != resource_type:
            raise
        raise not_found(resource_type, resource_id) from error
    except GatewayError as error:
        if error.code not in CONFLICTS or CONFLICTS[error.code][1:] not in {(), (resource_type,)}:
            raise
        raise conflict(CONFLICTS[error.code][0], resource_type, resource_id) from error


def _thing(error: NotFound) -> str:
    """The type of what is not there: that of "opt_out_list_not_found" is opt-out-list, unless the table says so."""
    return THINGS.get(error.code, error.code.removesuffix("_not_found").replace("_", "-"))


def of_gateway(error: GatewayError, request_id: str) -> AwsError:
    """An error of ours in AWS's words.

    A conflict or invalid field of which AWS has no Reason is told as INVALID_REQUEST, with our sentence.
    """
    if isinstance(error, TooMany) or error.status >= _OURS:
        return throttled() if isinstance(error, TooMany) else internal(request_id)
    if isinstance(error, Forbidden):
        return AwsError("AccessDeniedException", 400, Message=error.detail)
    if isinstance(error, NotFound):
        return not_found(_thing(error), "")
    if isinstance(error, QuotaExceeded):
        return quota(error.code.upper())
    if error.code in CONFLICTS:
        return conflict(*CONFLICTS[error.code])
    reason = INVALIDS.get(error.code, "INVALID_PARAMETER" if error.field else "INVALID_REQUEST")
    return invalid(reason, FIELDS.get(error.field, error.field) or "Request", f"{error.detail} {error.remedy}".strip())
