from __future__ import annotations

import json

import pytest

A, B = {"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}
POLICY = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sms-voice:SendTextMessage"}})


@pytest.fixture
async def arn(aws):
    return (await aws.call("describe_opt_out_lists"))["OptOutLists"][0]["OptOutListArn"]


async def test_tags_come_and_go(aws, arn):
    resource = {"ResourceArn": arn}
    assert await aws.call("tag_resource", **resource, Tags=[A, B]) == {}
    assert await aws.call("list_tags_for_resource", **resource) == {**resource, "Tags": [A, B]}
    assert await aws.call("untag_resource", **resource, TagKeys=["a", "z"]) == {}
    assert (await aws.call("list_tags_for_resource", **resource))["Tags"] == [B]


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("tag_resource", {"Tags": [A]}),
        ("untag_resource", {"TagKeys": ["a"]}),
        ("list_tags_for_resource", {}),
        ("put_resource_policy", {"Policy": POLICY}),
        ("get_resource_policy", {}),
        ("delete_resource_policy", {}),
    ],
)
async def test_only_what_is_there_has_any(aws, arn, operation, more):
    refused = await aws.refused(operation, ResourceArn=arn.replace("Default", "News"), **more)
    assert refused["Error"]["Code"] == "ResourceNotFoundException"
    assert (refused["ResourceType"], refused["ResourceId"]) == ("opt-out-list", "News")
    for wrong in (arn.replace("opt-out-list", "castle"), arn.replace("/Default", ""), arn.rsplit(":", 1)[0]):
        refused = await aws.refused(operation, ResourceArn=wrong, **more)
        assert (refused["Error"]["Code"], refused["Reason"]) == ("ValidationException", "INVALID_ARN")


async def test_too_many_tags(aws, arn):
    many = [{"Key": str(number), "Value": ""} for number in range(51)]
    refused = await aws.refused("tag_resource", ResourceArn=arn, Tags=many)
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ServiceQuotaExceededException", "TAGS_PER_RESOURCE")
    refused = await aws.refused("tag_resource", ResourceArn=arn, Tags=[A, A])
    assert refused["Fields"] == [{"Name": "Tags", "Message": "Has a key more than once."}]


async def test_a_policy_comes_and_goes(aws, arn):
    put = await aws.call("put_resource_policy", ResourceArn=arn, Policy=POLICY)
    assert (put["ResourceArn"], put["Policy"]) == (arn, POLICY)
    assert await aws.call("get_resource_policy", ResourceArn=arn) == put
    assert await aws.call("delete_resource_policy", ResourceArn=arn) == put
    refused = await aws.refused("get_resource_policy", ResourceArn=arn)
    assert (refused["ResourceType"], refused["ResourceId"]) == ("policy", "Default")
    refused = await aws.refused("put_resource_policy", ResourceArn=arn, Policy="{}")
    assert (refused["Reason"], refused["Fields"][0]["Name"]) == ("INVALID_PARAMETER", "Policy")


async def test_another_account_has_none_of_them(aws, arn):
    await aws.call("tag_resource", ResourceArn=arn, Tags=[A])
    key = await aws.new_account("two")
    assert (await aws.call("list_tags_for_resource", key, ResourceArn=arn))["Tags"] == []
