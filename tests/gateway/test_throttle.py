from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.meeting import meeting_place
from gateway.throttle import Throttle, open_throttle
from gateway.throttle import file as file_buckets
from gateway.throttle.base import KEPT, Bought, ThrottleError, Want, want
from gateway.throttle.file import FileBuckets
from gateway.throttle.redis import RedisBuckets
from gateway.throttle.throttle import AWAY
from tests.support.redis_server import PROGRAMS, redis_of, redis_url  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.throttle.base import Buckets

NOW = 1_795_000_000.0


@pytest.fixture(params=["memory", *PROGRAMS])
def opened(request: pytest.FixtureRequest) -> Callable[[], Throttle]:
    """Opens the throttle of one more process."""
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_of")(request.param)
    instance = f"test-{uuid4()}"
    return lambda: open_throttle(url, instance)


@pytest.fixture
async def throttle(opened: Callable[[], Throttle]) -> AsyncIterator[Throttle]:
    one = opened()
    yield one
    await one.close()


@pytest.fixture
async def other(opened: Callable[[], Throttle]) -> AsyncIterator[Throttle]:
    """That of another process."""
    one = opened()
    yield one
    await one.close()


async def drain(throttle: Throttle, limits: list[tuple[str, float]], n: int, now: float) -> int:
    """How many messages of n parts go at one moment."""
    taken = 0
    while await throttle.take(limits, n, now) == 0.0:
        taken += 1
    return taken


async def test_a_full_bucket_holds_one_second(throttle):
    assert await drain(throttle, [("a", 10.0)], 1, NOW) == 10


async def test_what_is_bought_ahead_is_missing_from_the_second(throttle):
    assert await drain(throttle, [("a", 1000.0)], 1, NOW) == 900


async def test_the_wait_is_the_time_until_the_next_token(throttle):
    await drain(throttle, [("a", 10.0)], 1, NOW)
    wait = await throttle.take([("a", 10.0)], 1, NOW)
    assert wait == pytest.approx(0.1, abs=1e-5)
    assert await throttle.take([("a", 10.0)], 1, NOW + wait + 1e-6) == 0.0
    assert await throttle.take([("a", 10.0)], 1, NOW + wait + 1e-6) > 0


async def test_parts_are_counted_and_not_messages(throttle):
    assert await drain(throttle, [("a", 12.0)], 3, NOW) == 4


async def test_a_message_with_more_parts_than_the_bucket_holds_goes_and_leaves_a_debt(throttle):
    assert await throttle.take([("a", 1.0)], 5, NOW) == 0.0
    assert await throttle.take([("a", 1.0)], 1, NOW) == pytest.approx(5.0, abs=1e-5)
    assert await throttle.take([("a", 1.0)], 1, NOW + 4.9) > 0
    assert await throttle.take([("a", 1.0)], 1, NOW + 5.001) == 0.0


async def test_a_rate_below_one_a_second_lets_one_through_at_a_time(throttle):
    limits = [("slow", 0.1)]  # Telnyx's long codes
    assert await drain(throttle, limits, 1, NOW) == 1
    assert await throttle.take(limits, 1, NOW) == pytest.approx(10.0, abs=1e-5)


async def test_nothing_is_taken_from_one_bucket_when_another_lacks(throttle):
    both = [("connector", 20.0), ("identity", 1.0)]
    assert await throttle.take(both, 1, NOW) == 0.0
    assert await throttle.take(both, 1, NOW) == pytest.approx(1.0, abs=1e-5)
    assert await drain(throttle, [("connector", 20.0)], 1, NOW) == 19


async def test_the_longest_wait_of_several_buckets_counts(throttle):
    await drain(throttle, [("a", 10.0)], 1, NOW)
    await drain(throttle, [("b", 1.0)], 1, NOW)
    assert await throttle.take([("a", 10.0), ("b", 1.0)], 1, NOW) == pytest.approx(1.0, abs=1e-5)


async def test_keys_have_buckets_of_their_own(throttle):
    await drain(throttle, [("a", 1.0)], 1, NOW)
    assert await throttle.take([("b", 1.0)], 1, NOW) == 0.0


async def test_without_limits_everything_goes(throttle):
    assert await throttle.take([], 1000, NOW) == 0.0


async def test_a_changed_rate_holds_from_the_next_take(throttle):
    await drain(throttle, [("a", 1.0)], 1, NOW)
    assert await throttle.take([("a", 20.0)], 1, NOW + 0.5) == 0.0
    assert await throttle.take([("a", 1.0)], 1, NOW + 0.5) > 0


