from __future__ import annotations

import orjson
import pytest
from sqlalchemy import delete, insert

from gateway.events import log
from gateway.events.record import Event, EventType, encode, message_event
from gateway.events.retries import Waiting, replay_range
from gateway.events.sources import open_source
from gateway.model import Status
from gateway.store import tables, tables_numbers
from tests.support.events import AT, add_destination, aside_of, delivered, log_events

TOLD = {"connector_id": "c1", "identity_id": "phone-1", "decision_id": "d1"}


async def write(store, *statements):
    async def work(tx):
        for one in statements:
            await tx.conn.execute(one)

    await store.write(work)


async def add_message(store, message_id="m1", **more):
    values = {
        "id": message_id, "account_id": "main", "country": "US", "encoding": "GSM7", "price": 5810, "created_at": AT,
        "configuration_set": "otp", **TOLD,
    }  # fmt: skip
    await write(store, insert(tables.messages).values(values | more))


async def source(store, **more):
    given = {"kind": "sns", "configuration_set": "otp", "types": ("ALL",)} | more
    return open_source(store, await add_destination(store, **given))


def told(page):
    return [(row.seq, orjson.loads(row.data)["eventType"]) for row in page.rows]


def waiting(seq=1, subject="m1", event=None):
    return Waiting(seq, subject, encode(event or delivered(subject)), 1, AT)


async def test_records_are_of_the_sets_own_messages(store):
    await add_message(store, "m1")
    await add_message(store, "m2", configuration_set="news")
    await add_message(store, "m3", configuration_set="")
    await add_message(store, "m4", account_id="other")
    await log_events(store, *(delivered(f"m{n}") for n in range(1, 5)), delivered("gone"))
    page = await (await source(store)).page(0, 100)
    assert (told(page), page.upto, page.more) == ([(1, "TEXT_DELIVERED")], 5, False)


async def test_a_page_goes_on_where_it_was_full_and_past_what_is_not_told(store):
    await add_message(store)
    events = [message(Status.SCHEDULED), message(Status.REFUSED, price=1), message(Status.SUBMITTED), delivered()]
    await log_events(store, *events)
    reader = await source(store)
    first = await reader.page(0, 2)
    assert (told(first), first.upto, first.more) == ([(1, "TEXT_QUEUED")], 2, True)
    second = await reader.page(2, 2)
    assert (told(second), second.upto, second.more) == ([(3, "TEXT_SUCCESSFUL"), (4, "TEXT_DELIVERED")], 4, False)
    assert await reader.page(4, 2) == ((), 0, False)


def message(status, **more):
    return delivered(status=status, **more)


async def test_one_read_looks_no_further_than_the_scan(store, monkeypatch):
    monkeypatch.setattr(log, "SCAN", 2)
    await add_message(store)
    await log_events(store, *(delivered("other") for _ in range(3)), delivered())
    reader = await source(store)
    first = await reader.page(0, 100)
    assert (first.rows, first.upto, first.more) == ([], 2, True)
    assert told(await reader.page(2, 100)) == [(4, "TEXT_DELIVERED")]


async def test_events_of_other_things_are_no_records(store):
    await add_message(store)
    of_consent = message_event(
        account_id="main", message_id="m1", to="", sender="", status=Status.DELIVERED, at=AT, parts=1, message_type="",
        purpose="", context={}, event_type=EventType.OPT_OUT_ADDED,
    )  # fmt: skip
    await log_events(store, of_consent)
    page = await (await source(store)).page(0, 100)
    assert (page.rows, page.upto) == ([], 1)


async def test_what_is_put_aside_is_said_anew(store):
    await add_message(store)
    reader = await source(store, types=("TEXT_DELIVERED",))
    (again,) = await reader.again([waiting()])
    assert (orjson.loads(again.data)["eventType"], again.attempts) == ("TEXT_DELIVERED", 1)


@pytest.mark.parametrize(
    ("message_of", "event"),
    [
        ({"configuration_set": "news"}, None),
        ({"account_id": "other"}, None),
        ({"message_id": "m2"}, None),
        ({}, message(Status.SUBMITTED)),
    ],
)
async def test_what_is_not_to_be_given_any_more_is_empty(store, message_of, event):
    await add_message(store, **message_of)
    reader = await source(store, types=("TEXT_DELIVERED",))
    (again,) = await reader.again([waiting(event=event)])
    assert again.data == ""


async def test_what_the_log_has_lost_is_empty(store):
    await add_message(store)
    (again,) = await (await source(store)).again([waiting()._replace(data="")])
    assert again.data == ""


async def test_where_no_receipts_come_taken_by_the_carrier_is_final(store):
    await write(
        store,
        insert(tables.connectors).values(id="c1", kind="smpp", settings='{"registered_delivery":0}'),
        insert(tables.connectors).values(id="c2", kind="smpp", settings='{"registered_delivery":1}'),
    )
    for message_id, connector_id in (("m1", "c1"), ("m2", "c2"), ("m3", "gone")):
        await add_message(store, message_id, connector_id=connector_id)
    await log_events(store, *(message(Status.SUBMITTED, message_id=f"m{n}") for n in (1, 2, 3)))
    page = await (await source(store)).page(0, 100)
    assert [orjson.loads(row.data)["isFinal"] for row in page.rows] == [True, False, False]


