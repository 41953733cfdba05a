"""Somebody else's SMPP on the other end: smpp.twisted3 as our SMSC, smpplib as an ESME of our simulated carrier."""

from __future__ import annotations

import asyncio
import signal

import pytest
import smpplib.exceptions
import smpplib.gsm

from tests.support.service import NUMBER, Process, eventually, free_port
from tests.support.third_party import SmpplibEsme

HANDSET = "+12065550142"
pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]


@pytest.fixture
async def twisted(tmp_path):
    """The port of an SMSC by smpp.twisted3."""
    process, port = Process(tmp_path / "twisted.log"), free_port()
    await process.start("tests/support/twisted_smsc.py", str(port))
    try:
        await eventually(lambda: "listening" in process.output, seconds=60, what="the SMSC")
        yield port
    finally:
        await process.kill()


@pytest.fixture
async def simulated(tmp_path):
    """The port of ``heliograph simulate``, and its process."""
    process, port = Process(tmp_path / "simulate.log"), free_port()
    door = ("--system-id", "smpplib", "--password", "secret")
    await process.start("-m", "gateway", "simulate", "--port", str(port), *door)
    try:
        await eventually(lambda: "SMSC listening" in process.output, seconds=60, what="the simulator")
        yield port, process
    finally:
        await process.kill()


async def test_a_text_goes_through_a_foreign_smsc_and_its_receipt_and_reply_come_back(served, twisted):
    await served.connect(twisted)
    await served.until_linked()
    sent = await served.send(HANDSET, "Shall we meet?")
    assert sent.status == 202, sent.body
    message = await served.until_status(sent.body["id"], "DELIVERED")
    (part,) = message["part_states"]
    assert (part["carrier_id"], part["connector"]) == ("twisted-1", "carrier")

    async def replies():
        return (await served.good("GET", "/v1/inbound"))["items"]

    (reply,) = await eventually(replies, what="the reply")
    assert (reply["from"], reply["to"], reply["body"]) == (HANDSET, NUMBER, "Yes, at 5")
    assert reply["reply_to"] == sent.body["id"]


async def test_a_long_text_goes_through_a_foreign_smsc_in_parts(served, twisted):
    await served.connect(twisted)
    await served.until_linked()
    sent = await served.send(HANDSET, "Grüße aus Zürich €. " * 20)
    assert sent.status == 202, sent.body
    message = await served.until_status(sent.body["id"], "DELIVERED")
    assert message["parts"] == 3
    assert sorted(part["carrier_id"] for part in message["part_states"]) == ["twisted-1", "twisted-2", "twisted-3"]


async def test_a_foreign_smsc_that_refuses_the_password_is_told_as_the_links_error(served, twisted):
    await served.connect(twisted, password="guess-me")

    async def trouble():
        (link,) = (await served.good("GET", "/v1/connectors/carrier"))["links"]
        return link["last_error"]

    assert "RINVPASWD" in await eventually(trouble, what="the link's error")
    assert "guess-me" not in served.process.output


async def test_a_foreign_esme_gets_an_id_and_a_receipt_from_heliograph_simulate(simulated):
    port, process = simulated
    esme = SmpplibEsme(port)
    await asyncio.to_thread(esme.bind)
    esme.submit("447700900123", b"hello")
    await asyncio.to_thread(esme.read_until, lambda: esme.answers and esme.delivered)
    (answer,), (receipt,) = esme.answers, esme.delivered
    assert receipt.esm_class == 4
    assert receipt.receipted_message_id == answer.message_id
    assert b" stat:DELIVRD err:000 text:hello" in receipt.short_message
    await asyncio.to_thread(esme.close)
    await process.send(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert "-> +447700900123  part 1" in process.output
    assert "1 submits taken" in process.output


async def test_a_foreign_esme_sends_a_long_text_through_heliograph_simulate(simulated):
    port, process = simulated
    esme = SmpplibEsme(port)
    await asyncio.to_thread(esme.bind)
    parts, encoding, _ = smpplib.gsm.make_parts("naïve 🙂 " * 30)
    for part in parts:
        esme.submit("447700900123", part, data_coding=encoding, esm_class=0x40)
    await asyncio.to_thread(esme.read_until, lambda: len(esme.delivered) == len(parts))
    assert {one.receipted_message_id for one in esme.delivered} == {one.message_id for one in esme.answers}
    assert {one.message_state for one in esme.delivered} == {2}
    await asyncio.to_thread(esme.close)
    await eventually(lambda: f"part {len(parts)}  id" in process.output, what="the last part in the output")


async def test_a_foreign_esme_with_a_wrong_password_stays_outside_heliograph_simulate(simulated):
    port, _ = simulated
    esme = SmpplibEsme(port)
    with pytest.raises(smpplib.exceptions.PDUError, match="Invalid Password"):
        await asyncio.to_thread(esme.bind, password="guessed")
    await asyncio.to_thread(esme._client.disconnect)
