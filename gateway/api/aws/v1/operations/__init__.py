"""The operations of ``pinpoint`` and ``pinpoint-sms-voice`` that are offered: see ``gateway.api.aws.handlers``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from gateway.api.aws.handlers import handlers_in
from gateway.api.aws.v1.model import operations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.handlers import Handler


@cache
def handlers() -> Mapping[str, Handler]:
    """The handler of each operation that is offered, by the operation's name."""
    return handlers_in(__name__, __path__, [operation.name for operation in operations()])
