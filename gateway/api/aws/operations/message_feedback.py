"""Message feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.errors import about
from gateway.resources import message_feedback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call


async def put_message_feedback(call: Call) -> Mapping[str, Any]:
    message_id, status = call.input["MessageId"], call.input["MessageFeedbackStatus"]
    with about("message", message_id):
        await message_feedback.put(
            call.desk, account_id=call.account_id, message_id=message_id, status=status, now=call.now()
        )
    return {"MessageId": message_id, "MessageFeedbackStatus": status}
