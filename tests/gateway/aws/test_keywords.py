from __future__ import annotations

import pytest

SIMULATOR = {
    "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL", "NumberCapabilities": ["SMS"], "NumberType": "SIMULATOR",
}  # fmt: skip


@pytest.fixture
async def number(aws):
    return await aws.call("request_phone_number", **SIMULATOR)


@pytest.fixture
async def pool(aws, number):
    made = await aws.call(
        "create_pool", OriginationIdentity=number["PhoneNumberId"], IsoCountryCode="US", MessageType="TRANSACTIONAL"
    )
    return made["PoolId"]


async def words(aws, owner, **more):
    pages = await aws.pages("describe_keywords", OriginationIdentity=owner, **more)
    return {one["Keyword"]: one["KeywordAction"] for page in pages for one in page["Keywords"]}


async def test_a_keyword_lives_and_goes(aws, number):
    owner, arn = number["PhoneNumberId"], number["PhoneNumberArn"]
    assert await words(aws, owner) == {
        "STOP": "OPT_OUT", "HELP": "AUTOMATIC_RESPONSE", "START": "OPT_IN", "UNSTOP": "OPT_IN",
    }  # fmt: skip
    put = await aws.call("put_keyword", OriginationIdentity=arn, Keyword="Menu", KeywordMessage="Soup.")
    assert put == {
        "OriginationIdentityArn": arn, "OriginationIdentity": owner, "Keyword": "Menu", "KeywordMessage": "Soup.",
        "KeywordAction": "AUTOMATIC_RESPONSE",
    }  # fmt: skip
    changed = await aws.call(
        "put_keyword", OriginationIdentity=arn, Keyword="MENU", KeywordMessage="In.", KeywordAction="OPT_IN"
    )
    assert (changed["Keyword"], changed["KeywordAction"]) == ("MENU", "OPT_IN")
    kept = await aws.call("put_keyword", OriginationIdentity=owner, Keyword="MENU", KeywordMessage="In!")
    assert kept["KeywordAction"] == "OPT_IN"
    assert await words(aws, owner, Keywords=["menu", "stop"]) == {"MENU": "OPT_IN", "STOP": "OPT_OUT"}
    opt_in = [{"Name": "keyword-action", "Values": ["OPT_IN"]}]
    assert set(await words(aws, owner, Filters=opt_in)) == {"MENU", "START", "UNSTOP"}
    gone = await aws.call("delete_keyword", OriginationIdentity=owner, Keyword="menu")
    assert gone == kept
    for operation in ("delete_keyword", "describe_keywords"):
        more = {"Keyword": "MENU"} if "delete" in operation else {"Keywords": ["MENU"]}
        refused = await aws.refused(operation, OriginationIdentity=owner, **more)
        assert (refused["ResourceType"], refused["ResourceId"]) == ("keyword", "MENU")


async def test_stop_and_help_stay_and_only_their_messages_change(aws, number):
    owner = {"OriginationIdentity": number["PhoneNumberId"]}
    put = await aws.call("put_keyword", **owner, Keyword="stop", KeywordMessage="Bye.")
    assert (put["KeywordAction"], put["KeywordMessage"]) == ("OPT_OUT", "Bye.")
    for word, action in (("STOP", "OPT_IN"), ("HELP", "OPT_OUT")):
        refused = await aws.refused("put_keyword", **owner, Keyword=word, KeywordMessage="x", KeywordAction=action)
        assert (refused["Reason"], refused["ResourceType"]) == ("RESOURCE_MODIFICATION_NOT_ALLOWED", "keyword")
        refused = await aws.refused("delete_keyword", **owner, Keyword=word)
        assert (refused["Reason"], refused["ResourceId"]) == ("RESOURCE_DELETION_NOT_ALLOWED", word)
    assert {"STOP", "HELP"} <= {word.upper() for word in await words(aws, number["PhoneNumberId"])}


@pytest.mark.parametrize(
    ("word", "message"), [(" menu", "x"), ("...", "x"), ("UNSUBSCRIBE", "x"), ("menu", "  "), ("x" * 31, "x")]
)
async def test_a_keyword_that_cannot_be_is_refused(aws, number, word, message):
    refused = await aws.refused(
        "put_keyword", OriginationIdentity=number["PhoneNumberId"], Keyword=word, KeywordMessage=message
    )
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ValidationException", "INVALID_PARAMETER")


async def test_in_a_pool_they_are_the_pools(aws, number, pool):
    refused = await aws.refused(
        "put_keyword", OriginationIdentity=number["PhoneNumberId"], Keyword="MENU", KeywordMessage="x"
    )
    assert (refused["Reason"], refused["ResourceType"]) == ("PHONE_NUMBER_ASSOCIATED_TO_POOL", "phone-number")
    put = await aws.call("put_keyword", OriginationIdentity=pool, Keyword="MENU", KeywordMessage="x")
    assert put["OriginationIdentityArn"].endswith(f":pool/{pool}")
    assert "MENU" in await words(aws, number["PhoneNumberId"])


async def test_thirty_and_no_more(aws, number, pool):
    for index in range(28):  # START and UNSTOP are two of them
        await aws.call("put_keyword", OriginationIdentity=pool, Keyword=f"W{index}", KeywordMessage="x")
    refused = await aws.refused("put_keyword", OriginationIdentity=pool, Keyword="W28", KeywordMessage="x")
    assert (refused["Error"]["Code"], refused["Reason"]) == ("ServiceQuotaExceededException", "KEYWORDS_PER_POOL")
    await aws.call("put_keyword", OriginationIdentity=pool, Keyword="W1", KeywordMessage="changed")
    await aws.call("delete_pool", PoolId=pool)
    refused = await aws.refused(
        "put_keyword", OriginationIdentity=number["PhoneNumberId"], Keyword="W28", KeywordMessage="x"
    )
    assert refused["Reason"] == "KEYWORDS_PER_PHONE_NUMBER"


@pytest.mark.parametrize(("owner", "kind"), [("phone-1", "phone-number"), ("pool-1", "pool"), ("Acme", "phone-number")])
async def test_an_owner_that_is_not_there(aws, owner, kind):
    refused = await aws.refused("describe_keywords", OriginationIdentity=owner)
    assert (refused["ResourceType"], refused["ResourceId"]) == (kind, owner)
