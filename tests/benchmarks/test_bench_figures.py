"""What the benchmark programs make of what they measured. They are no package: they find each other by their folder."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import bench  # noqa: E402 -- found by the line above
import history  # noqa: E402 -- as above
import loads  # noqa: E402 -- as above
import measuring  # noqa: E402 -- as above
import runs  # noqa: E402 -- as above
import soak  # noqa: E402 -- as above
import stages  # noqa: E402 -- as above

from gateway.model import MessageType  # noqa: E402 -- as above
from gateway.numbers import parse_destination  # noqa: E402 -- as above
from gateway.store import tables  # noqa: E402 -- as above

MINUTE = 60.0


# Flat or not


def samples(*values, what="rss_mb", pid=1):
    """One sample a minute; the other figure stays as it is."""
    figures = {"rss_mb": 100.0, "handles": 50, "threads": 5}
    return [soak.Sample(minute * MINUTE, pid, **(figures | {what: value})) for minute, value in enumerate(values)]


def growing(before, after, what="rss_mb"):
    """Thirty minutes: ``before`` until minute 10, ``after`` in the last five, and neither in between."""
    return samples(*[1] * 5, *[before] * 5, *[1] * 15, *[after] * 5, what=what)


@pytest.mark.parametrize("what", ["rss_mb", "handles"])
@pytest.mark.parametrize(
    ("after", "flat"), [(1000.0, True), (1029.9, True), (1030.0, False), (1100.0, False), (900.0, True)]
)
def test_last_five_minutes_against_minutes_5_to_10(what, after, flat):
    verdicts = {one.what: one for one in soak.judge(growing(1000.0, after, what), 30 * MINUTE)}
    assert verdicts[what].flat is flat
    assert (verdicts[what].before, verdicts[what].after) == (1000.0, after)


def test_threads_are_not_judged():
    assert {one.what for one in soak.judge(growing(5, 50, "threads"), 30 * MINUTE)} == {"rss_mb", "handles"}


def test_one_process_that_grows_is_seen_among_others():
    one = samples(*[100.0] * 30, pid=1)
    other = [soak.Sample(s.second, 2, s.rss_mb, s.handles, s.threads) for s in growing(100.0, 104.0)]
    assert [(v.pid, v.what) for v in soak.judge(one + other, 30 * MINUTE) if not v.flat] == [(2, "rss_mb")]


def test_a_process_that_was_there_at_one_end_only_is_not_judged():
    assert soak.judge(samples(*[100.0] * 12), 30 * MINUTE) == []


def test_one_outlier_does_not_decide():
    values = [100.0] * 29 + [500.0]
    assert all(one.flat for one in soak.judge(samples(*values), 30 * MINUTE))


# Stages

SITE = "/venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("frames", "stage"),
    [
        (["run (/py/asyncio/runners.py)"], "event loop"),
        (["run (/py/asyncio/runners.py)", f"start ({SITE}/aiohttp/web_protocol.py)"], "HTTP server"),
        ([f"start ({SITE}/aiohttp/web_protocol.py)", "send (/x/gateway/api/rest/messages.py)"], "API handlers"),
        # A module that server and client share goes to whoever called it.
        ([f"start ({SITE}/aiohttp/web_protocol.py)", f"_write ({SITE}/aiohttp/http_writer.py)"], "HTTP server"),
        ([f"_request ({SITE}/aiohttp/client.py)", f"_write ({SITE}/aiohttp/http_writer.py)"], "events and webhooks"),
        # So does encoding an event, which every change of a status does.
        (["apply (/x/gateway/outbound/accept.py)", "encode (/x/gateway/events/record.py)"], "accept"),
        (["apply (/x/gateway/outbound/settle.py)", "move_in (/x/gateway/resources/messages.py)"], "settle"),
        (["_run (/x/gateway/store/writer.py)", "apply (/x/gateway/outbound/claim.py)"], "claim"),
        (["apply (/x/gateway/receipts.py)", "check (/x/compliance/engine.py)"], "receipts and inbound"),
        (["apply (/x/gateway/outbound/accept.py)", "BareSqlite.many (/x/gateway/store/bare.py)"], "database driver"),
        (["by_driver (/x/gateway/store/transactions.py)", "BareSqlite.commit (/x/gateway/store/bare.py)"], "commit"),
        (["BarePostgres.rows (/x/gateway/store/bare.py)", f"fetch ({SITE}/asyncpg/connection.py)"], "database driver"),
        (["_WorkItem.run (/py/concurrent/futures/thread.py)"], "commit"),
        (["_fill (/x/gateway/worker/pump.py)", "flush (/x/carriers/smpp/wire.py)"], "SMPP"),
        (["_fill (/x/gateway/worker/pump.py)"], "pump and queue"),
        (["_bootstrap (/py/threading.py)"], "other"),
    ],
)
def test_innermost_frame_with_a_stage_decides(frames, stage):
    assert stages.stage_of(frames) == stage


def test_every_rule_names_a_known_stage():
    assert {rule.stage for rule in stages.RULES} - {stages.CALLER} <= set(stages.STAGES)


def test_every_rule_of_ours_names_what_is_there():
    """A module that is renamed must not fall out of the picture unseen."""
    ours = {rule.path for rule in stages.RULES if rule.path.startswith(("gateway/", "carriers/"))}
    assert {path for path in ours if not (BENCHMARKS.parent / path).exists()} == set()


def test_samples_are_counted_by_stage():
    lines = [
        "run (/py/asyncio/runners.py) 3",
        "run (/py/asyncio/runners.py);start (/x/aiohttp/web_protocol.py) 5",
        "run (/py/asyncio/runners.py);handle (/x/aiohttp/web_app.py) 2",
    ]
    assert stages.fold(lines) == Counter({"event loop": 3, "HTTP server": 7})


def test_stages_share_the_cpu_time_and_servers_have_their_own():
    row = {"cpu_s_per_1000": 2.0, "postgres_cpu_s_per_1000": 0.5, "postgres_mb": 50.0}
    found = stages.shares(Counter({"accept": 30, "claim": 10}), row)
    assert {stage: size for stage, size in found.items() if size} == {
        "accept": 1.5, "claim": 0.5, "PostgreSQL's processes": 0.5,
    }  # fmt: skip


# Medians and spread


def test_medians_but_the_worst_of_what_must_be_none():
    rows = [
        {"label": "a", "http_s": speed, "missing": lost, "duplicates": lost} for speed, lost in ((1, 0), (9, 2), (2, 1))
    ]
    assert measuring.median(rows) == {"label": "a", "http_s": 2, "missing": 2, "duplicates": 2}


def test_spread_is_of_the_rate_that_the_run_is_about():
    rows = [{"label": "", "http_s": 5000.0, "e2e_mid_s": 300.0, "cb_mid_s": speed} for speed in (90.0, 100.0, 120.0)]
    assert bench.summary("run", rows)["spread"] == 30.0


def test_one_round_has_no_spread_and_servers_are_added_up():
    row = {"label": "", "http_s": 1.0, "postgres_cpu_s_per_1000": 0.4, "redis_cpu_s_per_1000": 0.1, "postgres_mb": 40.0}
    found = bench.summary("run", [row])
    assert (found["spread"], found["servers_cpu_s_per_1000"], found["servers_mb"]) == (None, 0.5, 40.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0, "0"), (12345, "12345"), (12345.6, "12,346"), (0.83823, "0.8382"), (51.488, "51.49")],
)
def test_cells(value, shown):
    assert measuring.table_row({"x": value}, {"x": "X"}) == f"| {shown} |"


def test_names_of_runs_are_unique():
    names = [run.name for run in runs.ALL]
    assert len(set(names)) == len(names)


def test_only_chooses_from_all_runs_and_without_it_the_quick_ones():
    quick = {run.name for run in runs.chosen(full=False, only="")}
    assert quick < {run.name for run in runs.chosen(full=True, only="")}
    assert all(run.quick for run in runs.ALL if run.name in quick)
    assert [run.name for run in runs.chosen(full=False, only="10,000,000")] == [
        run.name for run in runs.ALL if run.stored == 10_000_000
    ]


# A history to fill a store with

UNTIL = 1_790_000_000_000_000


def finished(stored, count=500):
    plan = history.History(stored, UNTIL)
    return [plan._message(k) for k in range(count)]


def test_ids_and_times_go_up_and_end_before_now():
    messages = finished(1_000_000)
    assert [m.id for m in messages] == sorted({m.id for m in messages})
    assert all(a.created_at < b.created_at for a, b in itertools.pairwise(messages))
    assert history.History(1_000_000, UNTIL)._message(999_999).final_at < UNTIL + history.SECOND


def test_ids_are_uuid7_of_their_time():
    for message in finished(1000, 50):
        assert UUID(message.id).version == 7
        assert UUID(message.id).int >> 80 == message.created_at // 1000


def test_each_person_has_five_messages():
    people = Counter(m.to for m in finished(20_000, 20_000))
    assert set(people.values()) == {history.PER_PERSON}


@pytest.mark.parametrize("stored", [1, 777, 20_000, 1_000_000, 10_000_000])
def test_looked_up_numbers_are_those_of_people(stored):
    apart = history.spacing(stored)
    assert loads.NUMBERS % apart == 0
    step = apart * loads.SPREAD % loads.NUMBERS
    assert all(k * step % loads.NUMBERS % apart == 0 for k in range(1, 1000))


def test_people_can_be_sent_to():
    for message in finished(10_000_000, 200):
        assert parse_destination(message.to).e164 == message.to


def test_rows_fit_their_statements_and_tell_of_one_message():
    blocks = list(history.History(1000, UNTIL).block(0, 20))
    assert [hot for hot, _ in blocks] == list(history.INSERTS)
    assert all(len(row) == len(hot.params) for hot, rows in blocks for row in rows)
    messages, parts, events = (rows for _, rows in blocks)
    assert len(messages) == 20
    assert len(parts) == 22  # every tenth has two
    assert Counter(row[1] for row in events) == dict.fromkeys((row[0] for row in messages), 4)


def test_messages_are_done():
    columns = dict(zip(history.MESSAGE, finished(1000, 1)[0].row(), strict=True))
    assert columns["final_at"] is not None
    assert columns["message_type"] == MessageType.TRANSACTIONAL
    assert set(columns) <= set(tables.messages.c.keys())


def test_the_load_repeats_no_number():
    assert len({k * loads.SPREAD % loads.NUMBERS for k in range(100_000)}) == 100_000
    assert loads.SPREAD % 2
    assert loads.SPREAD % 5
