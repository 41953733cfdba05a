from __future__ import annotations

import asyncio
from random import Random

import orjson
import pytest
from sqlalchemy import update

from gateway.errors import NotFound
from gateway.events.log import Feed
from gateway.events.post import Post
from gateway.events.record import EventType
from gateway.events.retries import replay, replay_range
from gateway.store.tables import event_destinations
from gateway.store.times import SECOND
from tests.support.events import AT, add_destination, delivered, log_events, of_type, rows_of_destination
from tests.support.webhook_sink import SECRET, Answer, WebhookSink


@pytest.fixture
async def sink():
    async with WebhookSink() as server:
        yield server


def unseal(destination_id, sealed):
    assert destination_id.startswith("dest-")
    if sealed != b"sealed":
        raise ValueError("sealed for another")
    return SECRET


class Office:
    """A post office with a clock that can be moved."""

    def __init__(self, store, folder):
        self.now = AT
        self.store = store
        self.feed = Feed()
        self.post = Post(
            store,
            self.feed,
            unseal,
            folder=folder,
            allow_private=True,
            clock=lambda: self.now,
            random=Random(1),
        )

    async def log(self, *events):
        await log_events(self.store, *events, feed=self.feed)

    async def until(self, met):
        """Give way until something holds; fails by the time limit of the test."""
        async with asyncio.timeout(30):
            while not met():  # noqa: ASYNC110 -- what is waited for is outside: a server in this loop
                await asyncio.sleep(0.001)


@pytest.fixture
async def office(store, tmp_path):
    office = Office(store, tmp_path / "events")
    yield office
    await office.post.stop()


async def change(store, destination_id="dest-1", **values):
    async def work(tx):
        await tx.conn.execute(
            update(event_destinations).where(event_destinations.c.id == destination_id).values(values)
        )

    await store.write(work)