async def test_numbers_countries_and_decisions_are_looked_up(store):
    protection = {"configuration": "protect-1", "status": "MONITOR", "override": "", "verdict": "nothing_suspected"}
    body = orjson.dumps({"protection": protection}).decode()
    await write(
        store,
        insert(tables_numbers.phone_numbers).values(
            id="phone-1", account_id="main", number="+447700900123", country="GB"
        ),
        insert(tables.decisions).values(id="d1", body=body),
        insert(tables.decisions).values(id="d2", body="{}"),
    )
    await add_message(store, "m1")
    await add_message(store, "m2", decision_id="d2", identity_id="sender-1")
    await log_events(store, delivered("m1"), delivered("m2"))
    page = await (await source(store)).page(0, 100)
    first, second = [orjson.loads(row.data) for row in page.rows]
    assert (first["isInternationalSend"], second["isInternationalSend"]) == (True, False)
    assert first["protectConfiguration"]["protectConfigurationId"] == "protect-1"
    assert "protectConfiguration" not in second


async def test_a_replay_is_of_the_sets_own_messages(store):
    await add_message(store, "m1")
    await add_message(store, "m2", configuration_set="")
    await log_events(store, delivered("m1"), delivered("m2"), delivered("m1"))
    await add_destination(store, kind="sns", configuration_set="otp", types=("ALL",), cursor=3)
    assert await replay_range(store, "dest-1", AT, AT + 1, now=AT) == 2
    assert set(await aside_of(store)) == {1, 3}


async def test_a_message_that_retention_took_is_not_waited_for(store):
    await add_message(store)
    await log_events(store, delivered())
    await write(store, delete(tables.messages))
    page = await (await source(store)).page(0, 100)
    assert (page.rows, page.upto) == ([], 1)


APP = {"kind": "kinesis", "configuration_set": "app/shop", "types": ()}


def answer(reply_to, meaning="OPT_OUT"):
    return Event(EventType.INBOUND_RECEIVED, "main", "i1", AT, {"reply_to": reply_to, "meaning": meaning})


def streamed(page):
    said = [(row.seq, row.subject_id, orjson.loads(row.data)) for row in page.rows]
    return [(seq, subject, one["event_type"], one["application"]["app_id"]) for seq, subject, one in said]


async def add_texts(store):
    """One message of the application "shop", and one of everything else."""
    whole = {"destination": "+447700900123", "sender": "ACME", "message_type": "TRANSACTIONAL"}
    await add_message(store, "m1", configuration_set="app/shop", context='{"order":"7"}', **whole)
    await add_message(store, "m2", configuration_set="app/other", **whole)
    await add_message(store, "m3", configuration_set="shop", **whole)
    await add_message(store, "m4", configuration_set="app/shop", account_id="other", **whole)


async def test_an_application_is_told_of_its_messages_and_of_those_who_answer_with_stop(store):
    await add_texts(store)
    answers = [answer("m1"), answer("m1", "HELP"), answer("m2"), answer("")]
    await log_events(store, message(Status.SUBMITTED), *(delivered(f"m{n}") for n in range(1, 5)), *answers)
    page = await (await source(store, **APP)).page(0, 100)
    assert (streamed(page), page.upto, page.more) == (
        [(1, "m1", "_SMS.BUFFERED", "shop"), (2, "m1", "_SMS.SUCCESS", "shop"), (6, "m1", "_SMS.OPTOUT", "shop")],
        9,
        False,
    )
    attributes = orjson.loads(page.rows[1].data)["attributes"]
    assert (attributes["destination_phone_number"], attributes["origination_phone_number"]) == ("+447700900123", "ACME")
    assert (attributes["iso_country_code"], attributes["customer_context"]) == ("US", '{"order":"7"}')


async def test_a_page_of_an_application_ends_where_it_was_full(store):
    await add_texts(store)
    await log_events(store, delivered("m2"), delivered("m1"), delivered("m1"))
    reader = await source(store, **APP)
    first = await reader.page(0, 2)
    assert ([row.seq for row in first.rows], first.upto, first.more) == ([2], 2, True)
    assert [row.seq for row in (await reader.page(2, 2)).rows] == [3]


async def test_what_an_application_has_put_aside_is_said_anew(store):
    await add_texts(store)
    reader = await source(store, **APP)
    texts = [waiting(1, "m1"), waiting(2, "m1", answer("m1")), waiting(3, "m2"), waiting(4)._replace(data="")]
    told = [one.data and orjson.loads(one.data)["event_type"] for one in await reader.again(texts)]
    assert told == ["_SMS.SUCCESS", "_SMS.OPTOUT", "", ""]


async def test_a_replay_for_an_application_has_the_answers_too(store):
    await add_texts(store)
    texts = [{"id": "i1", "account_id": "main", "reply_to": "m1"}, {"id": "i2", "account_id": "main", "reply_to": "m2"}]
    await write(store, *(insert(tables.inbound_messages).values(one) for one in texts))
    of_another = answer("m2")._replace(subject_id="i2")
    await log_events(store, delivered("m1"), delivered("m2"), answer("m1"), of_another)
    await add_destination(store, **APP, cursor=4)
    assert await replay_range(store, "dest-1", AT, AT + 1, now=AT) == 2
    assert set(await aside_of(store)) == {1, 3}
