from __future__ import annotations

import pytest

from gateway.outbound.request import SendRequest
from gateway.resources.message_feedback import status_of
from tests.support.aws import PERSON


async def sent(aws, **more):
    return (await aws.services.outbound.accept(SendRequest("main", PERSON, "Hello", **more))).message_id


@pytest.mark.parametrize("status", ["RECEIVED", "FAILED"])
async def test_an_app_answers_for_its_message(aws_anywhere, status):
    aws = aws_anywhere
    message_id = await sent(aws, message_feedback=True)
    answer = await aws.call("put_message_feedback", MessageId=message_id, MessageFeedbackStatus=status)
    assert answer == {"MessageId": message_id, "MessageFeedbackStatus": status}
    assert await status_of(aws.desk, account_id="main", message_id=message_id) == status


async def test_a_message_without_feedback_and_a_strangers_are_not_there(aws):
    plain, mine = await sent(aws), await sent(aws, message_feedback=True)
    stranger = await aws.new_account("stranger")
    for key, message_id in ((None, plain), (None, "none"), (stranger, mine)):
        error = await aws.refused("put_message_feedback", key, MessageId=message_id, MessageFeedbackStatus="RECEIVED")
        assert error["Error"]["Code"] == "ResourceNotFoundException"
        assert (error["ResourceType"], error["ResourceId"]) == ("message", message_id)
    assert await status_of(aws.desk, account_id="main", message_id=mine) == "PENDING"
