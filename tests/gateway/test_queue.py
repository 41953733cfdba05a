from __future__ import annotations

import asyncio
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import redis

from gateway.queue import LocalQueue, MemoryQueue, Queue, QueueError, open_queue
from gateway.queue.redis import RedisQueue
from tests.support.redis_server import PROGRAMS, redis_of, redis_url, running_redis, short_folder  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LANE = "carrier-a"


@pytest.fixture(params=["memory", "local", *PROGRAMS])
async def queue(request: pytest.FixtureRequest) -> AsyncIterator[Queue]:
    if request.param == "memory":
        opened: Queue = MemoryQueue()
    else:
        url = "memory://" if request.param == "local" else request.getfixturevalue("redis_of")(request.param)
        opened = open_queue(url, f"test-{uuid4()}")
    opened.serve({LANE, "carrier-b"})
    yield opened
    await opened.close()


@pytest.fixture
async def shared(redis_url: str) -> AsyncIterator[RedisQueue]:  # noqa: F811 -- the fixture
    opened = RedisQueue(redis_url)
    yield opened
    await opened.close()


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


# What both do.


async def test_ids_come_in_the_order_they_were_put(queue):
    await queue.put(LANE, ["a", "b"], urgent=False)
    await queue.put(LANE, ["c"], urgent=False)
    assert await queue.take(LANE, 2) == ["a", "b"]
    assert await queue.take(LANE, 2) == ["c"]
    assert await queue.take(LANE, 2) == []


async def test_a_lane_never_put_to_is_empty(queue):
    assert await queue.take(LANE, 10) == []
    assert await queue.size(LANE) == 0


async def test_lanes_do_not_mix(queue):
    await queue.put(LANE, ["a"], urgent=False)
    await queue.put("carrier-b", ["b"], urgent=False)
    assert await queue.take("carrier-b", 10) == ["b"]
    assert await queue.take(LANE, 10) == ["a"]


async def test_the_urgent_overtake(queue):
    await queue.put(LANE, ["slow"], urgent=False)
    await queue.put(LANE, ["otp"], urgent=True)
    assert await queue.take(LANE, 2) == ["otp", "slow"]


@pytest.mark.parametrize("count", [1, 2, 3, 9, 50, 90])
async def test_while_both_wait_one_of_nine_is_not_urgent(queue, count):
    await queue.put(LANE, names("u", 100), urgent=True)
    await queue.put(LANE, names("o", 100), urgent=False)
    taken: list[str] = []
    while len(taken) + count <= 90:
        taken += await queue.take(LANE, count)
    others = sum(one.startswith("o") for one in taken)
    assert others == len(taken) // 9


async def test_the_others_move_also_when_urgent_ids_arrive_as_fast_as_they_leave(queue):
    await queue.put(LANE, names("o", 10), urgent=False)
    taken: list[str] = []
    for number in range(18):
        await queue.put(LANE, [f"u{number}"], urgent=True)
        taken += await queue.take(LANE, 1)
    assert [one for one in taken if one.startswith("o")] == ["o0", "o1"]


@pytest.mark.parametrize(("urgent", "others"), [(0, 30), (30, 0), (2, 28), (29, 1)])
async def test_a_take_is_filled_whatever_the_mixture(queue, urgent, others):
    await queue.put(LANE, names("u", urgent), urgent=True)
    await queue.put(LANE, names("o", others), urgent=False)
    taken = await queue.take(LANE, 20) + await queue.take(LANE, 20)
    assert sorted(taken) == sorted(names("u", urgent) + names("o", others))


@pytest.mark.parametrize("count", [0, -1])
async def test_taking_none_gives_none(queue, count):
    await queue.put(LANE, ["a"], urgent=True)
    assert await queue.take(LANE, count) == []


@pytest.mark.parametrize("again_urgent", [True, False])
async def test_an_id_that_waits_is_not_announced_again(queue, again_urgent):
    await queue.put(LANE, ["a", "b", "a"], urgent=False)
    await queue.put(LANE, ["b", "c"], urgent=again_urgent)
    assert await queue.size(LANE) == 3
    assert sorted(await queue.take(LANE, 10)) == ["a", "b", "c"]


async def test_an_id_that_was_taken_may_be_announced_again(queue):
    await queue.put(LANE, ["a"], urgent=False)
    await queue.take(LANE, 1)
    await queue.put(LANE, ["a"], urgent=False)
    assert await queue.take(LANE, 1) == ["a"]


