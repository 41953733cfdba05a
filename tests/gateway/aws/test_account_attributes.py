"""What the account says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compliance.types import AccountLimits
from gateway.resources import accounts

if TYPE_CHECKING:
    from tests.support.aws import Aws


async def test_the_account_says_its_tier_and_its_protection(aws: Aws) -> None:
    found = await aws.call("describe_account_attributes")
    assert found["AccountAttributes"] == [{"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"}]
    made = await aws.call("create_protect_configuration")
    one = made["ProtectConfigurationId"]
    await aws.call("set_account_default_protect_configuration", ProtectConfigurationId=one)
    pages = await aws.pages("describe_account_attributes")
    assert [each for page in pages for each in page["AccountAttributes"]] == [
        {"Name": "ACCOUNT_TIER", "Value": "PRODUCTION"},
        {"Name": "DEFAULT_PROTECT_CONFIGURATION_ID", "Value": one},
    ]
    await accounts.update(aws.desk, account_id="main", limits=AccountLimits(sandbox=True))
    found = await aws.call("describe_account_attributes", MaxResults=1)
    assert found["AccountAttributes"] == [{"Name": "ACCOUNT_TIER", "Value": "SANDBOX"}]