async def test_an_idle_bucket_is_full_again_and_no_fuller(throttle):
    await drain(throttle, [("a", 10.0)], 1, NOW)
    assert await drain(throttle, [("a", 10.0)], 1, NOW + 3600) == 10


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
async def test_a_rate_that_lets_nothing_through_is_refused(throttle, rate):
    with pytest.raises(ValueError, match="must be above 0"):
        await throttle.take([("a", rate)], 1, NOW)


async def test_processes_share_their_buckets(throttle, other):
    assert await drain(throttle, [("a", 10.0)], 1, NOW) == 10
    assert await other.take([("a", 10.0)], 1, NOW) > 0


async def test_processes_share_the_buckets_of_which_they_buy_slices(throttle, other):
    assert await drain(throttle, [("a", 1000.0)], 1, NOW) == 900
    assert await other.take([("a", 1000.0)], 1, NOW) > 0


async def test_what_one_process_has_bought_another_has_not(throttle, other):
    assert await throttle.take([("a", 1000.0)], 1, NOW) == 0.0
    assert await drain(other, [("a", 1000.0)], 1, NOW) == 850
    assert await drain(throttle, [("a", 1000.0)], 1, NOW) == 49


async def test_what_was_bought_is_good_for_a_moment_only(throttle):
    await drain(throttle, [("a", 1000.0)], 2, NOW)
    assert await throttle.take([("a", 1000.0)], 1, NOW + 0.05) == 0.0
    with_slice = await drain(throttle, [("a", 1000.0)], 1, NOW + 0.05)
    assert with_slice == 49
    await throttle.take([("b", 1000.0)], 1, NOW)
    assert await drain(throttle, [("b", 1000.0)], 1, NOW + KEPT + 3600) == 900


async def test_two_tasks_of_a_process_do_not_use_the_same_token(throttle):
    takes = [throttle.take([("a", 60.0)], 2, NOW) for _ in range(60)]
    waits = await asyncio.gather(*takes)
    assert sum(wait == 0.0 for wait in waits) == 27  # 54 tokens


# The law: never more than rate * t + burst, and the further parts of one message; whoever takes them.

STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 12), st.booleans()), min_size=1, max_size=60)
QUICK = st.lists(st.tuples(st.floats(0, 0.2), st.integers(1, 60), st.booleans()), min_size=1, max_size=60)
RATES = st.floats(0.1, 50)
FAST = st.floats(40, 500)


async def check_law(throttles: Sequence[Throttle], rate: float, steps: list[tuple[float, int, bool]]) -> None:
    now, sent = NOW, []
    for pause, parts, which in steps:
        now += pause
        if await throttles[which].take([("a", rate)], parts, now) == 0.0:
            sent.append((now, parts))
    burst = max(1.0, rate)
    for first, (start, _) in enumerate(sent):
        total = 0
        for moment, parts in sent[first:]:
            total += parts
            allowed = rate * (moment - start) + burst + parts - 1
            assert total <= allowed + 1e-3


async def two(open_one: Callable[[], Throttle], rate: float, steps: list[tuple[float, int, bool]]) -> None:
    throttles = open_one(), open_one()
    await check_law(throttles, rate, steps)
    for one in throttles:
        await one.close()


@pytest.mark.parametrize(("rates", "steps"), [(RATES, STEPS), (FAST, QUICK)], ids=["slow", "fast"])
def test_no_span_of_time_lets_more_through_than_its_rate_and_one_burst(tmp_path, rates, steps):
    @given(rate=rates, steps=steps)
    @settings(max_examples=60, deadline=None)
    def check(rate: float, steps: list[tuple[float, int, bool]]) -> None:
        path = tmp_path / str(uuid4()) / "rates"
        asyncio.run(two(lambda: Throttle(FileBuckets(path)), rate, steps))
        path.unlink()

    check()


@pytest.mark.parametrize(("rates", "steps"), [(RATES, STEPS), (FAST, QUICK)], ids=["slow", "fast"])
def test_redis_keeps_the_same_law(redis_url, rates, steps):  # noqa: F811 -- the fixture
    @given(rate=rates, steps=steps)
    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def check(rate: float, steps: list[tuple[float, int, bool]]) -> None:
        prefix = str(uuid4())
        asyncio.run(two(lambda: Throttle(RedisBuckets(redis_url, prefix)), rate, steps))

    check()


