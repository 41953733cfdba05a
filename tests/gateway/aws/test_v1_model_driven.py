"""Every operation of pinpoint and pinpoint-sms-voice, through real boto3, with inputs made up from their models.

What is offered answers as its model says; what is not is a declared error that names what to use instead.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name

from gateway.api.aws.v1 import model
from gateway.api.aws.v1.operations import handlers
from gateway.api.rest.table import ENDPOINTS
from tests.support.api import NUMBER
from tests.support.aws import PERSON
from tests.support.aws_answers import Told
from tests.support.aws_inputs import Inputs

if TYPE_CHECKING:
    from tests.support.aws import Aws

SERVICES = ("pinpoint", "pinpoint-sms-voice")
ROUNDS = 12
KNOWN = {
    "ApplicationId": ["app-1"],
    "ConfigurationSetName": ["set-1", "set-2"],
    "EventDestinationName": ["calls"],
    "PageSize": ["2"],
    "DestinationStreamArn": ["arn:aws:kinesis:us-east-1:123456789012:stream/events"],
    "RoleArn": ["arn:aws:iam::123456789012:role/events"],
    "Channel": ["SMS"],
    "DestinationIdentity": [PERSON],
}
NO_CALLS = {"SendVoiceMessage"}  # offered as far as it says that it cannot

APP = {"ApplicationId": "app-1"}
STREAM = {"DestinationStreamArn": KNOWN["DestinationStreamArn"][0], "RoleArn": KNOWN["RoleArn"][0]}
SMS = {"Addresses": {PERSON: {"ChannelType": "SMS"}}, "MessageConfiguration": {"SMSMessage": {"Body": "Hello"}}}
CODE = {"DestinationIdentity": PERSON, "ReferenceId": "sign-in"}
BY_SMS = {"BrandName": "Acme", "Channel": "SMS", "OriginationIdentity": NUMBER}
SET, CALLS = {"ConfigurationSetName": "set-1"}, {"EventDestinationName": "calls"}
TOPIC = {"SnsDestination": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:events"}, "MatchingEventTypes": ["BUSY"]}
# An input that goes well for each operation that is offered, behind those before it.
GOOD: dict[str, dict[str, Any]] = {
    "SendMessages": APP | {"MessageRequest": SMS},
    "PhoneNumberValidate": {"NumberValidateRequest": {"PhoneNumber": PERSON}},
    "SendOTPMessage": APP | {"SendOTPMessageRequestParameters": CODE | BY_SMS},
    "VerifyOTPMessage": APP | {"VerifyOTPMessageRequestParameters": CODE | {"Otp": "123456"}},
    "PutEventStream": APP | {"WriteEventStream": STREAM},
    "GetEventStream": APP,
    "DeleteEventStream": APP,
    "CreateConfigurationSet": SET,
    "ListConfigurationSets": {},
    "CreateConfigurationSetEventDestination": SET | CALLS | {"EventDestination": TOPIC},
    "GetConfigurationSetEventDestinations": SET,
    "UpdateConfigurationSetEventDestination": SET | CALLS | {"EventDestination": {"Enabled": False}},
    "DeleteConfigurationSetEventDestination": SET | CALLS,
    "DeleteConfigurationSet": SET,
}


def of_service(service: str) -> list[Any]:
    return [one for one in model.operations() if one.service_model.service_name == service]


def test_all_of_both_models_is_known() -> None:
    assert {service: len(of_service(service)) for service in SERVICES} == {"pinpoint": 122, "pinpoint-sms-voice": 8}
    assert len({one.name for one in model.operations()}) == 130
    assert {one.name for one in of_service("pinpoint-sms-voice")} <= handlers().keys()


@pytest.mark.parametrize("service", SERVICES)
async def test_whatever_comes_is_answered_as_the_model_says(aws: Aws, service: str) -> None:
    rng = random.Random(1)
    inputs, told = Inputs(rng), Told(aws.client(service=service))
    inputs.seen |= {name: list(values) for name, values in KNOWN.items()}
    for at in range(ROUNDS):
        for operation in rng.sample(of_service(service), len(of_service(service))):
            if operation.name in handlers() or at < 2:
                await told.call(operation, inputs.of(operation.input_shape, rng.choice((0.3, 0.6, 1.0))))
    assert told.faults == []


async def test_all_that_is_offered_goes_well(aws: Aws) -> None:
    assert GOOD.keys() == handlers().keys() - NO_CALLS
    known = {one.name: one for one in model.operations()}
    for name, given in GOOD.items():
        told = Told(aws.client(service=known[name].service_model.service_name))
        assert await told.call(known[name], given) is not None, name
        assert told.faults == []


async def test_what_is_not_offered_says_what_is(aws: Aws) -> None:
    unoffered = [one for one in model.operations() if one.name not in handlers()]
    assert len(unoffered) > 100
    for operation in unoffered:
        members = operation.input_shape.members.items()
        given = {name: "x" for name, shape in members if shape.serialization.get("location") == "uri"}
        refused = await aws.refused(xform_name(operation.name), service="pinpoint", **given)
        assert refused["Error"]["Code"] == "MethodNotAllowedException"
        assert refused["ResponseMetadata"]["HTTPStatusCode"] == 405
        assert re.fullmatch(rf"{operation.name} is not offered here\. \w.+\.", refused["Message"])
        assert refused["RequestID"] == refused["ResponseMetadata"]["RequestId"]


def test_what_is_offered_has_texts_in_path_and_query() -> None:
    """``gathered`` leaves them as they are."""
    for operation in model.operations():
        if operation.name in handlers():
            members = operation.input_shape.members.values()
            assert {one.type_name for one in members if one.serialization.get("location")} <= {"string"}


def test_no_path_is_one_of_the_native_api() -> None:
    ours = {re.sub(r"\{\w+\}", "{}", one.path) for one in ENDPOINTS}
    theirs = {re.sub(r"\{\w+\}", "{}", model.path_of(one)) for one in model.operations()}
    assert len(theirs) > 60
    assert {one.split("/")[2] for one in theirs}.isdisjoint({one.split("/")[2] for one in ours})
