"""AWS's own clients, each a program of its own, live a whole life against the started service.

They are told where the service is and what to sign with, and nothing else: the AWS CLI by its option and by the
environment alone, the JavaScript client by the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import xform_name

from tests.support.moto_server import CREDENTIALS, MotoServer
from tests.support.service import Service, environment, eventually, service, smsc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from carriers.simulator import Simulator
    from tests.support.moto_server import Topic

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]

PERSON = "+12065550142"
LEASED = "+12065550177"
BIN = Path(sys.executable).parent
JAVASCRIPT = Path(__file__).parent / "javascript"
ENDPOINT = "AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2"


class Refused(Exception):  # noqa: N818 -- what a client was told
    """The error that a client printed."""


@dataclass(frozen=True)
class Client:
    """One of AWS's clients: ``command`` gives what to run for an operation and its input."""

    command: Callable[[str, str], tuple[str, ...]]
    variables: dict[str, str]
    read: Callable[[int, str, str], dict[str, Any]]

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """The answer. Raises Refused."""
        run = await asyncio.create_subprocess_exec(
            *self.command(operation, json.dumps(members)), env=environment(**self.variables),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await run.communicate()
        return self.read(run.returncode, out.decode(), err.decode())

    async def refused(self, operation: str, **members: Any) -> str:
        with pytest.raises(Refused) as told:
            await self.call(operation, **members)
        return str(told.value)


def _of_cli(code: int, out: str, err: str) -> dict[str, Any]:
    if "An error occurred (" in err:
        raise Refused(err)
    assert code == 0, err
    return json.loads(out) if out.strip() else {}


def _of_node(code: int, out: str, err: str) -> dict[str, Any]:
    assert code == 0, err
    answer = json.loads(out)
    if "refused" in answer:
        raise Refused(f"{answer['refused']} {answer.get('reason')} {answer['message']}")
    return answer


def _cli(*options: str) -> Callable[[str, str], tuple[str, ...]]:
    program = (str(BIN / "python"), str(BIN / "aws"), "pinpoint-sms-voice-v2")
    return lambda operation, members: (
        *program, xform_name(operation, "-"), "--cli-input-json", members, "--output", "json", *options,
    )  # fmt: skip


@dataclass(frozen=True)
class Town:
    """The service with a carrier and an SNS of moto's, and an access key to it."""

    served: Service
    carrier: Simulator
    topic: Topic
    variables: dict[str, str]


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    moto = MotoServer()
    moto.start()
    there = {f"HELIOGRAPH_{name.upper()}": value for name, value in CREDENTIALS.items()}
    try:
        async with smsc() as carrier, service(tmp_path, HELIOGRAPH_AWS_ENDPOINT_URL=moto.url, **there) as served:
            await served.connect(carrier.port)
            await served.until_linked()
            await heliograph(served, "numbers", "inventory", "add", LEASED)
            key = json.loads(await heliograph(served, "keys", "create", "shop", "--aws", "--json"))
            variables = {
                "AWS_ACCESS_KEY_ID": key["id"],
                "AWS_SECRET_ACCESS_KEY": key["secret"],
                "AWS_REGION": "eu-west-1",
            }
            alone = {
                "AWS_CONFIG_FILE": "none",
                "AWS_SHARED_CREDENTIALS_FILE": "none",
                "AWS_DEFAULT_REGION": "eu-west-1",
            }
            yield Town(served, carrier, await moto.topic(), variables | alone)
    finally:
        moto.stop()


async def heliograph(served: Service, *command: str) -> str:
    """What our own command line prints."""
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", *command, env=environment(HELIOGRAPH_DATA_DIR=str(served.folder)),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await run.communicate()
    assert run.returncode == 0, command
    return out.decode()


async def javascript(folder: Path) -> Path:
    """The JavaScript client, installed from npm."""
    if not (shutil.which("node") and shutil.which("npm")):
        assert not os.environ.get("CI"), "CI has Node"
        pytest.skip("there is no Node.js here")
    shutil.copytree(JAVASCRIPT, folder)
    npm = await asyncio.create_subprocess_exec("npm", "install", "--no-audit", "--no-fund", "--silent", cwd=folder)
    assert await npm.wait() == 0
    return folder / "call.mjs"


async def test_the_aws_cli_by_its_option(town: Town) -> None:
    await live(town, Client(_cli("--endpoint-url", town.served.url), town.variables, _of_cli))


async def test_the_aws_cli_by_the_environment_alone(town: Town) -> None:
    await live(town, Client(_cli(), town.variables | {ENDPOINT: town.served.url}, _of_cli))


async def test_the_javascript_client(town: Town, tmp_path: Path) -> None:
    script = str(await javascript(tmp_path / "javascript"))
    variables = town.variables | {ENDPOINT: town.served.url}
    await live(town, Client(lambda operation, members: ("node", script, operation, members), variables, _of_node))


async def live(town: Town, client: Client) -> None:
    """A number, a pool, a keyword, an opt-out list, a set with a destination; a send, a STOP, a START; all released."""
    number, pool = await settle(town, client)
    text = {"DestinationPhoneNumber": PERSON, "OriginationIdentity": pool, "ConfigurationSetName": "orders"}
    sent = await client.call("SendTextMessage", **text, MessageBody="Your code is 1234", Context={"order": "4711"})
    await town.served.until_status(sent["MessageId"], "DELIVERED")
    await eventually(lambda: told(town.topic, sent["MessageId"], "TEXT_DELIVERED"), what="the record at SNS")

    assert (await town.carrier.reply(PERSON, LEASED, "STOP")).state == "ACKNOWLEDGED"
    refused = await client.refused("SendTextMessage", **text, MessageBody="Hello again")
    assert "ConflictException" in refused
    assert "DESTINATION_PHONE_NUMBER_OPTED_OUT" in refused
    listed = await client.call("DescribeOptedOutNumbers", OptOutListName="shop")
    assert [(one["OptedOutNumber"], one["EndUserOptedOut"]) for one in listed["OptedOutNumbers"]] == [(PERSON, True)]

    assert (await town.carrier.reply(PERSON, LEASED, "START")).state == "ACKNOWLEDGED"
    again = await client.call("SendTextMessage", **text, MessageBody="Welcome back")
    await town.served.until_status(again["MessageId"], "DELIVERED")
    assert (await town.carrier.reply(PERSON, LEASED, "HOURS")).state == "ACKNOWLEDGED"
    await eventually(lambda: "9 to 5" in handset(town), what="the answer to the keyword")
    await release(client, number, pool)


async def settle(town: Town, client: Client) -> tuple[str, str]:
    """Everything that a send needs; gives the ids of the number and the pool."""
    await client.call("CreateOptOutList", OptOutListName="shop")
    number = await client.call(
        "RequestPhoneNumber", IsoCountryCode="US", MessageType="TRANSACTIONAL", NumberCapabilities=["SMS"],
        NumberType="LONG_CODE", OptOutListName="shop",
    )  # fmt: skip
    assert (number["Status"], number["PhoneNumber"]) == ("ACTIVE", LEASED)
    pool = await client.call(
        "CreatePool", OriginationIdentity=number["PhoneNumberId"], IsoCountryCode="US", MessageType="TRANSACTIONAL"
    )
    hours = {"Keyword": "HOURS", "KeywordMessage": "9 to 5", "KeywordAction": "AUTOMATIC_RESPONSE"}
    await client.call("PutKeyword", OriginationIdentity=pool["PoolId"], **hours)
    await client.call("CreateConfigurationSet", ConfigurationSetName="orders")
    await client.call(
        "CreateEventDestination", ConfigurationSetName="orders", EventDestinationName="sns",
        MatchingEventTypes=["TEXT_ALL"], **town.topic.where,
    )  # fmt: skip
    return number["PhoneNumberId"], pool["PoolId"]


async def release(client: Client, number: str, pool: str) -> None:
    held = await client.refused("ReleasePhoneNumber", PhoneNumberId=number)
    assert "PHONE_NUMBER_ASSOCIATED_TO_POOL" in held
    await client.call("DeleteEventDestination", ConfigurationSetName="orders", EventDestinationName="sns")
    await client.call("DeleteConfigurationSet", ConfigurationSetName="orders")
    await client.call("DeletePool", PoolId=pool)
    await client.call("ReleasePhoneNumber", PhoneNumberId=number)
    await client.call("DeleteOptOutList", OptOutListName="shop")
    gone = await client.refused("DescribePhoneNumbers", PhoneNumberIds=[number])
    assert "ResourceNotFoundException" in gone
    assert re.search("phone-[0-9a-f]{32}", gone)


async def told(topic: Topic, message_id: str, event_type: str) -> bool:
    records = await topic.records()
    return any((one.get("messageId"), one["eventType"]) == (message_id, event_type) for one in records)


def handset(town: Town) -> list[str]:
    return [text.body for text in town.carrier.handsets.texts(PERSON) if text.direction == "in"]
