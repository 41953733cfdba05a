"""Amazon's SMS and voice API, version 2 (``pinpoint-sms-voice-v2``), as its own clients speak it.

A thin face: parsing, signatures and names are here; what a resource may do is in ``gateway.resources``, the same for
the native API. Facts of the service come from botocore's model of it, which is loaded, never copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.serving import serve
from gateway.api.aws.v1 import add_v1

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["add_aws"]


def add_aws(app: web.Application) -> None:
    """Add ``POST /``, which AWS's clients call with the operation's name in a header, and the paths of version 1."""
    app.router.add_post("/", serve)
    add_v1(app)
