from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.throttle import Bucket, LocalThrottle, Throttle, ThrottleError, open_throttle
from gateway.throttle.redis import RedisThrottle
from tests.support.redis_server import redis_server, redis_url  # noqa: F401 -- fixtures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = 1_795_000_000.0


@pytest.fixture(params=["memory", "redis"])
async def throttle(request: pytest.FixtureRequest) -> AsyncIterator[Throttle]:
    url = "memory://" if request.param == "memory" else request.getfixturevalue("redis_url")
    opened = open_throttle(url)
    yield opened
    await opened.close()


async def drain(throttle: Throttle, limits: list[tuple[str, float]], n: int, now: float) -> int:
    """How many messages of n parts go at one moment."""
    taken = 0
    while await throttle.take(limits, n, now) == 0.0:
        taken += 1
    return taken


# What both do.


async def test_a_full_bucket_holds_one_second(throttle):
    assert await drain(throttle, [("a", 10.0)], 1, NOW) == 10


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
    both = [("connector", 100.0), ("identity", 1.0)]
    assert await throttle.take(both, 1, NOW) == 0.0
    assert await throttle.take(both, 1, NOW) == pytest.approx(1.0, abs=1e-5)
    assert await drain(throttle, [("connector", 100.0)], 1, NOW) == 99


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
    assert await throttle.take([("a", 100.0)], 1, NOW + 0.5) == 0.0
    assert await throttle.take([("a", 1.0)], 1, NOW + 0.5) > 0


async def test_an_idle_bucket_is_full_again_and_no_fuller(throttle):
    await drain(throttle, [("a", 10.0)], 1, NOW)
    assert await drain(throttle, [("a", 10.0)], 1, NOW + 3600) == 10


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
async def test_a_rate_that_lets_nothing_through_is_refused(throttle, rate):
    with pytest.raises(ValueError, match="must be above 0"):
        await throttle.take([("a", rate)], 1, NOW)


# The law: never more than rate * t + burst, and the further parts of one message.

STEPS = st.lists(st.tuples(st.floats(0, 3), st.integers(1, 12)), min_size=1, max_size=60)
RATES = st.floats(0.1, 50)


async def check_law(throttle: Throttle, key: str, rate: float, steps: list[tuple[float, int]]) -> None:
    now, sent = NOW, []
    for pause, parts in steps:
        now += pause
        if await throttle.take([(key, rate)], parts, now) == 0.0:
            sent.append((now, parts))
    burst = max(1.0, rate)
    for first, (start, _) in enumerate(sent):
        total = 0
        for moment, parts in sent[first:]:
            total += parts
            allowed = rate * (moment - start) + burst + parts - 1
            assert total <= allowed + 1e-3


@given(rate=RATES, steps=STEPS)
@settings(max_examples=60)
def test_no_span_of_time_lets_more_through_than_its_rate_and_one_burst(rate, steps):
    asyncio.run(check_law(LocalThrottle(), "a", rate, steps))


@given(rate=RATES, steps=STEPS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_keeps_the_same_law(redis_url, rate, steps):  # noqa: F811 -- the fixture
    async def check() -> None:
        throttle = RedisThrottle(redis_url)
        await check_law(throttle, f"{rate}/{steps}", rate, steps)
        await throttle.close()

    asyncio.run(check())


@given(rate=RATES, steps=STEPS)
@settings(max_examples=40)
def test_who_asks_again_after_the_wait_is_served(rate, steps):
    bucket = Bucket(rate, max(1.0, rate))
    now = 0.0
    for pause, parts in steps:
        now = bucket.next_at(now + pause)
        assert bucket.take(parts, now)


@given(rate=RATES, parts=st.integers(1, 20))
@settings(max_examples=40)
def test_whoever_keeps_asking_gets_the_whole_rate(rate, parts):
    bucket, now, sent = Bucket(rate, max(1.0, rate)), 0.0, 0
    while now < 1000 * parts / rate:
        now = bucket.next_at(now)
        bucket.take(parts, now)
        sent += parts
    assert sent >= rate * now


# What only memory does.


async def test_full_buckets_are_forgotten_and_others_are_kept():
    throttle = LocalThrottle(keys=100)
    for number in range(1000):
        await throttle.take([(f"person-{number}", 1.0)], 1, NOW + number)
    assert len(throttle) <= 100
    assert await throttle.take([("person-999", 1.0)], 1, NOW + 999) > 0


async def test_buckets_in_use_are_kept_however_many():
    throttle = LocalThrottle(keys=10)
    for number in range(50):
        assert await throttle.take([(f"person-{number}", 1.0)], 1, NOW) == 0.0
    for number in range(50):
        assert await throttle.take([(f"person-{number}", 1.0)], 1, NOW) > 0


async def test_a_sweep_in_between_does_not_lose_a_bucket_of_the_same_take():
    throttle = LocalThrottle(keys=1)
    for _ in range(3):
        await throttle.take([("a", 1.0), ("b", 1.0), ("c", 1.0)], 1, NOW)
    assert await throttle.take([("a", 1.0)], 1, NOW) > 0


async def test_a_clock_that_was_set_back_does_not_stop_everything():
    throttle = LocalThrottle()
    await drain(throttle, [("a", 1.0)], 1, NOW)
    assert await throttle.take([("a", 1.0)], 1, NOW - 3600) == 0.0


# What only Redis does.


async def test_nodes_share_their_buckets(redis_url):  # noqa: F811 -- the fixture
    one, other = RedisThrottle(redis_url), RedisThrottle(redis_url)
    assert await drain(one, [("a", 10.0)], 1, NOW) == 10
    assert await other.take([("a", 10.0)], 1, NOW) > 0
    await one.close()
    await other.close()


async def test_redis_forgets_a_bucket_soon_after_it_is_full(redis_url):  # noqa: F811 -- the fixture
    throttle = RedisThrottle(redis_url)
    await throttle.take([("a", 2.0)], 6, NOW)
    with redis.Redis.from_url(redis_url) as client:
        assert 3_000 < client.pttl("heliograph:{throttle}:a") <= 13_000
    await throttle.close()


async def test_a_server_that_is_away_is_a_throttle_error(tmp_path):
    throttle = open_throttle(f"unix://{tmp_path}/nobody-here")
    with pytest.raises(ThrottleError, match="cannot be asked"):
        await throttle.take([("a", 1.0)], 1, NOW)
    await throttle.close()
