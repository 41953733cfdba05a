"""SendMessages through boto3: what becomes of each address, and what is refused whole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import select

from compliance.rules.destination_protected import NEIGHBOURS
from compliance.types import AccountLimits, RecipientLimit
from gateway.api.aws.v1.bodies import body_of
from gateway.api.aws.v1.results import result_of
from gateway.errors import GatewayError, Invalid, Unavailable
from gateway.outbound.request import MAX_BODY
from gateway.resources import accounts
from gateway.store.tables import messages
from tests.support.api import MAIN, NUMBER
from tests.support.aws import PERSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.aws import Aws

SMS = {"ChannelType": "SMS"}
HELLO = {"Body": "Hello", "MessageType": "TRANSACTIONAL"}
OTHER = "+12065550143"
SHORT_CODE = "12345"


async def send(
    aws: Aws, addresses: Mapping[str, Any] | None = None, message: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The Result of a request to ``PERSON``, or to these addresses."""
    request = {
        "Addresses": {PERSON: SMS} if addresses is None else addresses,
        "MessageConfiguration": {"SMSMessage": HELLO if message is None else message},
    } | more
    answer = await aws.call("send_messages", service="pinpoint", ApplicationId="app-1", MessageRequest=request)
    assert answer["MessageResponse"].keys() == {"ApplicationId", "RequestId", "Result"}
    result: dict[str, Any] = answer["MessageResponse"]["Result"]
    assert all(one["StatusMessage"] for one in result.values())
    return result


async def refused(aws: Aws, **request: Any) -> str:
    """What is said of a request that is refused whole."""
    whole = {"MessageConfiguration": {"SMSMessage": HELLO}} | request
    told = await aws.refused("send_messages", service="pinpoint", ApplicationId="app-1", MessageRequest=whole)
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == ("BadRequestException", 400)
    return str(told["Message"])


async def stored(aws: Aws) -> list[Any]:
    async with aws.desk.store.reading() as conn:
        return list((await conn.execute(select(messages).order_by(messages.c.id))).all())


# --- taken -----------------------------------------------------------------------------------------------------------
async def test_a_text_is_kept_as_asked(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    message = HELLO | {"OriginationNumber": NUMBER, "Keyword": "JOIN", "EntityId": "1101", "TemplateId": "1107"}
    addresses = {PERSON: SMS | {"Context": {"order": "7"}}}
    result = await send(aws, addresses, message, Context={"order": "1", "shop": "a"}, TraceId="trace")
    (row,) = await stored(aws)
    assert result == {
        PERSON: {
            "DeliveryStatus": "SUCCESSFUL", "StatusCode": 200, "StatusMessage": f"MessageId: {row.id}",
            "MessageId": row.id,
        }
    }  # fmt: skip
    assert (row.destination, row.sender, row.body, row.message_type) == (PERSON, NUMBER, "Hello", "TRANSACTIONAL")
    assert (row.configuration_set, row.key_id) == ("app/app-1", aws.key.id)
    assert orjson.loads(row.context) == {"order": "7", "shop": "a"}
    assert orjson.loads(row.country_parameters) == {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}
    assert [one.id for one in aws.bench.offered] == [row.id]


async def test_each_address_has_its_words_and_its_result(aws: Aws) -> None:
    addresses = {
        "+12065550141": SMS,
        "12065550142": SMS | {"BodyOverride": "Hi {{name}}", "Substitutions": {"name": ["Bo"]}},
        "not a number": SMS,
        "+1 (206) 555-0141": SMS,
    }
    result = await send(aws, addresses)
    assert list(result) == list(addresses)
    assert [one["DeliveryStatus"] for one in result.values()] == [
        "SUCCESSFUL", "SUCCESSFUL", "PERMANENT_FAILURE", "DUPLICATE"
    ]  # fmt: skip
    assert [(row.destination, row.body) for row in await stored(aws)] == [
        ("+12065550141", "Hello"), ("+12065550142", "Hi Bo")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("international", "message", "senders"),
    [
        (False, {"OriginationNumber": SHORT_CODE, "SenderId": "ACME"}, [SHORT_CODE, "ACME"]),
        (True, {"OriginationNumber": SHORT_CODE, "SenderId": "ACME"}, [SHORT_CODE, SHORT_CODE]),
        (False, {"OriginationNumber": SHORT_CODE, "SenderId": ""}, [SHORT_CODE, SHORT_CODE]),
        (False, {"OriginationNumber": "", "SenderId": "ACME"}, ["ACME", "ACME"]),
        (False, {"OriginationNumber": "99999", "SenderId": "ACME"}, []),
    ],
)
async def test_the_sender_id_steps_in_where_the_number_sends_at_home_only(
    aws: Aws, international: bool, message: dict[str, str], senders: list[str]
) -> None:
    await aws.new_number(SHORT_CODE, kind="SHORT_CODE", international=international)
    await send(aws, {"+12065550142": SMS, "+447400123456": SMS}, HELLO | message)
    assert [row.sender for row in await stored(aws)] == senders


async def test_the_default_message_serves_where_there_is_no_other(aws: Aws) -> None:
    await aws.call(
        "send_messages", service="pinpoint", ApplicationId="app-1",
        MessageRequest={"Addresses": {PERSON: SMS}, "MessageConfiguration": {"DefaultMessage": {"Body": "Hello"}}},
    )  # fmt: skip
    assert [row.body for row in await stored(aws)] == ["Hello"]


async def test_a_hundred_go_in_one_request(aws: Aws) -> None:
    people = {f"+120655501{at:02}": SMS for at in range(100)}
    result = await send(aws, people)
    assert {one["DeliveryStatus"] for one in result.values()} == {"SUCCESSFUL"}
    assert len(await stored(aws)) == 100
    assert "1 to 100" in await refused(aws, Addresses=people | {"+12065550200": SMS})


# --- not taken -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "message", "words"),
    [
        ({PERSON: {"ChannelType": "EMAIL"}}, HELLO, "SMS only"),
        ({PERSON: {}}, HELLO, "SMS only"),
        ({PERSON: SMS | {"RawContent": "{}"}}, HELLO, "RawContent"),
        ({PERSON: SMS}, HELLO | {"MediaUrl": "https://example.com/a.png"}, "MediaUrl"),
        ({"": SMS}, HELLO, "number"),
        ({"+1999": SMS}, HELLO, "too short"),
        ({PERSON: SMS}, {}, "empty"),
        ({PERSON: SMS | {"BodyOverride": "{{name}}"}}, HELLO, "variable"),
        ({PERSON: SMS | {"BodyOverride": "a" * (MAX_BODY + 1)}}, HELLO, "1600"),
        ({PERSON: SMS}, HELLO | {"OriginationNumber": "+12065550199"}, "no such phone number"),
        ({PERSON: SMS}, HELLO | {"SenderId": "NOBODY"}, "no such phone number"),
        ({PERSON: SMS}, HELLO | {"EntityId": "1" * 65}, "EntityId"),
        ({PERSON: SMS}, HELLO | {"TemplateId": "é"}, "TemplateId"),
        ({PERSON: SMS | {"Context": {"a" * 101: "b"}}}, HELLO, "Context"),
        ({PERSON: SMS | {"Context": {"a": "b" * 801}}}, HELLO, "Context"),
        ({PERSON: SMS | {"Context": {str(at): "b" for at in range(11)}}}, HELLO, "Context"),
    ],
)
async def test_what_cannot_be_sent_is_told_and_not_stored(
    aws: Aws, address: dict[str, Any], message: dict[str, Any], words: str
) -> None:
    (result,) = (await send(aws, address, message)).values()
    assert (result["DeliveryStatus"], result["StatusCode"]) == ("PERMANENT_FAILURE", 400)
    assert words in result["StatusMessage"]
    assert "MessageId" not in result
    assert await stored(aws) == []


