"""Verified destination numbers, which an account in the sandbox may text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about, invalid, not_found
from gateway.api.aws.lists import asked, filtered, page
from gateway.api.aws.originations import origination_of
from gateway.api.aws.phones import e164
from gateway.api.aws.refusals import of_refusal, of_send_error
from gateway.api.aws.sets import configuration_set_of
from gateway.errors import GatewayError
from gateway.outbound import verification
from gateway.outbound.request import NO_CONTEXT, SendRequest
from gateway.resources import verified_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.verified_numbers import VerifiedNumber

_KIND = verified_numbers.KIND
_FIELD = "VerifiedDestinationNumberId"
_FILTERS: Mapping[str, Callable[[VerifiedNumber], Iterable[str]]] = {
    "status": lambda one: [one.status],
    "rcs-agent-id": lambda one: [one.rcs_agent_id],
}


async def create_verified_destination_number(call: Call) -> Mapping[str, Any]:
    tags = tagging.tags_of(call)
    phone = e164(call.input["DestinationPhoneNumber"])
    agent = id_of(call.input.get("RcsAgentId", ""), "rcs-agent", "RcsAgentId")
    with about("rcs-agent", agent), about(_KIND, phone):
        made = await verified_numbers.create(
            call.desk, account_id=call.account_id, phone=phone, rcs_agent_id=agent, now=call.now(), tagged=tags
        )
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_verified_destination_numbers(call: Call) -> Mapping[str, Any]:
    known = {one.id: one for one in await verified_numbers.find(call.desk, account_id=call.account_id)}
    chosen = asked(call, "VerifiedDestinationNumberIds", _KIND, known)
    phones = [e164(one) for one in call.input.get("DestinationPhoneNumbers", ())]
    if missing := set(phones) - {one.phone for one in known.values()}:
        raise not_found(_KIND, min(missing))
    found = filtered(call, [one for one in chosen if not phones or one.phone in phones], _FILTERS)
    return page(call, "VerifiedDestinationNumbers", found, lambda one: one.id, lambda one: _shown(call, one))


async def send_destination_number_verification_code(call: Call) -> Mapping[str, Any]:
    given = call.input
    if given["VerificationChannel"] == "VOICE":
        raise invalid("VOICE_CAPABILITY_NOT_AVAILABLE", "VerificationChannel", "No connector here makes calls.")
    language = given.get("LanguageCode", verification.LANGUAGE)
    try:
        with about(_KIND, _id(call)):
            await verified_numbers.get(call.desk, account_id=call.account_id, number_id=_id(call))
        accepted = await verification.send_code(
            call.desk, call.services.outbound, _id(call), _request(call), call.now(), language
        )
    except GatewayError as error:
        raise of_send_error(error, given.get("OriginationIdentity", "")) from error
    if accepted.refusal:
        raise of_refusal(accepted)
    return {"MessageId": accepted.message_id}


async def verify_destination_number(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        verified = await verified_numbers.verify(
            call.desk, account_id=call.account_id, number_id=_id(call), code=call.input["VerificationCode"],
            now=call.now(),
        )  # fmt: skip
    shown = _shown(call, verified)
    del shown["RcsAgentId"]
    return shown


async def delete_verified_destination_number(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await verified_numbers.delete(call.desk, account_id=call.account_id, number_id=_id(call), now=call.now())
    shown = _shown(call, gone)
    del shown["RcsAgentId"], shown["Status"]
    return shown


def _request(call: Call) -> SendRequest:
    given = call.input
    return SendRequest(
        account_id=call.account_id,
        to="",
        body="",
        origination=origination_of(call, given["OriginationIdentity"]) if "OriginationIdentity" in given else "",
        context=given.get("Context", NO_CONTEXT),
        configuration_set=configuration_set_of(call).name,
        country_parameters=given.get("DestinationCountryParameters", NO_CONTEXT),
        key_id=call.key_id,
    )


def _id(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


def _shown(call: Call, one: VerifiedNumber) -> dict[str, Any]:
    return {
        "VerifiedDestinationNumberArn": call.arn(f"{_KIND}/{one.id}"),
        _FIELD: one.id,
        "DestinationPhoneNumber": one.phone,
        "Status": one.status,
        "RcsAgentId": one.rcs_agent_id or None,
        "CreatedTimestamp": one.created_at,
    }