async def test_size_counts_what_waits_and_not_what_was_taken(queue):
    await queue.put(LANE, names("u", 3), urgent=True)
    await queue.put(LANE, names("o", 4), urgent=False)
    assert await queue.size(LANE) == 7
    await queue.take(LANE, 5)
    assert await queue.size(LANE) == 2


async def test_nothing_put_changes_nothing(queue):
    await queue.put(LANE, [], urgent=True)
    assert await queue.size(LANE) == 0


async def test_more_ids_than_fit_one_command_all_come(queue):
    ids = names("m", 2500)
    await queue.put(LANE, ids, urgent=False)
    assert await queue.take(LANE, 3000) == ids
    assert await queue.size(LANE) == 0


async def test_clear_forgets_every_lane_and_the_queue_goes_on(queue):
    await queue.put(LANE, ["a"], urgent=True)
    await queue.put("carrier-b", ["b"], urgent=False)
    await queue.clear()
    assert await queue.size(LANE) == 0
    assert await queue.take("carrier-b", 1) == []
    await queue.put(LANE, ["a"], urgent=True)
    assert await queue.take(LANE, 1) == ["a"]


async def test_wait_returns_at_once_when_something_is_there(queue):
    await queue.take(LANE, 1)
    await queue.put(LANE, ["a"], urgent=False)
    async with asyncio.timeout(1):
        await queue.wait(LANE, 60)


@pytest.mark.parametrize("urgent", [True, False])
async def test_wait_is_woken_by_a_put(queue, urgent):
    await queue.take(LANE, 1)
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        waiting = group.create_task(queue.wait(LANE, 60))
        await asyncio.sleep(0)
        assert not waiting.done()
        await queue.put(LANE, ["a"], urgent=urgent)
    assert await queue.take(LANE, 1) == ["a"]


async def test_wait_ends_when_its_time_is_over(queue):
    await queue.take(LANE, 1)
    async with asyncio.timeout(1):
        await queue.wait(LANE, 0.001)


# Accounts.


@pytest.mark.parametrize("urgent", [True, False])
async def test_one_accounts_thousands_do_not_hold_up_anothers_three(queue, urgent):
    for start in range(0, 3000, 500):
        await queue.put(LANE, names("a", 3000)[start : start + 500], urgent=urgent, account="a")
    await queue.put(LANE, names("b", 3), urgent=urgent, account="b")
    assert await queue.size(LANE) == 3003
    taken: list[str] = []
    while len(taken) < 110:
        taken += await queue.take(LANE, 10)
    assert [one for one in taken if one.startswith("b")] == names("b", 3)
    while more := await queue.take(LANE, 400):
        taken += more
    assert [one for one in taken if one.startswith("a")] == names("a", 3000)
    assert await queue.size(LANE) == 0


async def test_an_urgent_id_overtakes_the_turns_of_the_others(queue):
    for account in "abc":
        await queue.put(LANE, names(account, 300), urgent=False, account=account)
    await queue.put(LANE, ["otp"], urgent=True, account="c")
    assert "otp" in await queue.take(LANE, 1)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 150])
async def test_wait_returns_at_once_while_an_account_has_more_waiting(queue, count):
    await queue.put(LANE, names("a", 300), urgent=False, account="a")
    await queue.take(LANE, count)
    async with asyncio.timeout(1):
        await queue.wait(LANE, 60)
    assert await queue.size(LANE) == 300 - count


async def test_an_id_that_stands_in_a_list_is_not_announced_again(queue):
    await queue.put(LANE, names("a", 300), urgent=False, account="a")
    await queue.put(LANE, names("a", 300), urgent=False, account="a")
    assert await queue.take(LANE, 1000) == names("a", 300)


# What only memory does.