async def test_who_opted_out_is_told_by_the_number(aws_anywhere: Aws) -> None:
    aws = aws_anywhere
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=PERSON)
    result = await send(aws, {PERSON: SMS, OTHER: SMS})
    assert (result[PERSON]["DeliveryStatus"], result[PERSON]["StatusCode"]) == ("OPT_OUT", 400)
    assert result[PERSON]["StatusMessage"] == f"{PERSON} is opted out"
    assert result[OTHER]["DeliveryStatus"] == "SUCCESSFUL"
    assert [(row.id, row.status) for row in await stored(aws)] == [
        (result[PERSON]["MessageId"], "REFUSED"), (result[OTHER]["MessageId"], "QUEUED")
    ]  # fmt: skip


async def test_too_many_to_one_person_are_throttled(aws: Aws) -> None:
    limits = AccountLimits(recipient_limits=(RecipientLimit(1, timedelta(minutes=10)),))
    await accounts.update(aws.desk, account_id=MAIN, limits=limits)
    await send(aws)
    result = await send(aws, message=HELLO | {"Body": "Another"})
    assert (result[PERSON]["DeliveryStatus"], result[PERSON]["StatusCode"]) == ("THROTTLED", 429)


async def protect(aws: Aws, status: str) -> None:
    made = await aws.call("create_protect_configuration")
    named = {"ProtectConfigurationId": made["ProtectConfigurationId"]}
    rules = {"US": {"ProtectStatus": status}}
    await aws.call(
        "update_protect_configuration_country_rule_set", **named, NumberCapability="SMS", CountryRuleSetUpdates=rules
    )
    await aws.call("set_account_default_protect_configuration", **named)


async def test_a_country_that_is_blocked_is_a_permanent_failure(aws: Aws) -> None:
    await protect(aws, "BLOCK")
    result = await send(aws)
    assert (result[PERSON]["DeliveryStatus"], result[PERSON]["StatusCode"]) == ("PERMANENT_FAILURE", 400)


async def test_what_is_filtered_is_taken_and_told_by_an_event(aws: Aws) -> None:
    await protect(aws, "FILTER")
    result = await send(aws, {f"+1206555{2000 + last}": SMS for last in range(NEIGHBOURS + 1)})
    assert {one["DeliveryStatus"] for one in result.values()} == {"SUCCESSFUL"}
    assert {row.status for row in await stored(aws)} == {"QUEUED", "REFUSED"}


