"""Amazon's first SMS services, ``pinpoint`` and ``pinpoint-sms-voice``, for what is still sent through them.

Both speak REST-JSON under ``/v1/…``, as our native API does. The path alone tells which one is meant: no path of theirs
(``/v1/apps``, ``/v1/phone``, ``/v1/sms-voice``, ``/v1/templates``, ``/v1/recommenders``, ``/v1/tags``) is one of ours,
while the header ``Authorization`` would not tell it, as a signature may be in the query as well. What is not signed is
so answered as an AWS client understands, not as a problem document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.v1 import model
from gateway.api.aws.v1.serving import handler_of

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["add_v1"]


def add_v1(app: web.Application) -> None:
    """Add all paths of the two services, also of what is not offered: that is told by an error that names it."""
    for operation in model.operations():
        app.router.add_route(operation.http["method"], model.path_of(operation), handler_of(operation))
