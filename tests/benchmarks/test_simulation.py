"""The simulation of docs/scaling.md: it loses and doubles nothing by itself, and it can say no."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from benchmarks.simulation.clock import Clock, Cores
from benchmarks.simulation.costs import Costs, Figure
from benchmarks.simulation.ledger import Ledger, LedgerError, Place, Told, Unit, percentile
from benchmarks.simulation.plan import BATCH, Plan
from benchmarks.simulation.plot import svg
from benchmarks.simulation.run import Loss, Script, run
from benchmarks.simulation.sizing import Needs, Sizing, tables
from benchmarks.simulation.summary import summary
from benchmarks.simulation.traffic import Traffic, spread
from benchmarks.simulation.world import World

SMALL = Plan(
    rate=600, api=2, worker=3, events=2, processes=2, shards=2, connectors=12, accounts=24, most=60, window=60, headroom=4,
)  # fmt: skip
# A database is back after 6 s and a Redis primary after 3: the runs are short.
SOON = {"pg.failover": 6.0, "redis.failover": 3.0}
KINDS = ("api", "worker", "events", "scheduler", "redis", "postgresql")
FINAL = {Place.SUBMITTED, Place.DELIVERED, Place.UNKNOWN, Place.REFUSED, Place.CUT}


@pytest.fixture(scope="module")
def costs():
    return changed(Costs.load(), **SOON)


def changed(costs, **seconds):
    return Costs(costs.figures | {name: Figure(value, "s", "assumed", "test") for name, value in seconds.items()})


@pytest.fixture(scope="module")
def all_lost(costs):
    """One of each kind lost within twelve seconds, for good."""
    losses = tuple(Loss(5 + 2 * number, kind) for number, kind in enumerate(KINDS))
    return run(SMALL, costs, Script("all", 36, losses))


@pytest.fixture(scope="module", params=KINDS)
def one_lost(request, costs):
    return request.param, run(SMALL, costs, Script("one", 26, (Loss(6, request.param),)))


# Conservation.


def test_every_message_ends_in_one_place(all_lost):
    units = all_lost.ledger.units
    assert {unit.place for unit in units} <= FINAL
    assert sum(unit.n for unit in units) == all_lost.ledger.offered == sum(all_lost.per_second("offered"))
    for place in Place:
        assert sum(unit.n for unit in units if unit.place is place) == all_lost.ledger.places[place]


def test_what_was_answered_202_is_never_lost(all_lost):
    accepted = [unit for unit in all_lost.ledger.units if unit.told is Told.ACCEPTED]
    assert {unit.place for unit in accepted} <= {Place.SUBMITTED, Place.DELIVERED, Place.UNKNOWN}
    assert sum(unit.n for unit in accepted) > 0.8 * all_lost.ledger.offered


def test_every_app_is_answered_or_knows_that_it_is_not(all_lost):
    told = all_lost.ledger.told
    assert told[Told.NOTHING] == 0
    assert told[Told.REFUSED] > 0
    assert told[Told.ACCEPTED] + told[Told.REFUSED] + told[Told.CUT] == all_lost.ledger.offered


def test_the_carriers_count_what_left_once(all_lost):
    left = [unit for unit in all_lost.ledger.units if unit.got]
    assert sum(unit.n for unit in left) == all_lost.ledger.taken
    assert {unit.place for unit in left} <= {Place.SUBMITTED, Place.DELIVERED, Place.UNKNOWN}


def test_every_committed_event_is_given(one_lost):
    kind, report = one_lost
    events = report.document()["events"]
    assert events["given"] - events["given again"] == events["committed"] > 0
    assert (events["given again"] > 0) == (kind == "events")
    assert report.document()["replies"]["sent"] == report.document()["replies"]["stored"] > 0


def test_a_storm_of_losses_loses_nothing(costs):
    """Slow commits and announcements, so that losses hit work at every stage, also between a commit and its answer."""
    slow = changed(costs, **{"net.standby": 0.4, "put.client": 0.02, "redeliver": 3.0, "refill": 3.0})
    losses = tuple(
        Loss(3 + 1.3 * number, kind, back_after=4, number=number // len(KINDS) % 2)
        for number, kind in enumerate(KINDS * 3)
    )
    yet_stored = Counter()
    for seed in range(1, 7):
        report = run(replace(SMALL, seed=seed, window=100), slow, Script("storm", 30, losses))
        assert report.faults == []
        yet_stored += report.ledger.yet_stored
    assert yet_stored.keys() == {Told.REFUSED, Told.CUT}


@pytest.mark.parametrize(("every", "least", "most"), [(0.2, 0.0, 1.0), (2.0, 0.3, 3.0)])
def test_events_are_given_again_from_the_last_cursor_on_record(costs, every, least, most):
    """Seconds' worth of the lost host's half of the events."""
    saving = changed(costs, save=every)
    report = run(SMALL, saving, Script("events", 18, (Loss(9, "events"),)))
    again = report.document()["events"]["given again"]
    assert least < again / (SMALL.rate / 2) < most


def test_a_run_that_misses_something_says_so(all_lost):
    ledger, unit = all_lost.ledger, next(one for one in all_lost.ledger.units if one.place is Place.DELIVERED)
    rows = ledger.stored
    assert ledger.faults(rows) == []
    assert ledger.faults(rows - 1)
    for field, wrong in (("place", Place.CUT), ("got", False), ("n", 1)):
        right = getattr(unit, field)
        setattr(unit, field, wrong)
        assert ledger.faults(rows), field
        setattr(unit, field, right)
    assert ledger.faults(rows) == []


@pytest.mark.parametrize(
    ("place", "to"),
    [
        (Place.ARRIVING, Place.SUBMITTING), (Place.QUEUED, Place.SUBMITTED), (Place.UNKNOWN, Place.QUEUED),
        (Place.REFUSED, Place.QUEUED), (Place.DELIVERED, Place.SUBMITTED), (Place.SUBMITTING, Place.QUEUED),
    ],
)  # fmt: skip
def test_moves_that_no_message_makes(place, to):
    ledger, unit = Ledger(), Unit(1, 0, 0, 0.0, 0.0, place=place)
    with pytest.raises(LedgerError):
        ledger.move(unit, to, 1.0)


def test_nothing_is_submitted_or_answered_twice():
    ledger, unit = Ledger(), Unit(1, 0, 0, 0.0, 0.0)
    ledger.offer(unit)
    ledger.take(unit)
    ledger.tell(unit, Told.ACCEPTED, 1.0)
    with pytest.raises(LedgerError):
        ledger.take(unit)
    with pytest.raises(LedgerError):
        ledger.tell(unit, Told.REFUSED, 2.0)


# Losses.


def test_the_offered_rate_is_kept_after_one_is_lost(one_lost):
    kind, report = one_lost
    assert report.verdict() == []
    assert report.recoveries()[kind] is not None
    offered, accepted, submitted = (
        sum(report.per_second(what)[19:25]) for what in ("offered", Told.ACCEPTED, Place.SUBMITTED)
    )
    assert accepted == pytest.approx(offered, rel=0.03)
    assert submitted > 0.9 * offered


def test_only_a_worker_leaves_unknowns_and_no_more_than_its_windows(one_lost):
    kind, report = one_lost
    unknown = report.document()["unknown"]
    if kind == "worker":
        owned = -(-SMALL.connectors // SMALL.worker)
        assert 0 < unknown["messages"] <= owned * SMALL.window
        assert unknown["of which a carrier has"] > 0
    else:
        assert unknown["messages"] == 0


def test_who_is_refused_when_what_is_lost(one_lost):
    kind, report = one_lost
    refused = report.ledger.told[Told.REFUSED] / SMALL.rate
    # Of two databases one is away for 6 s; of two API hosts one gets its half of the requests for 2 s more.
    expected = {"postgresql": 6 / 2, "api": 2 / 2}
    assert refused == pytest.approx(expected.get(kind, 0.0), rel=0.35)


def test_redis_lost_delays_and_loses_nothing(costs):
    report = run(SMALL, costs, Script("redis", 16, tuple(Loss(6, "redis", number=number) for number in range(3))))
    assert report.faults == []
    assert report.ledger.told[Told.ACCEPTED] == report.ledger.offered
    assert sum(report.per_second(Place.SUBMITTED)[7:9]) < 0.2 * sum(report.per_second("offered")[7:9])


def test_one_of_each_lost_at_once(all_lost):
    assert all_lost.verdict() == []
    assert all(seconds is not None for seconds in all_lost.recoveries().values())


def test_connectors_whose_database_is_away_let_go_of_their_links_and_bind_anew(costs):
    world = World(SMALL, changed(costs, **{"pg.failover": 20.0}))
    world.load(40)
    world.clock.at(5.0, world.fates.primary, "postgresql", 0)
    up = {}
    for at in (8.9, 11.1, 24.9, 28.1):
        world.clock.run(at)
        up[at] = [{one.up for one in world.connectors if world.traffic.home[one.number] == shard} for shard in (0, 1)]
    assert up == {8.9: [{True}, {True}], 11.1: [{False}, {True}], 24.9: [{False}, {True}], 28.1: [{True}, {True}]}


def test_a_host_that_comes_back_gets_its_share(costs):
    report = run(SMALL, costs, Script("back", 26, (Loss(5, "worker", back_after=11),)))
    assert report.verdict() == []
    assert [what for _, what in report.log] == ["worker host lost", "worker leases taken over", "worker host back"]
    taken_over = next(at for at, what in report.log if what == "worker leases taken over")
    assert 5 + costs["life"] - costs["beat"] < taken_over < 5 + 15
    owned = Counter(connector.owner.name for connector in report._world.connectors)
    assert set(owned.values()) == {SMALL.connectors // (SMALL.worker * SMALL.processes)}


def test_a_host_that_dies_with_the_log_locked_stops_that_database_until_it_is_noticed(costs):
    """What idle_in_transaction_session_timeout is for."""
    slow = changed(costs, **{"pg.holder": 12.0, "log.tx": 0.06})  # so long that it is locked nearly always
    report = run(replace(SMALL, pinned=False), slow, Script("holder", 24, (Loss(6, "api"),)))
    assert report.faults == []
    assert percentile(report.ledger.accept, 1.0) > 9


# Saying no.


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"api": 1, "processes": 1, "rate": 4_000, "worker": 6}, "are accepted"),
        ({"worker": 1, "processes": 1, "rate": 3_000, "api": 6}, "a backlog grows"),
        ({"webhook_batch": 1, "webhook_lanes": 10, "rate": 1_500}, "a backlog grows"),
        ({"headroom": 0.8}, "a backlog grows"),
        ({"rate": 12_000, "api": 12, "worker": 12, "shards": 1, "unit": 40, "connectors": 40}, "are accepted"),
        ({"disk": 2e6}, "are accepted"),
    ],
    ids=["API", "workers", "webhooks", "carrier", "one database", "disk"],
)
def test_a_plan_that_is_too_small_is_shown_to_fail(costs, changes, why):
    report = run(replace(SMALL, **changes), costs, Script("calm", 12))
    assert [reason for reason in report.verdict() if why in reason], report.verdict()


def test_a_loss_that_the_plan_cannot_bear_is_shown(costs):
    """Enough workers with all of them there, and not with one lost: the plan lacks the one to lose."""
    tight = replace(SMALL, rate=2_300, worker=2, processes=1, api=4, connectors=24, window=300)
    assert run(tight, costs, Script("calm", 12)).verdict() == []
    assert run(tight, costs, Script("lost", 24, (Loss(6, "worker"),))).verdict()


# Determinism.


def test_the_seed_decides_everything(costs):
    script = Script("again", 9, (Loss(4, "worker"), Loss(5, "postgresql")))
    first, again = (json.dumps(run(SMALL, costs, script).document()) for _ in range(2))
    assert first == again
    assert json.dumps(run(replace(SMALL, seed=2), costs, script).document()) != first


# Parts.


def test_cores_take_work_in_turn():
    clock = Clock()
    cores = Cores(clock, 2)
    assert [cores.reserve(3.0), cores.reserve(1.0), cores.reserve(1.0), cores.reserve(1.0)] == [3.0, 1.0, 2.0, 3.0]
    assert cores.busy == 6.0
    assert cores.wait() == 3.0


def test_the_clock_keeps_the_order():
    clock, seen = Clock(), []
    for at, what in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (9.0, "late")):
        clock.at(at, seen.append, what)
    clock.run(until=5.0)
    assert seen == ["a", "b", "c"]
    assert clock.now == 2.0


def test_a_large_account_is_spread_over_connectors_of_its_database():
    traffic = Traffic(SMALL)
    assert len(traffic.connectors_of[0]) == -(-traffic.shares[0] * SMALL.rate // SMALL.most) > 1
    for account, numbers in enumerate(traffic.connectors_of):
        assert {traffic.home[number] for number in numbers} == {traffic.shard_of[account]}
    assert sum(traffic.connector_share) == pytest.approx(1)


def test_spread_fills_the_emptiest():
    assert spread([5, 4, 3, 3], 2) == [0, 1, 1, 0]


# Sizing.


@pytest.fixture(scope="module")
def sizing():
    return Sizing(Costs.load(), Needs())


def test_the_simulated_plan_is_at_least_what_the_sizing_asks_for(sizing):
    plan = Plan()
    for role, hosts in plan.hosts.items():
        assert hosts >= sizing.hosts(role), role
    assert plan.shards >= max(sizing.databases().values())
    assert plan.redis >= sizing.primaries()
    assert plan.most < sizing.connector()


def test_one_host_more_than_the_processes_take(sizing):
    for role in ("api", "worker", "events"):
        assert (sizing.hosts(role) - 1) * sizing.needs.processes >= sizing.processes(role)
        assert (sizing.hosts(role) - 2) * sizing.needs.processes < sizing.processes(role)


def test_more_traffic_takes_more_and_larger_batches_take_less(sizing):
    double = Sizing(sizing.costs, replace(sizing.needs, rate=2 * sizing.needs.rate))
    assert double.processes("api") >= 2 * sizing.processes("api") - 1
    assert all(double.databases()[need] > count for need, count in sizing.databases().items())
    for cost in (sizing.api, sizing.worker, sizing.server):
        assert cost(1) > cost(10) > cost(100)


def test_one_database_cannot_number_the_events_of_a_billion_a_day(sizing):
    assert sizing.forced_batch(1) > BATCH, "more than the writer ever puts into a transaction"
    assert Sizing(sizing.costs, Needs(rate=2 * Needs().rate)).forced_batch(1) is None
    batch = sizing.forced_batch(8)
    once, each = sizing.log_lock()
    assert 3 * sizing.needs.rate / 8 * (once / batch + each) == pytest.approx(sizing.needs.log_use)


# Figures and pictures.


def test_every_figure_says_where_it_is_from(tmp_path):
    assert all(figure.source for figure in Costs.load().figures.values())
    for wrong in ({"how": "guessed"}, {"unit": "furlongs"}, {"source": ""}):
        figure = {"value": 1, "unit": "us", "how": "measured", "source": "here"} | wrong
        (tmp_path / "costs.json").write_text(json.dumps({"figures": {"x": figure}}))
        with pytest.raises(ValueError, match="x:"):
            Costs.load(tmp_path / "costs.json")


def test_figures_are_in_seconds():
    assert Costs({"x": Figure(250, "us", "measured", "here")})["x"] == pytest.approx(0.00025)


def test_the_picture_is_an_svg_that_names_the_losses(all_lost):
    picture = svg(all_lost)
    root = ET.fromstring(picture)  # noqa: S314 -- we have just written it
    assert root.tag.endswith("svg")
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {f"{kind} lost" for kind in KINDS} <= set(texts)


def test_the_tables_are_markdown(all_lost, sizing):
    for text in (tables(sizing), summary([all_lost, all_lost])):
        for block in text.split("\n\n"):
            assert len({line.count("|") for line in block.splitlines()}) == 1
    assert "| the plan holds | yes | yes |" in summary([all_lost, all_lost])


def test_percentiles():
    counts = {9: 50, 19: 49, 99: 1}
    assert percentile(counts, 0.5) == pytest.approx(0.010)
    assert percentile(counts, 0.99) == pytest.approx(0.020)
    assert percentile(counts, 1.0) == pytest.approx(0.100)
    assert percentile({}, 0.5) == 0.0
