"""ClientToken through boto3: the same request, sent again, has the first one's answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.api.aws import model

if TYPE_CHECKING:
    from tests.support.aws import Aws

SET = {"ConfigurationSetName": "shop", "Tags": [{"Key": "team", "Value": "a"}], "ClientToken": "token-1"}


async def sets(aws: Aws) -> list[str]:
    found = await aws.call("describe_configuration_sets")
    return [one["ConfigurationSetName"] for one in found["ConfigurationSets"]]


async def test_a_set_made_twice_with_one_token_is_one(aws_anywhere: Aws) -> None:
    first = await aws_anywhere.call("create_configuration_set", **SET)
    assert await aws_anywhere.call("create_configuration_set", **SET) == first
    assert await sets(aws_anywhere) == ["shop"]


async def test_without_the_token_it_is_there_already(aws: Aws) -> None:
    await aws.call("create_configuration_set", **SET)
    for other in ({"ClientToken": "token-2"}, {}):
        again = {name: value for name, value in SET.items() if name != "ClientToken"} | other
        assert (await aws.refused("create_configuration_set", **again))["Reason"] == "RESOURCE_ALREADY_EXISTS"


async def test_another_input_with_the_same_token_is_refused(aws: Aws) -> None:
    await aws.call("create_configuration_set", **SET)
    response = await aws.refused("create_configuration_set", **SET | {"ConfigurationSetName": "other"})
    assert (response["Error"]["Code"], response["Fields"][0]["Name"]) == ("ValidationException", "ClientToken")
    assert await sets(aws) == ["shop"]


async def test_many_at_once_are_one(aws_anywhere: Aws) -> None:
    await aws_anywhere.new_number("+12065550188")
    asked = {
        "OriginationIdentity": "+12065550188", "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL",
        "ClientToken": "once",
    }  # fmt: skip
    answers = await asyncio.gather(*(aws_anywhere.call("create_pool", **asked) for _ in range(8)))
    assert len({one["PoolId"] for one in answers}) == 1
    assert len((await aws_anywhere.call("describe_pools"))["Pools"]) == 1


async def test_what_failed_may_be_tried_again_with_its_token(aws: Aws) -> None:
    asked: dict[str, Any] = {
        "OriginationIdentity": "+12065550189", "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL",
        "ClientToken": "again",
    }  # fmt: skip
    assert (await aws.refused("create_pool", **asked))["Error"]["Code"] == "ResourceNotFoundException"
    await aws.new_number("+12065550189")
    assert (await aws.call("create_pool", **asked))["PoolId"]


async def test_a_token_is_of_its_account_and_operation(aws: Aws) -> None:
    other = await aws.new_account("third")
    await aws.call("create_opt_out_list", OptOutListName="a", ClientToken="same")
    await aws.call("create_opt_out_list", other, OptOutListName="b", ClientToken="same")
    await aws.call("create_configuration_set", ConfigurationSetName="c", ClientToken="same")
    found = (await aws.call("describe_opt_out_lists", other))["OptOutLists"]
    assert {one["OptOutListName"] for one in found} == {"Default", "b"}


@pytest.mark.parametrize("name", sorted(model.operations()))
def test_every_operation_that_has_a_token_is_known_by_its_model(name: str) -> None:
    members = model.operation(name).input_shape.members if model.operation(name).input_shape else {}
    assert ("ClientToken" in members) == bool(model.operation(name).idempotent_members)
