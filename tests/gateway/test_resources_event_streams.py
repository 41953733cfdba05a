from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import select

from gateway.errors import Conflict, Invalid, NotFound, QuotaExceeded
from gateway.events import destinations
from gateway.events.log import append
from gateway.events.record import Event, EventType
from gateway.events.sources import open_source
from gateway.resources import configuration_sets, event_destinations, event_streams, set_destinations
from gateway.resources.event_streams import EventStream
from gateway.resources.set_destinations import Target
from gateway.store import tables
from tests.gateway.conftest import NOW
from tests.support.factories import text
from tests.support.gateway_fixtures import open_house

if TYPE_CHECKING:
    from gateway.resources.desk import Desk

KINESIS = "arn:aws:kinesis:eu-west-1:123456789012:stream/texts"
FIREHOSE = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/texts"
ROLE = "arn:aws:iam::123456789012:role/pinpoint"
SHOP = {"account_id": "main", "application_id": "shop"}


async def put(desk: Desk, stream_arn: str = KINESIS, role_arn: str = ROLE, **more: Any) -> EventStream:
    return await event_streams.put(desk, **(SHOP | more), stream_arn=stream_arn, role_arn=role_arn, now=NOW)


async def rows(desk: Desk) -> list[Any]:
    async with desk.store.reading() as conn:
        return list(await conn.execute(select(tables.event_destinations).order_by(tables.event_destinations.c.id)))


async def log_one(desk: Desk) -> None:
    async def work(tx: Any) -> None:
        append(tx, [Event(EventType.MESSAGE_DELIVERED, "main", "m", NOW, {})])

    await desk.store.write(work)


async def test_a_stream_is_put_found_and_deleted(desk: Desk) -> None:
    with pytest.raises(NotFound) as caught:
        await event_streams.get(desk, **SHOP)
    assert caught.value.code == "event_stream_not_found"
    await log_one(desk)
    wanted = EventStream("shop", KINESIS, ROLE)
    assert await put(desk) == wanted
    (row,) = await rows(desk)
    assert (row.kind, row.target, row.configuration_set, row.enabled, row.cursor) == (
        "kinesis",
        KINESIS,
        "app/shop",
        1,
        1,
    )
    assert await event_streams.get(desk, **SHOP) == wanted
    assert await event_streams.delete(desk, **SHOP) == wanted
    assert await rows(desk) == []
    with pytest.raises(NotFound):
        await event_streams.delete(desk, **SHOP)


async def test_another_stream_goes_on_where_the_last_one_was(desk: Desk) -> None:
    await put(desk)
    await log_one(desk)
    await put(desk, FIREHOSE)
    (row,) = await rows(desk)
    assert (row.kind, row.target, row.cursor) == ("firehose", FIREHOSE, 0)


async def test_one_that_was_switched_off_is_given_what_happens_from_then_on(desk: Desk) -> None:
    await put(desk)
    (row,) = await rows(desk)
    await event_destinations.update(desk, account_id="main", destination_id=row.id, enabled=False)
    await log_one(desk)
    await put(desk)
    (row,) = await rows(desk)
    assert (row.enabled, row.cursor) == (1, 1)


async def test_streams_are_of_one_application_and_account(desk: Desk) -> None:
    await put(desk)
    for other in ({"application_id": "bank"}, {"account_id": "other"}):
        with pytest.raises(NotFound):
            await event_streams.get(desk, **(SHOP | other))
    await put(desk, FIREHOSE, application_id="bank")
    assert (await event_streams.get(desk, **SHOP)).stream_arn == KINESIS


async def test_a_configuration_set_of_the_same_name_is_another(desk: Desk) -> None:
    await put(desk)
    await configuration_sets.create(desk, account_id="main", name="shop", now=NOW)
    await set_destinations.create(
        desk, account_id="main", configuration_set="shop", name="event-stream", target=Target("firehose", FIREHOSE),
        types=["ALL"], now=NOW,
    )  # fmt: skip
    await configuration_sets.delete(desk, account_id="main", name="shop")
    assert (await event_streams.get(desk, **SHOP)).stream_arn == KINESIS


async def test_an_account_has_so_many_streams(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "MOST", 2)
    await put(desk, application_id="one")
    await put(desk, application_id="two")
    await put(desk, FIREHOSE, application_id="two")
    with pytest.raises(QuotaExceeded):
        await put(desk, application_id="three")
    await put(desk, account_id="other", application_id="three")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"stream_arn": "texts"}, "destination_stream_arn"),
        ({"stream_arn": "arn:aws:sns:eu-west-1:123456789012:texts"}, "destination_stream_arn"),
        ({"stream_arn": "arn:aws:kinesis:eu-west-1:123456789012:deliverystream/texts"}, "destination_stream_arn"),
        ({"stream_arn": "arn:aws:firehose:eu-west-1:123456789012:stream/texts"}, "destination_stream_arn"),
        ({"stream_arn": "arn:aws:kinesis:eu-west-1:1234:stream/texts"}, "destination_stream_arn"),
        ({"role_arn": ""}, "role_arn"),
        ({"role_arn": KINESIS}, "role_arn"),
    ],
)
async def test_only_streams_and_roles_are_taken(desk: Desk, given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await put(desk, **given)
    assert caught.value.field == field


@pytest.mark.parametrize("application_id", ["", "a/b", "a b", "x" * 65])
async def test_an_application_that_cannot_be_is_not_there(desk: Desk, application_id: str) -> None:
    with pytest.raises(NotFound) as caught:
        await put(desk, application_id=application_id)
    assert caught.value.code == "application_not_found"


async def test_its_destination_is_changed_on_the_aws_wire_only(desk: Desk) -> None:
    await put(desk)
    (row,) = await rows(desk)
    mine = {"account_id": "main", "destination_id": row.id}
    with pytest.raises(Conflict) as caught:
        await event_destinations.update(desk, **mine, target="https://example.com")
    assert caught.value.code == "aws_event_destination"
    assert not (await event_destinations.update(desk, **mine, enabled=False)).enabled


async def test_its_records_tell_of_a_send_and_of_who_answers_it_with_stop(desk: Desk) -> None:
    await put(desk)
    async with open_house(desk) as house:
        first = await house.send(configuration_set="app/shop")
        await desk.store.submit(house.inbound, text("Who is this?", carrier_id="1"))
        await desk.store.submit(house.inbound, text("STOP", carrier_id="2"))
        late = await house.send(configuration_set="app/shop")
    (stream,) = await destinations.active(desk.store)
    told = [orjson.loads(row.data) for row in (await open_source(desk.store, stream).page(0, 100)).rows]
    assert [
        (one["attributes"]["message_id"], one["event_type"], one["attributes"]["record_status"]) for one in told
    ] == [
        (first.message_id, "_SMS.BUFFERED", "PENDING"),
        (first.message_id, "_SMS.OPTOUT", "DELIVERED"),
        (late.message_id, "_SMS.FAILURE", "OPTED_OUT"),
    ]