@given(rate=st.one_of(RATES, FAST), parts=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_whoever_keeps_asking_gets_the_whole_rate(rate, parts):
    async def check() -> None:
        throttle = Throttle(FileBuckets())
        now, sent = 0.0, 0
        while now < 200 * parts / rate:
            wait = await throttle.take([("a", rate)], parts, now)
            sent += 0 if wait else parts
            now += wait and wait + 1e-6
        assert sent >= rate * now * 0.999
        await throttle.close()

    asyncio.run(check())


# Slices.


async def test_what_is_left_of_a_bucket_is_given_and_no_more(opened):
    throttle = opened()
    wants = [Want("a", 100.0, 10.0, 1, 4)]
    bought = [await throttle._shared.buy(wants, NOW) for _ in range(4)]
    assert [one.counts for one in bought] == [(4,), (4,), (2,), ()]
    assert bought[-1].wait == pytest.approx(0.01, abs=1e-5)
    await throttle.close()


async def test_what_is_needed_is_given_though_it_is_not_there(opened):
    throttle = opened()
    wants = [Want("a", 100.0, 10.0, 1, 4), Want("b", 1.0, 1.0, 3, 3)]
    assert (await throttle._shared.buy(wants, NOW)).counts == (4, 3)
    await throttle.close()


class Counting:
    """Buckets of one process that count how often they are asked, and may be away."""

    def __init__(self) -> None:
        self._buckets, self.asked, self.away = FileBuckets(), 0, False

    async def buy(self, wants: Sequence[Want], now: float) -> Bought:
        self.asked += 1
        if self.away:
            raise ThrottleError("away")
        return await self._buckets.buy(wants, now)

    async def close(self) -> None:
        await self._buckets.close()


@pytest.mark.parametrize(("rate", "messages", "calls"), [(1000.0, 100, 2), (100.0, 90, 18), (39.0, 39, 39)])
async def test_a_slice_is_asked_for_and_not_each_message(rate, messages, calls):
    buckets = Counting()
    throttle = Throttle(buckets)
    for _ in range(messages):
        assert await throttle.take([("a", rate)], 1, NOW) == 0.0
    assert buckets.asked == calls


@pytest.mark.parametrize(
    ("back", "calls"),
    [(0.02, 1), (3600, 2)],
    ids=["by a task that has waited meanwhile", "by a clock that was set back"],
)
async def test_what_was_bought_is_asked_for_at_an_earlier_moment(back, calls):
    buckets = Counting()
    throttle = Throttle(buckets)
    for now in (NOW, NOW - back):
        assert await throttle.take([("a", 1000.0)], 1, now) == 0.0
    assert buckets.asked == calls


@pytest.mark.parametrize(
    ("rate", "needed", "burst", "most"),
    [(0.1, 1, 1.0, 1), (39.9, 3, 39.9, 3), (40.0, 1, 36.0, 2), (1000.0, 3, 900.0, 50), (1000.0, 80, 900.0, 80)],
)
def test_how_much_is_asked_for(rate, needed, burst, most):
    assert want("a", rate, needed) == Want("a", rate, pytest.approx(burst), needed, most)


async def test_what_is_remembered_of_people_is_bounded():
    throttle = Throttle(FileBuckets())
    for number in range(25_000):
        await throttle.take([(f"person-{number}", 1.0)], 1, NOW + number)
    assert len(throttle._purses) <= 10_001
    await throttle.close()


# Buckets that cannot be reached.


async def test_while_the_shared_buckets_are_away_each_process_counts_for_itself():
    buckets = Counting()
    throttle = Throttle(buckets)
    buckets.away = True
    assert await drain(throttle, [("a", 10.0)], 1, NOW) == 10
    assert await throttle.take([("a", 10.0)], 1, NOW + 0.2) == 0.0


async def test_buckets_that_are_away_are_not_asked_for_each_message():
    buckets = Counting()
    throttle = Throttle(buckets)
    buckets.away = True
    for number in range(20):
        await throttle.take([("a", 10.0)], 1, NOW + number / 10)
    assert buckets.asked == 1


async def test_they_are_asked_again_a_little_later():
    buckets = Counting()
    throttle = Throttle(buckets)
    buckets.away = True
    await throttle.take([("a", 10.0)], 1, NOW)
    buckets.away = False
    for _ in range(2):
        await throttle.take([("a", 10.0)], 1, NOW + AWAY)
    assert buckets.asked == 3


async def test_a_clock_that_was_set_back_does_not_keep_them_from_being_asked():
    buckets = Counting()
    throttle = Throttle(buckets)
    buckets.away = True
    await throttle.take([("a", 10.0)], 1, NOW)
    await throttle.take([("a", 10.0)], 1, NOW - 3600)
    assert buckets.asked == 2


async def test_a_redis_that_is_away_is_a_throttle_error(tmp_path):
    buckets = RedisBuckets(f"unix://{tmp_path}/nobody-here")
    with pytest.raises(ThrottleError, match="cannot be asked"):
        await buckets.buy([want("a", 1.0, 1)], NOW)
    await buckets.close()


async def test_a_folder_that_cannot_be_made_is_a_throttle_error(tmp_path):
    (tmp_path / "taken").write_text("")
    buckets = FileBuckets(tmp_path / "taken" / "folder" / "rates")
    with pytest.raises(ThrottleError, match="cannot be reached"):
        await buckets.buy([want("a", 1.0, 1)], NOW)
    await buckets.close()


async def test_a_process_that_holds_the_file_holds_nobody_up(tmp_path):
    path = tmp_path / "instance" / "rates"
    throttle = Throttle(FileBuckets(path))
    assert await throttle.take([("a", 1.0)], 1, NOW) == 0.0
    holder = os.open(path, os.O_RDWR)
    fcntl.flock(holder, fcntl.LOCK_SH)  # who only looks must not see a half either
    assert await throttle.take([("a", 1.0)], 1, NOW) == 0.0  # by its own count
    os.close(holder)
    assert await throttle.take([("a", 1.0)], 1, NOW + AWAY) == 0.0
    await throttle.close()


# What only the file does.


async def take_one(buckets: Buckets, key: str, rate: float, now: float) -> bool:
    return (await buckets.buy([Want(key, rate, 1.0, 1, 1)], now)).wait <= 0


async def test_a_bucket_stands_when_its_process_has_ended(tmp_path):
    path = tmp_path / "instance" / "rates"
    for expected in (True, False):
        buckets = FileBuckets(path)
        assert await take_one(buckets, "a", 0.1, NOW) is expected
        await buckets.close()


async def test_a_clock_that_was_set_back_does_not_stop_everything():
    buckets = FileBuckets()
    assert await take_one(buckets, "a", 0.1, NOW)
    assert not await take_one(buckets, "a", 0.1, NOW - 0.5)
    assert await take_one(buckets, "a", 0.1, NOW - 3600)


async def test_many_buckets_are_all_kept():
    buckets = FileBuckets()
    keys = [f"identity:{number}" for number in range(5000)]
    assert all([await take_one(buckets, key, 0.01, NOW) for key in keys])
    assert not any([await take_one(buckets, key, 0.01, NOW) for key in keys])


async def test_a_full_bucket_gives_its_slot_away_and_one_in_use_does_not(monkeypatch):
    monkeypatch.setattr(file_buckets, "_SLOTS", 32)  # every key may be in every slot
    buckets = FileBuckets()
    for number in range(31):
        assert await take_one(buckets, f"done-{number}", 1.0, NOW)
    assert await take_one(buckets, "in use", 0.001, NOW)
    for number in range(31):
        assert await take_one(buckets, f"next-{number}", 0.01, NOW + 10)
    assert not await take_one(buckets, "in use", 0.001, NOW + 10)
    assert not any([await take_one(buckets, f"next-{number}", 0.01, NOW + 10) for number in range(31)])


async def test_where_all_slots_are_in_use_the_one_that_is_full_first_gives_way(monkeypatch):
    monkeypatch.setattr(file_buckets, "_SLOTS", 32)
    buckets = FileBuckets()
    for number in range(32):
        assert await take_one(buckets, f"slow-{number}", 0.001 if number else 0.01, NOW)
    assert await take_one(buckets, "new", 0.001, NOW)
    assert not any([await take_one(buckets, f"slow-{number}", 0.001, NOW) for number in range(1, 32)])


async def test_the_file_is_for_its_user_alone(tmp_path):
    throttle = open_throttle("memory://", f"test-{tmp_path}")
    await throttle.take([("a", 1.0)], 1, NOW)
    file = meeting_place(f"test-{tmp_path}") / "rates"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    await throttle.close()


# What only Redis does.


async def test_redis_forgets_a_bucket_soon_after_it_is_full(redis_url):  # noqa: F811 -- the fixture
    buckets = RedisBuckets(redis_url)
    await buckets.buy([Want("a", 2.0, 2.0, 6, 6)], NOW)
    with redis.Redis.from_url(redis_url) as client:
        assert 3_000 < client.pttl("heliograph:{throttle}:a") <= 13_000
    await buckets.close()
