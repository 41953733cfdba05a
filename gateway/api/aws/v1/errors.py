"""The exceptions of the two services, and which of them tells each error of ours.

Rule: an operation answers what its model declares. Another error is told as the nearest that is declared, or as
BadRequestException. Only who is not known, or may not, is told in the words that all of AWS's services have in common
(AWS's "Common Errors"), where the operation declares none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.errors import AwsError
from gateway.errors import Conflict, Forbidden, NotFound, QuotaExceeded, TooMany

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from gateway.errors import GatewayError

_OURS = 500  # statuses from here on tell of a fault of the server
_NOT_LET_IN = 403
# An exception -> how these services call it.
_SAME = {
    "AccessDeniedException": {"ForbiddenException"},
    "RequestEntityTooLargeException": {"PayloadTooLargeException"},
    "InternalServerException": {"InternalServerErrorException", "InternalServiceErrorException"},
}


def bad_request(message: str) -> AwsError:
    return AwsError("BadRequestException", 400, Message=message)


def not_found(message: str) -> AwsError:
    return AwsError("NotFoundException", 404, Message=message)


def internal() -> AwsError:
    return AwsError("InternalServerException", 500, Message="Internal server error")


def of_gateway(error: GatewayError) -> AwsError:
    """An error of ours in AWS's words."""
    if error.status >= _OURS:
        return internal()
    return AwsError(_name(error), error.status, Message=f"{error.detail} {error.remedy}".strip())


def _name(error: GatewayError) -> str:
    if isinstance(error, Conflict) and error.code.endswith("_exists"):
        return "AlreadyExistsException"
    names: tuple[tuple[type[GatewayError], str], ...] = (
        (TooMany, "TooManyRequestsException"),
        (Forbidden, "AccessDeniedException"),
        (NotFound, "NotFoundException"),
        (QuotaExceeded, "LimitExceededException"),
    )
    return next((name for kind, name in names if isinstance(error, kind)), "BadRequestException")


def declared(operation: OperationModel, error: AwsError, request_id: str) -> AwsError:
    """The error by a name, with the status and the members that the operation's model has for it."""
    shapes = {shape.name: shape for shape in operation.error_shapes or operation.service_model.error_shapes}
    named = shapes.keys() & ({error.name} | _SAME.get(error.name, set()))
    if not named and (error.status == _NOT_LET_IN or error.name == "AccessDeniedException"):
        return AwsError(error.name, _NOT_LET_IN, Message=str(error))
    shape = shapes[next(iter(named), "BadRequestException")]
    told = {"Message": str(error), "RequestID": request_id}
    members = {name: value for name, value in told.items() if name in shape.members}
    return AwsError(shape.name, int(shape.metadata["error"]["httpStatusCode"]), **members)