async def test_a_waiter_in_memory_sleeps_again_once_everything_is_taken():
    queue = MemoryQueue()
    await queue.put(LANE, ["a"], urgent=False)
    await queue.take(LANE, 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await queue.wait(LANE, 60)


# What only Redis does.


async def test_two_nodes_never_take_the_same_id(shared, redis_url):  # noqa: F811 -- the fixture
    other = RedisQueue(redis_url)
    await shared.put(LANE, names("m", 100), urgent=False)
    takes = await asyncio.gather(*(one.take(LANE, 10) for one in [shared, other] * 5))
    assert sorted(chain.from_iterable(takes)) == sorted(names("m", 100))
    await other.close()


async def test_the_queue_works_again_after_redis_lost_everything(shared, redis_url):  # noqa: F811 -- the fixture
    client = redis.Redis.from_url(redis_url)
    await shared.put(LANE, ["a", "b"], urgent=True)
    await shared.take(LANE, 1)
    client.flushall()
    assert await shared.size(LANE) == 0
    await shared.wait(LANE, 0.01)
    assert await shared.take(LANE, 5) == []
    client.flushall()
    await shared.put(LANE, ["b"], urgent=True)
    assert await shared.take(LANE, 5) == ["b"]
    client.close()


async def test_an_evicted_stream_does_not_keep_its_ids_out_for_ever(shared, redis_url):  # noqa: F811 -- the fixture
    await shared.put(LANE, ["a"], urgent=False)
    with redis.Redis.from_url(redis_url) as client:
        client.delete(f"heliograph:queue:{{{LANE}}}:others")
    assert await shared.take(LANE, 1) == []
    await shared.put(LANE, ["a"], urgent=False)
    assert await shared.take(LANE, 1) == ["a"]


async def test_what_is_taken_leaves_nothing_behind_in_redis(shared, redis_url):  # noqa: F811 -- the fixture
    for account in ("a", "b"):
        await shared.put(LANE, names(account, 2_500), urgent=False, account=account)
    await shared.put(LANE, ["otp"], urgent=True)
    while await shared.take(LANE, 1_300):
        pass
    with redis.Redis.from_url(redis_url) as client:
        left = [key for key in client.scan_iter(match=f"heliograph:queue:{{{LANE}}}*") if client.type(key) != b"stream"]
        assert left == []
        assert [client.xlen(f"heliograph:queue:{{{LANE}}}:{one}") for one in ("urgent", "others")] == [0, 0]


async def test_what_a_release_with_consumer_groups_holds_is_taken_all_the_same(shared, redis_url):  # noqa: F811 -- the fixture
    stream = f"heliograph:queue:{{{LANE}}}:urgent"
    with redis.Redis.from_url(redis_url) as client:
        client.xgroup_create(stream, "workers", "0", mkstream=True)
        await shared.put(LANE, ["a", "b"], urgent=True)
        client.xreadgroup("workers", "of the old release", {stream: ">"}, count=1)
        assert await shared.take(LANE, 5) == ["a", "b"]
        assert client.xreadgroup("workers", "of the old release", {stream: ">"}) == []


async def test_the_queue_works_again_after_the_server_restarted():
    with short_folder() as folder:
        with running_redis(folder) as url:
            queue = open_queue(url, "test")
            await queue.put(LANE, ["a"], urgent=True)
        with pytest.raises(QueueError, match="cannot be reached"):
            await queue.take(LANE, 1)
        with running_redis(folder):
            assert await queue.take(LANE, 1) == []
            await queue.put(LANE, ["a"], urgent=True)
            assert await queue.take(LANE, 1) == ["a"]
            await queue.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda queue: queue.put(LANE, ["a"], urgent=True),
        lambda queue: queue.take(LANE, 1),
        lambda queue: queue.size(LANE),
        lambda queue: queue.wait(LANE, 1),
        lambda queue: queue.clear(),
    ],
    ids=["put", "take", "size", "wait", "clear"],
)
async def test_a_server_that_is_away_is_a_queue_error_without_its_address(call, tmp_path):
    queue = open_queue(f"unix://:secret@{tmp_path}/nobody-here", "test")
    with pytest.raises(QueueError) as caught:
        await call(queue)
    assert "secret" not in str(caught.value)
    await queue.close()


@pytest.mark.parametrize("url", ["", "amqp://localhost", "localhost:6379"])
def test_an_address_of_another_kind_is_refused(url):
    with pytest.raises(ValueError, match="must begin with memory"):
        open_queue(url, "test")


# Processes of one host.


class Host:
    """Some processes' queues that meet in one folder."""

    def __init__(self, folder):
        self.folder, self.queues, self.lost, self.heard = folder, [], [], []

    def process(self, *lanes):
        queue = LocalQueue(
            self.folder, lambda: self.lost.append(queue), lambda lane, contents: self.heard.append((lane, contents))
        )
        queue.serve(lanes)
        self.queues.append(queue)
        return queue


