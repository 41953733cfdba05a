"""What a handler is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.arns import Region
    from gateway.resources.desk import Desk
    from gateway.services import Services


class Call(NamedTuple):
    """One authenticated request, its input checked against the model.

    ``input`` has the model's own names; what was not given is not there. Times are in microseconds.
    """

    operation: str
    input: Mapping[str, Any]
    services: Services
    account_id: str
    key_id: str
    region: Region
    request_id: str

    @property
    def desk(self) -> Desk:
        return self.services.desk

    @property
    def actor(self) -> str:
        """How the records name who did it."""
        return f"key:{self.key_id}"

    def now(self) -> int:
        return self.services.now()

    def arn(self, resource: str) -> str:
        """The ARN of one of the account's resources: ``arn("pool/pool-…")``."""
        return self.region.arn(self.account_id, resource)
