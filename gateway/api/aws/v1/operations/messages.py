"""SendMessages: one text to up to a hundred phone numbers.

Rule 1: what an application is, nobody here keeps: its id says whose event stream is told of the messages.
Rule 2: endpoints, templates and segments are not kept either: a request that names them is refused whole. What cannot
be done for one address is told in its result; the others go their way.
Rule 3: a text leaves from OriginationNumber; from SenderId where there is none, or one that sends to its own country
only, which is not the destination's.
(pinpoint model: MessageRequest; https://docs.aws.amazon.com/pinpoint/latest/apireference/apps-application-id-messages.html)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import numbers
from gateway.api.aws.phones import e164
from gateway.api.aws.v1.bodies import body_of
from gateway.api.aws.v1.errors import bad_request
from gateway.api.aws.v1.results import response
from gateway.errors import GatewayError, Invalid
from gateway.events.destinations import set_of_application
from gateway.outbound.request import Order, SendRequest
from gateway.resources.event_streams import check_application

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.outbound.request import Accepted

_MOST = 100  # "You can send a direct message to as many as 100 recipients." (API reference, as above)
# As pinpoint-sms-voice-v2 limits DestinationCountryParameterValue and ContextMap: 5 pairs here for the message, and
# as many for the address.
_LONGEST_ID = 64
_MOST_CONTEXT, _LONGEST_KEY, _LONGEST_VALUE = 10, 100, 800
_NOT_KEPT = {
    "Endpoints": "Endpoints are not kept here: name the phone numbers in Addresses.",
    "TemplateConfiguration": "Templates are not kept here: give the text in MessageConfiguration.SMSMessage.Body.",
}


async def send_messages(call: Call) -> Mapping[str, Any]:
    application_id = check_application(call.input["ApplicationId"])
    given = call.input["MessageRequest"]
    _check(given)
    asked = _asked(call, set_of_application(application_id))
    outcomes: dict[str, Accepted | GatewayError] = {}
    wanted: dict[str, SendRequest] = {}
    for address, settings in given["Addresses"].items():
        try:
            wanted[address] = _addressed(call, asked, address, settings, {one.to for one in wanted.values()})
        except Invalid as error:
            outcomes[address] = error
    outcomes |= await _accept(call, wanted)
    return {"MessageResponse": response(call, {address: outcomes[address] for address in given["Addresses"]})}


def _check(given: Mapping[str, Any]) -> None:
    """Raises AwsError (BadRequestException) for a request of which nothing can be done."""
    for member, words in _NOT_KEPT.items():
        if given.get(member):
            raise bad_request(words)
    if not 1 <= len(given.get("Addresses", {})) <= _MOST:
        raise bad_request(f"Addresses: Must have 1 to {_MOST} phone numbers.")


def _asked(call: Call, configuration_set: str) -> SendRequest:
    """What is the same for all addresses."""
    message = _message(call)
    ids = {"IN_ENTITY_ID": message.get("EntityId"), "IN_TEMPLATE_ID": message.get("TemplateId")}
    return SendRequest(
        account_id=call.account_id,
        to="",
        body="",
        message_type=message.get("MessageType", ""),
        key_id=call.key_id,
        configuration_set=configuration_set,
        country_parameters={name: value for name, value in ids.items() if value},
    )


def _addressed(
    call: Call, asked: SendRequest, address: str, settings: Mapping[str, Any], before: set[str]
) -> SendRequest:
    """The text to one address. Raises Invalid for what cannot be sent, and for a number that is among those before."""
    if settings.get("ChannelType") != "SMS":
        raise Invalid("unknown_channel", "This server sends SMS only.", remedy="Set ChannelType to SMS.")
    if "RawContent" in settings or "MediaUrl" in _message(call):
        raise Invalid("not_text", "RawContent and MediaUrl cannot be sent as SMS.", remedy="Leave them out.")
    number, country = numbers.parse_destination(e164(address), "Addresses")
    if number in before:
        raise Invalid("duplicate_address", "The number is another address of this request as well.")
    if any(len(value) > _LONGEST_ID or not value.isascii() for value in asked.country_parameters.values()):
        raise Invalid("too_long", f"EntityId and TemplateId have {_LONGEST_ID} ASCII characters at most.")
    given = call.input["MessageRequest"]
    body, context = body_of(given["MessageConfiguration"], settings), _context(given, settings)
    return asked._replace(to=number, body=body, context=context, origination=_origination(call, country))


def _origination(call: Call, country: str) -> str:
    number: str = _message(call).get("OriginationNumber", "")
    sender_id: str = _message(call).get("SenderId", "")
    if not (number and sender_id):
        return number or sender_id
    found = call.desk.catalog.directory(call.account_id).find(number, country)
    return sender_id if found and not found.international and found.country != country else number


def _context(given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """The request's, and over it the address's. Raises Invalid for more than is kept with a message."""
    context = {**given.get("Context", {}), **settings.get("Context", {})}
    if len(context) > _MOST_CONTEXT or any(
        len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE for key, value in context.items()
    ):
        limits = f"{_MOST_CONTEXT} names of {_LONGEST_KEY} characters, with values of {_LONGEST_VALUE}"
        raise Invalid("too_long", f"Context has at most {limits}.")
    return context


def _message(call: Call) -> Mapping[str, Any]:
    message: Mapping[str, Any] = call.input["MessageRequest"]["MessageConfiguration"].get("SMSMessage", {})
    return message


async def _accept(call: Call, wanted: Mapping[str, SendRequest]) -> dict[str, Accepted | GatewayError]:
    if not wanted:
        return {}
    answer = await call.services.outbound.accept_all(Order(tuple(wanted.values())))
    return dict(zip(wanted, answer.outcomes, strict=True))