@pytest.fixture
async def host():
    with short_folder() as folder:
        host = Host(folder / "run")
        host.folder.parent.mkdir(exist_ok=True)
        yield host
        for queue in host.queues:
            await queue.close()
        assert list(host.folder.iterdir()) == []


async def test_a_file_beside_the_sockets_is_no_process(host):
    host.folder.mkdir(mode=0o700)
    (host.folder / "rates").write_bytes(b"kept")
    one = host.process("here")
    await one.put("elsewhere", ["a"], urgent=True)
    assert (host.folder / "rates").read_bytes() == b"kept"
    (host.folder / "rates").unlink()


async def test_what_one_process_announces_another_takes(host):
    worker, face = host.process(LANE), host.process()
    await face.put(LANE, ["a", "b"], urgent=False)
    await face.put(LANE, ["otp"], urgent=True)
    await worker.wait(LANE, 10)
    taken = []
    while len(taken) < 3:
        taken += await worker.take(LANE, 10)
        await asyncio.sleep(0)
    assert sorted(taken) == ["a", "b", "otp"]
    assert await face.size(LANE) == 0


async def test_only_who_serves_a_lane_keeps_its_ids(host):
    worker, other, face = host.process(LANE), host.process("carrier-b"), host.process()
    await face.put(LANE, names("id", 1200), urgent=False)
    while await worker.size(LANE) < 1200:  # noqa: ASYNC110 -- datagrams come by callbacks
        await asyncio.sleep(0)
    assert await other.size(LANE) == 0
    assert await worker.take(LANE, 1200) == names("id", 1200)


async def test_an_id_travels_with_what_it_stands_for(host):
    worker, other, face = host.process(LANE), host.process("carrier-b"), host.process()
    ids = names("id", 120)
    await face.put(LANE, ids, urgent=False, contents=lambda start, end: [{"of": one} for one in ids[start:end]])
    while await worker.size(LANE) < 120:  # noqa: ASYNC110 -- datagrams come by callbacks
        await asyncio.sleep(0)
    assert [one["of"] for _, some in host.heard for one in some] == ids
    assert {lane for lane, _ in host.heard} == {LANE}
    assert await other.size(LANE) == 0


async def test_contents_are_told_as_json_has_them(host):
    worker, face = host.process(LANE), host.process()
    content = MappingProxyType({"context": MappingProxyType({"order": "7"}), "parts": frozenset({1}), "none": {}})
    await face.put(LANE, ["a"], urgent=False, contents=lambda _start, _end: [content])
    await worker.wait(LANE, 10)
    assert host.heard == [(LANE, [{"context": {"order": "7"}, "parts": [1], "none": {}}])]


async def test_contents_that_are_too_large_stay_behind(host):
    worker, face = host.process(LANE), host.process()
    await face.put(LANE, ["a"], urgent=False, contents=lambda _start, _end: ["x" * 70_000])
    await worker.wait(LANE, 10)
    assert await worker.take(LANE, 1) == ["a"]
    assert host.heard == [(LANE, [])]


async def test_a_process_makes_no_contents_for_itself(queue):
    def contents(_start, _end):
        raise AssertionError

    await queue.put(LANE, ["a"], urgent=False, contents=contents)
    assert await queue.take(LANE, 1) == ["a"]


async def test_a_dead_process_is_forgotten_with_its_socket(host):
    dead = host.process(LANE)
    asyncio.get_running_loop().remove_reader(dead._socket.fileno())
    dead._socket.close()
    dead._socket = None
    left = list(host.folder.iterdir())
    face = host.process()
    await face.put(LANE, ["a"], urgent=False)
    assert not left[0].exists()


async def test_a_process_that_does_not_read_is_told_that_something_was_lost(host):
    worker, face = host.process(LANE), host.process()
    reader = worker._socket.fileno()
    asyncio.get_running_loop().remove_reader(reader)
    for number in range(2_000):
        await face.put(LANE, [str(number)], urgent=False)
    asyncio.get_running_loop().add_reader(reader, worker._read)
    async with asyncio.timeout(30):
        while not host.lost:  # noqa: ASYNC110 -- datagrams come by callbacks
            await asyncio.sleep(0.001)
    assert host.lost == [worker]
    assert 0 < await worker.size(LANE) < 2_000