async def test_events_arrive_signed_and_in_order(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    await office.log(delivered("a"), delivered("b"))
    await office.log(delivered("a"))
    await office.until(lambda: len(sink.taken) == 3)
    assert [event for delivery in sink.taken for event in delivery.seqs] == [1, 2, 3]
    assert all(delivery.signed() for delivery in sink.taken)
    assert sink.taken[0].json["data"]["to"] == "+447700900123"


async def test_a_thousand_events_arrive_in_batches_of_a_hundred(office, sink):
    await add_destination(office.store, target=sink.url, batch_size=100)
    await office.log(*(delivered(f"m{n}") for n in range(1_000)))
    await office.post.start()
    await office.until(lambda: len(sink.seqs) >= 1_000)
    assert sorted(sink.seqs) == list(range(1, 1_001))
    assert max(len(delivery.seqs) for delivery in sink.taken) == 100
    assert 1 < sink.most_at_once <= 4


async def test_single_events_go_ten_at_once_and_no_more(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.log(*(delivered(f"m{n}") for n in range(100)))
    await office.post.start()
    await office.until(lambda: len(sink.seqs) >= 100)
    assert 2 <= sink.most_at_once <= 10


async def test_a_dead_webhook_delays_nobody_else(office, sink):
    async with WebhookSink() as dead:
        dead.rule = lambda _delivery: Answer(hang=True)
        await add_destination(office.store, id="dest-1", target=dead.url)
        await add_destination(office.store, id="dest-2", target=sink.url)
        await office.post.start()
        await office.log(*(delivered(f"m{n}") for n in range(50)))
        await office.until(lambda: len(sink.seqs) == 50)
        assert dead.taken == []
        assert (await rows_of_destination(office.store, "dest-1"))["cursor"] == 0
        desks = {destination.id: desk for destination, desk in office.post._desks.items()}
        desks["dest-1"].task.cancel()


async def test_the_same_event_comes_again_with_the_same_id(office, sink):
    sink.script(Answer(status=500))
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    await office.log(delivered("a"))
    await office.until(lambda: len(sink.tries) == 1)
    await office.post.stop()  # first: the failure is dated before the clock moves
    office.now += 10 * SECOND
    await office.post.start()
    await office.until(lambda: len(sink.taken) == 1)
    assert [delivery.id for delivery in sink.tries] == ["evt_1", "evt_1"]
    assert sink.taken[0].headers["webhook-timestamp"] == str((AT + 10 * SECOND) // SECOND)


async def test_a_stopped_post_begins_again_where_it_was(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    await office.log(delivered("a"), delivered("b"))
    await office.until(lambda: sink.seqs == [1, 2])
    await office.post.stop()
    assert (await rows_of_destination(office.store))["cursor"] == 2
    await office.log(delivered("c"))
    await office.post.start()
    await office.until(lambda: len(sink.taken) == 3)
    assert sink.seqs == [1, 2, 3]


async def test_refresh_takes_up_new_changed_and_disabled_destinations(office, sink):
    await office.post.start()
    assert office.post.destinations == []
    await add_destination(office.store, target=sink.url)
    await office.post.refresh()
    await office.log(delivered("a"))
    await office.until(lambda: sink.seqs == [1])

    await change(office.store, types=orjson.dumps(["opt_out.added"]).decode())
    await office.post.refresh()
    await office.log(delivered("b"), of_type(EventType.OPT_OUT_ADDED))
    await office.until(lambda: sink.seqs == [1, 3])

    await change(office.store, enabled=0)
    await office.post.refresh()
    assert office.post.destinations == []


async def test_refresh_without_a_change_leaves_runners_alone(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    before = dict(office.post._desks)
    await office.post.refresh()
    assert office.post._desks == before


async def test_410_disables_and_enabling_begins_again(office, sink):
    sink.script(Answer(status=410))
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    await office.log(delivered("a"))
    [desk] = office.post._desks.values()
    await asyncio.wait_for(desk.task, 30)
    assert (await rows_of_destination(office.store))["enabled"] == 0
    await change(office.store, enabled=1)
    await office.post.refresh()
    await office.until(lambda: sink.seqs == [1])


async def test_one_destination_that_cannot_be_served_stops_no_other(office, sink):
    await add_destination(office.store, id="dest-1", target=sink.url, secret=b"broken")
    await add_destination(office.store, id="dest-2", target=sink.url, kind="pigeon")
    await add_destination(office.store, id="dest-3", target=sink.url)
    await office.post.start()
    assert [destination.id for destination in office.post.destinations] == ["dest-3"]


async def test_events_are_written_to_a_file(office, tmp_path):
    await add_destination(office.store, kind="file", target="sms.jsonl", secret=None)
    await office.post.start()
    await office.log(delivered("a"), delivered("b"))
    path = tmp_path / "events" / "sms.jsonl"
    await office.until(lambda: path.exists() and path.read_text().count("\n") == 2)
    assert [orjson.loads(line)["id"] for line in path.read_text().splitlines()] == ["evt_1", "evt_2"]


async def test_a_replay_from_another_process_is_taken_up(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    await office.log(delivered("a"), delivered("b"))
    await office.until(lambda: sink.seqs == [1, 2])
    await office.post.stop()
    assert await replay_range(office.store, "dest-1", AT, AT + 1, now=office.now) == 2
    assert await replay(office.store, "dest-1", None, now=office.now) == 0
    await office.post.start()
    await office.until(lambda: sink.seqs == [1, 2, 1, 2])


async def test_the_test_of_a_destination_tells_what_it_answered(office, sink):
    await add_destination(office.store, target=sink.url)
    await office.post.start()
    assert (await office.post.test("dest-1")).ok
    [delivery] = sink.taken
    assert delivery.signed()
    assert delivery.json["type"] == "destination.test"
    assert delivery.json["data"] == {"destination_id": "dest-1"}
    sink.script(Answer(status=404))
    office.now += 1
    outcome = await office.post.test("dest-1", "main")
    assert (outcome.ok, outcome.status, outcome.error) == (False, 404, "The server answered 404.")
    assert len({delivery.id for delivery in sink.tries}) == 2
    with pytest.raises(NotFound):
        await office.post.test("dest-1", "other")


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_sink_that_fails_half_of_the_time_gets_everything_in_order(office, sink, seed):
    chance = Random(seed)
    kinds = [
        Answer(status=500),
        Answer(status=302),
        Answer(status=429, headers={"Retry-After": "7"}),
        Answer(reset=True),
    ]
    sink.rule = lambda _delivery: chance.choice([*kinds, Answer(), Answer(), Answer(), Answer()])
    await add_destination(office.store, target=sink.url, batch_size=7)
    subjects = [f"m{chance.randrange(12)}" for _ in range(100)]
    await office.log(*(delivered(subject) for subject in subjects))
    await office.post.start()
    [desk] = office.post._desks.values()
    desk.task.cancel()
    for _ in range(200):
        await desk.runner.step()
        office.now += 1200 * SECOND
        if len(set(sink.seqs)) == 100:
            break
    assert set(sink.seqs) == set(range(1, 101))
    for subject in set(subjects):
        first_times = list(dict.fromkeys(seq for seq in sink.seqs if subjects[seq - 1] == subject))
        assert first_times == sorted(first_times)
