"""Another server of ours stands for AWS: it speaks the same API."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.errors import Conflict
from gateway.imports import aws_account, aws_plan
from gateway.imports.steps import Fate, carry_out
from gateway.resources import (
    accounts,
    configuration_sets,
    keywords,
    opt_outs,
    phone_numbers,
    pools,
    protect_configurations,
    sender_ids,
)
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.store.secrets import Vault
from gateway.store.store import Store
from tests.gateway.conftest import NOW
from tests.support.api import now
from tests.support.aws import REGION, serving_aws
from tests.support.cli import Heliograph

MAIN = {"account_id": "main"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:replies"
ROLE = "arn:aws:iam::123456789012:role/events"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:sms"
NUMBER = {
    "IsoCountryCode": "US",
    "MessageType": "TRANSACTIONAL",
    "NumberCapabilities": ["SMS"],
    "NumberType": "SIMULATOR",
}


@pytest.fixture
async def aws(tmp_path, monkeypatch):
    """A server with an account "acme" that has one of everything, and credentials for it as AWS's tools find them."""
    folder = tmp_path / "aws"
    folder.mkdir()
    async with serving_aws(folder) as served:
        key = await served.new_account("acme")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
        served.key = key
        await furnish(served)
        yield served


async def furnish(aws):
    await aws.call("create_opt_out_list", OptOutListName="News")
    await aws.call("put_opted_out_number", OptOutListName="News", OptedOutNumber="+12065550142")
    await aws.desk.store.write(
        lambda tx: opt_outs.add_in(
            tx, account_id="acme", phone="+12065550143", list_name="Default", at=now(), by_end_user=True, actor="person",
            how="keyword STOP",
        )
    )  # fmt: skip
    aws.alone = await aws.call("request_phone_number", **NUMBER, InternationalSendingEnabled=True)
    await aws.call(
        "put_keyword", OriginationIdentity=aws.alone["PhoneNumberId"], Keyword="MENU", KeywordMessage="Soup."
    )
    aws.pooled = [await aws.call("request_phone_number", **NUMBER, OptOutListName="News") for _ in range(2)]
    await aws.call("request_sender_id", SenderId="Acme", IsoCountryCode="GB", DeletionProtectionEnabled=True)
    aws.pool = await aws.call(
        "create_pool", OriginationIdentity=aws.pooled[0]["PhoneNumberId"], IsoCountryCode="US",
        MessageType="TRANSACTIONAL", DeletionProtectionEnabled=True,
    )  # fmt: skip
    pool = {"PoolId": aws.pool["PoolId"]}
    await aws.call("associate_origination_identity", **pool, OriginationIdentity=aws.pooled[1]["PhoneNumberId"])
    await aws.call("update_pool", **pool, TwoWayEnabled=True, TwoWayChannelArn=TOPIC, SharedRoutesEnabled=True)
    await aws.call(
        "put_keyword",
        OriginationIdentity=pool["PoolId"],
        Keyword="STOP",
        KeywordMessage="Bye.",
        KeywordAction="OPT_OUT",
    )
    aws.protect = (await aws.call("create_protect_configuration"))["ProtectConfigurationId"]
    which = {"ProtectConfigurationId": aws.protect}
    await aws.call(
        "update_protect_configuration_country_rule_set", **which, NumberCapability="SMS",
        CountryRuleSetUpdates={"FR": {"ProtectStatus": "BLOCK"}},
    )  # fmt: skip
    await aws.call(
        "put_protect_configuration_rule_set_number_override", **which, DestinationPhoneNumber="+33612345678",
        Action="ALLOW", ExpirationTimestamp=datetime(2099, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    await aws.call("set_account_default_protect_configuration", **which)
    named = {"ConfigurationSetName": "Ops"}
    await aws.call("create_configuration_set", **named)
    await aws.call("set_default_message_type", **named, MessageType="PROMOTIONAL")
    await aws.call("associate_protect_configuration", **named, **which)
    await aws.call(
        "create_event_destination", **named, EventDestinationName="topic", MatchingEventTypes=["TEXT_ALL"],
        SnsDestination={"TopicArn": TOPIC},
    )  # fmt: skip
    await aws.call(
        "create_event_destination", **named, EventDestinationName="logs", MatchingEventTypes=["ALL"],
        CloudWatchLogsDestination={"IamRoleArn": ROLE, "LogGroupArn": GROUP},
    )  # fmt: skip
    await aws.call("update_event_destination", **named, EventDestinationName="logs", Enabled=False)


@pytest.fixture
async def desk(database_url):
    """Of the server that takes over."""
    store = Store(database_url)
    store.start()
    desk = Desk(store, Vault(bytes(range(32))), await Catalog.load(store))
    await accounts.ensure_default(desk, NOW)
    yield desk
    await store.close()


async def plan(desk, aws):
    found = await aws_account.read(region=REGION, endpoint_url=aws.url)
    return await aws_plan.plan(desk, found, **MAIN, actor="cli:test", now=now())


def of(steps, *fates):
    return {(step.what, step.name) for step in steps if step.fate in fates}


async def test_a_whole_account_moves(aws, desk):
    steps = await carry_out(await plan(desk, aws))
    assert of(steps, Fate.FAILED, Fate.LEFT) == set()
    assert await opt_outs_of(desk) == {("+12065550142", "News", False), ("+12065550143", "Default", True)}
    alone = await phone_numbers.get(desk, **MAIN, phone_number_id=aws.alone["PhoneNumberId"])
    assert (alone.sender, alone.kind, alone.international, alone.match_mode, alone.two_way) == (
        aws.alone["PhoneNumber"], "SIMULATOR", True, "begins", False,
    )  # fmt: skip
    assert "MENU" in {one.word for one in await keywords.find(desk, **MAIN, owner_id=alone.id)}
    pool_id = aws.pool["PoolId"]
    pool = await pools.get(desk, **MAIN, pool_id=pool_id)
    assert (pool.two_way_channel, pool.opt_out_list, pool.shared_routes, pool.deletion_protection) == (
        TOPIC, "News", True, True,
    )  # fmt: skip
    members = await pools.members(desk, **MAIN, pool_id=pool_id)
    assert {one.id for one in members} == {one["PhoneNumberId"] for one in aws.pooled}
    assert {one.two_way_channel for one in members} == {TOPIC}
    words = {one.word: one.message for one in await keywords.find(desk, **MAIN, owner_id=pool_id)}
    assert words["STOP"] == "Bye."
    sender = await sender_ids.named(desk, **MAIN, sender="Acme", country="GB")
    assert (sender.both_types, sender.deletion_protection) == (True, True)
    (protect,) = await protect_configurations.find(desk, **MAIN)
    assert (protect.id, protect.account_default) == (aws.protect, True)
    which = {**MAIN, "configuration_id": aws.protect}
    rules = await protect_configurations.country_rules(desk, **which, capability="SMS")
    assert (rules["FR"], rules["DE"]) == ("BLOCK", "ALLOW")
    (override,) = await protect_configurations.overrides(desk, **which)
    assert (override.phone, override.action, override.expires_at) == ("+33612345678", "ALLOW", 4070908800 * 10**6)
    made, destinations = (await configuration_sets.all_of(desk, **MAIN))["Ops"]
    assert (made.message_type, made.protect_id) == ("PROMOTIONAL", aws.protect)
    assert {(one.name, one.kind, one.target, one.role_arn, one.types, one.enabled) for one in destinations} == {
        ("topic", "sns", TOPIC, "", ("TEXT_ALL",), True), ("logs", "cloudwatch_logs", GROUP, ROLE, ("ALL",), False),
    }  # fmt: skip


async def opt_outs_of(desk):
    return {(one.phone, one.list_name, one.by_end_user) for one in (await opt_outs.find(desk, **MAIN)).items}


async def test_a_second_time_there_is_nothing_to_do(aws, desk):
    await carry_out(await plan(desk, aws))
    again = await plan(desk, aws)
    assert {step.fate for step in again} == {Fate.SAME}
    assert all(step.do is None for step in again)


async def test_a_plan_changes_nothing(aws, desk):
    steps = await plan(desk, aws)
    assert {step.fate for step in steps} <= {Fate.ADD, Fate.CHANGE, Fate.SAME}
    assert ("phone number", aws.alone["PhoneNumber"]) in of(steps, Fate.ADD)
    assert (await phone_numbers.find(desk, **MAIN)).items == ()
    assert await opt_outs_of(desk) == set()
    assert desk.catalog.revision == (await Catalog.load(desk.store)).revision


async def test_what_came_later_joins_what_is_here(aws, desk):
    await carry_out(await plan(desk, aws))
    late = await aws.call("request_phone_number", **NUMBER, OptOutListName="News")
    await aws.call(
        "update_phone_number", PhoneNumberId=late["PhoneNumberId"], TwoWayEnabled=True, TwoWayChannelArn=TOPIC
    )
    await aws.call(
        "put_keyword", OriginationIdentity=late["PhoneNumberId"], Keyword="STOP", KeywordMessage="Bye.",
        KeywordAction="OPT_OUT",
    )  # fmt: skip
    await aws.call(
        "associate_origination_identity", PoolId=aws.pool["PoolId"], OriginationIdentity=late["PhoneNumberId"]
    )
    steps = await carry_out(await plan(desk, aws))
    number, pool_id = late["PhoneNumber"], aws.pool["PoolId"]
    assert of(steps, Fate.DONE) == {("phone number", number), ("pool member", f"{number} in {pool_id}")}
    assert of(steps, Fate.FAILED) == set()


async def test_what_is_here_under_another_id_stays(aws, desk):
    number = aws.alone["PhoneNumber"]
    here = await phone_numbers.create(desk, **MAIN, number=number, kind="LONG_CODE", rate=3, now=NOW)
    steps = await carry_out(await plan(desk, aws))
    (step,) = [one for one in steps if (one.what, one.name) == ("phone number", number)]
    assert (step.fate, here.id in step.why) == (Fate.SAME, True)
    assert await phone_numbers.get(desk, **MAIN, phone_number_id=here.id) == here
    assert ("keyword", f"MENU of {number}") in of(steps, Fate.DONE)


async def test_what_cannot_be_taken_over_is_told(aws, desk):
    found = await aws_account.read(region=REGION, endpoint_url=aws.url)
    pending = found.numbers[0] | {"PhoneNumber": "+12065550177", "PhoneNumberId": "phone-1", "Status": "PENDING"}
    found.numbers.append(pending)
    found.pools.append(found.pools[0] | {"PoolId": "pool-1"})
    found.members["pool-1"] = []
    found.opted_out["News"].append(found.opted_out["News"][0] | {"OptedOutNumber": "+999999999999"})
    found.keywords[aws.alone["PhoneNumberId"]].append(
        {"Keyword": "UNSUBSCRIBE", "KeywordMessage": "No.", "KeywordAction": "AUTOMATIC_RESPONSE"}
    )
    found.left = {"registrations": 2, "RCS agents": None, "Notify configurations": 0}
    steps = await carry_out(await aws_plan.plan(desk, found, **MAIN, actor="cli:test", now=now()))
    assert of(steps, Fate.LEFT) == {
        ("phone number", "+12065550177"), ("pool", "pool-1"), ("opted-out numbers", "1 on News"),
        ("registrations", "2 of them"), ("RCS agents", ""),
    }  # fmt: skip
    assert of(steps, Fate.FAILED) == {("keyword", f"UNSUBSCRIBE of {aws.alone['PhoneNumber']}")}
    assert all(step.why for step in steps if step.fate in {Fate.LEFT, Fate.FAILED})


async def test_one_that_fails_keeps_nothing_else_back(aws, desk):
    found = await aws_account.read(region=REGION, endpoint_url=aws.url)
    found.numbers[0] = found.numbers[0] | {"OptOutListName": "Nowhere"}
    steps = await carry_out(await aws_plan.plan(desk, found, **MAIN, actor="cli:test", now=now()))
    assert ("phone number", found.numbers[0]["PhoneNumber"]) in of(steps, Fate.FAILED)
    assert ("configuration set", "Ops") in of(steps, Fate.DONE)
    mended = await carry_out(await plan(desk, aws))
    assert of(mended, Fate.FAILED) == set()
    assert all(replace(step, do=None) == step for step in mended)


async def test_without_the_right_key_nothing_is_read(aws, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Conflict) as caught:
        await aws_account.read(region=REGION, endpoint_url=aws.url)
    assert caught.value.code == "aws_unreadable"


async def test_the_command_shows_a_plan_and_then_does_it(aws, tmp_path):
    here = Heliograph(tmp_path / "here")
    await asyncio.to_thread(here.run, "migrate")
    words = ("import", "aws", "--region", REGION, "--endpoint-url", aws.url)
    told = await asyncio.to_thread(here.run, *words)
    assert "Nothing was done: say --apply to do it." in told
    assert aws.alone["PhoneNumber"] in told
    assert await asyncio.to_thread(here.run, "numbers", "list") == "None.\n"
    done = await asyncio.to_thread(here.json, *words, "--apply")
    assert {one["fate"] for one in done["items"]} == {"done"}
    assert aws.pool["PoolId"] in await asyncio.to_thread(here.run, "pools", "list")
    assert "None." in await asyncio.to_thread(here.run, *words)
    assert len((await asyncio.to_thread(here.json, *words, "--all"))["items"]) > 10
