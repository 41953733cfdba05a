"""The simulator as seen by an ESME that is not ours: smpplib, over the loopback."""

from __future__ import annotations

import asyncio

import pytest
import smpplib.exceptions
import smpplib.gsm

from carriers.simulator.smsc import Simulator
from tests.support.third_party import SmpplibEsme


@pytest.fixture
async def simulator():
    simulator = Simulator(system_id="smpplib", password="secret")
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def esme(simulator):
    esme = SmpplibEsme(simulator.port)
    await asyncio.to_thread(esme.bind)
    yield esme
    await asyncio.to_thread(esme.close)


async def test_smpplib_gets_an_id_and_a_receipt_for_its_text(simulator, esme):
    esme.submit("447700900123", b"hello")
    await asyncio.to_thread(esme.read_until, lambda: esme.answers and esme.delivered)
    (answer,), (receipt,) = esme.answers, esme.delivered
    assert receipt.esm_class == 4
    assert receipt.source_addr == b"447700900123"
    assert receipt.destination_addr == b"15550100"
    assert receipt.receipted_message_id == answer.message_id
    assert receipt.message_state == 2
    assert receipt.short_message.startswith(b"id:" + answer.message_id + b" sub:001 dlvrd:001 submit date:")
    assert b" stat:DELIVRD err:000 text:hello" in receipt.short_message
    assert [text.body for text in simulator.handsets.texts("+447700900123")] == ["hello"]


async def test_smpplib_receives_what_a_handset_writes(simulator, esme):
    reply = asyncio.create_task(simulator.reply("+447700900123", "+15550100", "STOP"))
    await asyncio.to_thread(esme.read_until, lambda: esme.delivered)
    (text,) = esme.delivered
    assert (text.source_addr, text.destination_addr, text.short_message) == (b"447700900123", b"15550100", b"STOP")
    assert text.esm_class == 0
    assert (await reply).state == "ACKNOWLEDGED"


async def test_parts_made_by_smpplib_are_one_text_on_the_handset(simulator, esme):
    body = "naïve 🙂 " * 30
    parts, encoding, _ = smpplib.gsm.make_parts(body)
    for part in parts:
        esme.submit("447700900123", part, data_coding=encoding, esm_class=0x40)
    await asyncio.to_thread(esme.read_until, lambda: len(esme.delivered) == len(parts))
    (text,) = simulator.handsets.texts("+447700900123")
    assert (text.body, text.parts, text.state) == (body, len(parts), "DELIVERED")


async def test_smpplib_is_refused_with_another_password(simulator):
    esme = SmpplibEsme(simulator.port)
    with pytest.raises(smpplib.exceptions.PDUError, match="Invalid Password"):
        await asyncio.to_thread(esme.bind, password="guessed")
    await asyncio.to_thread(esme._client.disconnect)
