"""Voice messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.v1.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call


async def send_voice_message(_call: Call) -> Mapping[str, Any]:
    """No connector makes calls."""
    raise bad_request("No connector here makes calls: nothing was sent.")