def test_what_is_our_fault_is_a_temporary_failure() -> None:
    found = result_of(Unavailable("The store is full."))
    assert (found["DeliveryStatus"], found["StatusCode"]) == ("TEMPORARY_FAILURE", 503)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "Addresses"),
        ({"Addresses": {}}, "Addresses"),
        ({"Endpoints": {"e1": {}}}, "Endpoints are not kept"),
        ({"Addresses": {PERSON: SMS}, "Endpoints": {"e1": {}}}, "Endpoints are not kept"),
        ({"Addresses": {PERSON: SMS}, "TemplateConfiguration": {"SMSTemplate": {"Name": "a"}}}, "Templates are not"),
        ({"Addresses": {PERSON: SMS}, "MessageConfiguration": {"SMSMessage": {"MessageType": "OTHER"}}}, "Must be one"),
    ],
)
async def test_a_request_of_which_nothing_can_be_done_is_refused_whole(
    aws: Aws, request_: dict[str, Any], words: str
) -> None:
    assert words in await refused(aws, **request_)
    assert await stored(aws) == []


async def test_an_application_that_can_be_none_is_not_found(aws: Aws) -> None:
    told = await aws.refused(
        "send_messages", service="pinpoint", ApplicationId="a b/c",
        MessageRequest={"Addresses": {PERSON: SMS}, "MessageConfiguration": {"SMSMessage": HELLO}},
    )  # fmt: skip
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == ("NotFoundException", 404)


# --- as clients use it -----------------------------------------------------------------------------------------------
async def test_as_identity_idp_uses_it(aws: Aws) -> None:
    """It sends one at a time, a short code with a country's sender ID, and looks at four members of the first result."""
    await aws.new_number(SHORT_CODE, kind="SHORT_CODE")
    message = HELLO | {"OriginationNumber": SHORT_CODE, "SenderId": None}
    await aws.call("put_opted_out_number", OptOutListName="Default", OptedOutNumber=OTHER)
    for person, status in ((PERSON, "SUCCESSFUL"), (OTHER, "OPT_OUT")):
        first = next(iter((await send(aws, {person: SMS}, message)).values()))
        assert first["DeliveryStatus"] == status
        assert {"MessageId", "StatusCode", "StatusMessage"} <= first.keys()
    assert [row.sender for row in await stored(aws)] == [SHORT_CODE, SHORT_CODE]


async def test_as_a_laravel_channel_uses_it(aws: Aws) -> None:
    """It sends to several with a sender ID, and asks for each recipient's result by the number as it wrote it."""
    people = ["+12065550142", "+447400123456"]
    result = await send(aws, dict.fromkeys(people, SMS), HELLO | {"SenderId": "ACME", "OriginationNumber": ""})
    assert [result[person]["StatusCode"] in {200, 400} for person in people] == [True, True]
    assert result["+447400123456"]["DeliveryStatus"] == "SUCCESSFUL"


# --- words -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("configuration", "settings", "body"),
    [
        ({"SMSMessage": {"Body": "a"}, "DefaultMessage": {"Body": "b"}}, {}, "a"),
        ({"SMSMessage": {"Body": "a"}}, {"BodyOverride": "c"}, "c"),
        ({"SMSMessage": {"Body": ""}, "DefaultMessage": {"Body": "b"}}, {"BodyOverride": ""}, "b"),
        ({"SMSMessage": {"Body": "{{x}}, {{ y }}", "Substitutions": {"x": ["1"], "y": ["2", "3"]}}}, {}, "1, 2"),
        (
            {
                "DefaultMessage": {"Substitutions": {"x": ["d"], "y": ["d"], "z": ["d"]}},
                "SMSMessage": {"Body": "{{x}}{{y}}{{z}}", "Substitutions": {"x": ["s"], "y": ["s"]}},
            },
            {"Substitutions": {"x": ["a"]}},
            "asd",
        ),
        ({"SMSMessage": {"Body": "{{x}}", "Substitutions": {"x": ["{{y}}"], "y": ["no"]}}}, {}, "{{y}}"),
        ({"SMSMessage": {"Body": "{x} {{}} {{a b}}"}}, {}, "{x} {{}} {{a b}}"),
        ({"SMSMessage": {"Body": "a" * MAX_BODY}}, {}, "a" * MAX_BODY),
    ],
)
def test_the_words_of_an_address(configuration: dict[str, Any], settings: dict[str, Any], body: str) -> None:
    assert body_of(configuration, settings) == body


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "empty"),
        ({"Body": "{{x}}"}, "variable_missing"),
        ({"Body": "{{x}}", "Substitutions": {"x": []}}, "variable_missing"),
        ({"Body": "{{x}}", "Substitutions": {"x": ["a" * (MAX_BODY + 1)]}}, "too_long"),
        ({"Body": "a" * (MAX_BODY + 1)}, "too_long"),
    ],
)
def test_words_that_fail_an_address(message: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        body_of({"SMSMessage": message}, {})
    assert caught.value.code == code
    assert isinstance(caught.value, GatewayError)
