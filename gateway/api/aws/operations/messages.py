"""Sending messages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import invalid, not_found
from gateway.api.aws.originations import origination_of
from gateway.api.aws.refusals import TOLD_BY_EVENT, of_refusal, of_send_error
from gateway.errors import GatewayError
from gateway.model import DEFAULT_TTL
from gateway.outbound.request import NO_CONTEXT, SendRequest
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call


async def send_text_message(call: Call) -> Mapping[str, Any]:
    given = call.input
    if "MessageBody" not in given:
        raise invalid("MISSING_PARAMETER", "MessageBody", "Is missing.")
    origination = origination_of(call, given["OriginationIdentity"]) if "OriginationIdentity" in given else ""
    request = SendRequest(
        account_id=call.account_id,
        to=given["DestinationPhoneNumber"],
        body=given["MessageBody"],
        origination=origination,
        message_type=given.get("MessageType", ""),
        ttl=timedelta(seconds=given["TimeToLive"]) if "TimeToLive" in given else DEFAULT_TTL,
        max_price=Decimal(given["MaxPrice"]) if "MaxPrice" in given else None,
        dry_run=given.get("DryRun", False),
        context=given.get("Context", NO_CONTEXT),
        protect_configuration=_protect_configuration(call),
        key_id=call.key_id,
    )
    try:
        accepted = await call.services.outbound.accept(request)
    except GatewayError as error:
        raise of_send_error(error, given.get("OriginationIdentity", "")) from error
    if accepted.refusal and accepted.refusal["code"] not in TOLD_BY_EVENT:
        raise of_refusal(accepted)
    return {"MessageId": accepted.message_id or new_id()}  # a dry run has one too, of no message


def _protect_configuration(call: Call) -> str:
    """The id of the one that the request names; "" for none. Raises AwsError when there is no such one."""
    asked = id_of(call.input.get("ProtectConfigurationId", ""), "protect-configuration", "ProtectConfigurationId")
    if asked and call.desk.catalog.guard(call.account_id, asked, "") is None:
        raise not_found("protect-configuration", asked)
    return asked
