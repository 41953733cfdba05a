"""Sending messages."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import conflict, invalid, not_found
from gateway.api.aws.originations import origination_of, unknown
from gateway.api.aws.phones import e164
from gateway.api.aws.refusals import TOLD_BY_EVENT, of_refusal, of_send_error
from gateway.api.aws.sets import configuration_set_of
from gateway.errors import GatewayError
from gateway.model import DEFAULT_TTL, IdentityKind
from gateway.outbound.request import NO_CONTEXT, SendRequest
from gateway.routing import NoChoice
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.outbound.request import Accepted

_price = lru_cache(maxsize=256)(Decimal)


async def send_text_message(call: Call) -> Mapping[str, Any]:
    given = call.input
    if "MessageBody" not in given:
        raise invalid("MISSING_PARAMETER", "MessageBody", "Is missing.")
    rules = configuration_set_of(call)
    request = SendRequest(
        account_id=call.account_id,
        to=e164(given["DestinationPhoneNumber"]),
        body=given["MessageBody"],
        origination=origination_of(call, given["OriginationIdentity"]) if "OriginationIdentity" in given else "",
        message_type=given.get("MessageType", rules.message_type),
        ttl=timedelta(seconds=given["TimeToLive"]) if "TimeToLive" in given else DEFAULT_TTL,
        max_price=_price(given["MaxPrice"]) if "MaxPrice" in given else None,
        dry_run=given.get("DryRun", False),
        context=given.get("Context", NO_CONTEXT),
        protect_configuration=_protect_configuration(call) if "ProtectConfigurationId" in given else "",
        key_id=call.key_id,
        configuration_set=rules.name,
        country_parameters=given.get("DestinationCountryParameters", NO_CONTEXT),
        message_feedback=given.get("MessageFeedbackEnabled", rules.message_feedback),
    )
    accepted = await _accept(call, request, rules.sender_id)
    if accepted.refusal and accepted.refusal["code"] not in TOLD_BY_EVENT:
        raise of_refusal(accepted)
    return {"MessageId": accepted.message_id or new_id()}  # a dry run has one too, of no message


async def send_media_message(call: Call) -> Mapping[str, Any]:
    """No connector sends MMS: a send that fits is told that its number cannot."""
    if not {"MessageBody", "MediaUrls"} & call.input.keys():
        raise invalid("MISSING_PARAMETER", "MediaUrls", "Give a file, a body or both.")
    configuration_set_of(call)
    _protect_configuration(call)
    raise conflict("NUMBER_CAPABILITIES_MISMATCH", *_identity(call))


async def send_voice_message(call: Call) -> Mapping[str, Any]:
    """No connector makes calls."""
    configuration_set_of(call)
    _protect_configuration(call)
    _identity(call)
    raise invalid("VOICE_CAPABILITY_NOT_AVAILABLE", "OriginationIdentity", "No connector here makes calls.")


async def _accept(call: Call, request: SendRequest, default_sender_id: str) -> Accepted:
    """Where no identity fits, the configuration set's default sender ID is tried (model: SetDefaultSenderId)."""
    try:
        return await call.services.outbound.accept(request)
    except NoChoice as error:
        if not default_sender_id or error.of_named:
            raise of_send_error(error, request.origination) from error
    except GatewayError as error:
        raise of_send_error(error, request.origination) from error
    try:
        return await call.services.outbound.accept(request._replace(origination=default_sender_id))
    except GatewayError as error:
        raise of_send_error(error, default_sender_id) from error


def _protect_configuration(call: Call) -> str:
    """The id of the one that the request names; "" for none. Raises AwsError when there is no such one."""
    asked = id_of(call.input.get("ProtectConfigurationId", ""), "protect-configuration", "ProtectConfigurationId")
    if asked and call.desk.catalog.guard(call.account_id, asked, "") is None:
        raise not_found("protect-configuration", asked)
    return asked


def _identity(call: Call) -> tuple[str, str]:
    """Type and id of what the request names to send from. Raises AwsError when the account has none such."""
    name = origination_of(call, call.input["OriginationIdentity"])
    directory = call.desk.catalog.directory(call.account_id)
    if name in directory.pool_by_id:
        return "pool", name
    if (found := directory.find(name, "")) is None:
        raise unknown(name)
    return ("sender-id", found.sender) if found.kind is IdentityKind.SENDER_ID else ("phone-number", found.id)
