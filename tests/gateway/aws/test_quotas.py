from __future__ import annotations

import pytest

from tests.support.aws import serving_aws

SIMULATOR = {
    "IsoCountryCode": "US", "MessageType": "TRANSACTIONAL", "NumberCapabilities": ["SMS"], "NumberType": "SIMULATOR",
}  # fmt: skip


@pytest.fixture
async def key(tmp_path):
    """Of an account that has its list ``Default`` and nothing else, on a server with Amazon's quotas."""
    async with serving_aws(tmp_path, quotas="aws") as aws:
        yield aws, await aws.new_account("two")


async def refusal(aws, key, operation, **members):
    refused = await aws.refused(operation, key, **members)
    assert refused["Error"]["Code"] == "ServiceQuotaExceededException"
    return refused["Reason"]


async def test_numbers_pools_and_lists(key):
    aws, key = key
    ids = [(await aws.call("request_phone_number", key, **SIMULATOR))["PhoneNumberId"] for _ in range(25)]
    assert await refusal(aws, key, "request_phone_number", **SIMULATOR) == "PHONE_NUMBERS_PER_ACCOUNT"
    for number in range(24):
        await aws.call("create_opt_out_list", key, OptOutListName=f"List{number}")
    assert await refusal(aws, key, "create_opt_out_list", OptOutListName="More") == "OPT_OUT_LISTS_PER_ACCOUNT"
    await aws.call("request_sender_id", key, SenderId="Acme", IsoCountryCode="GB")
    pool = {"IsoCountryCode": "US", "MessageType": "TRANSACTIONAL"}
    for one in ids:
        await aws.call("create_pool", key, OriginationIdentity=one, **pool)
    again = {"OriginationIdentity": "Acme", "MessageType": "TRANSACTIONAL", "IsoCountryCode": "GB"}
    assert await refusal(aws, key, "create_pool", **again) == "POOLS_PER_ACCOUNT"
