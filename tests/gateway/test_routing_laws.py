from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.model import IdentityKind, MessageType, OriginationIdentity, Pool, Route
from gateway.routing import Choice, Directory, NoChoice, Wish, choose

POOL = Pool("pool-1", "codes")

identities = st.lists(
    st.builds(
        OriginationIdentity,
        id=st.integers(0, 10**9).map("phone-{}".format),
        kind=st.sampled_from(IdentityKind),
        sender=st.integers(0, 10**9).map("+1{}".format),
        country=st.sampled_from(["US", "CA", ""]),
        message_type=st.sampled_from(MessageType),
        pool_ids=st.sampled_from([(), ("pool-1",)]),
        active=st.booleans(),
    ),
    max_size=8,
    unique_by=(lambda one: one.id, lambda one: one.sender),
)
routes = st.lists(
    st.builds(
        Route,
        id=st.integers(0, 10**9).map(str),
        position=st.integers(0, 100),
        connectors=st.lists(st.sampled_from("abc"), max_size=3, unique=True).map(tuple),
        country=st.sampled_from(["", "US", "CA"]),
        prefix=st.sampled_from(["", "", "+11", "+12"]),
        message_type=st.sampled_from(["", "PROMOTIONAL"]),
    ),
    max_size=4,
    unique_by=lambda one: one.position,
)
destinations = st.integers(10**9, 10**10 - 1).map("+1{}".format)
wishes = st.builds(
    Wish,
    destination=destinations,
    country=st.sampled_from(["US", "CA", "FR", ""]),
    message_type=st.sampled_from([None, "TRANSACTIONAL", "PROMOTIONAL"]),
    origination=st.sampled_from(["", "pool-1"]),
    simulator_destination=st.booleans(),
)


def outcome(wish, identities, routes, up) -> Choice | tuple[str, str]:
    return found_in(Directory.of(identities, [POOL], routes), wish, up)


def found_in(directory, wish, up) -> Choice | tuple[str, str]:
    try:
        return choose(wish, directory, up.__contains__)
    except GatewayError as error:
        return error.code, error.detail


@given(wishes, identities, routes, st.sets(st.sampled_from("abc")), st.randoms())
@settings(max_examples=200)
def test_the_choice_is_the_same_in_whatever_order_things_are_given(wish, known, ways, up, random):
    first = outcome(wish, known, ways, up)
    random.shuffle(known)
    random.shuffle(ways)
    second = outcome(wish, known, ways, up)
    if isinstance(first, Choice) and isinstance(second, Choice):
        assert set(first.passed_over) == set(second.passed_over)
        first, second = replace(first, passed_over=()), replace(second, passed_over=())
    assert first == second


@given(identities, routes, wishes, wishes, st.data())
@settings(max_examples=300)
def test_what_was_chosen_before_has_no_say(known, ways, one, other, data):
    directory = Directory.of(known, [POOL], ways)
    names = [name for one in known for name in (one.id, one.sender)]
    origination = data.draw(st.sampled_from(["", "", "pool-1", *names]))
    sticky = data.draw(st.sampled_from(["", "", "phone-gone", *directory.identity_by_id]))
    changed = (
        one._replace(origination=origination), one._replace(sticky_identity_id=sticky), one._replace(country="US"),
        one._replace(message_type="PROMOTIONAL"), one._replace(simulator_destination=True),
    )  # fmt: skip
    for wish in (one, one, one, *changed, other):
        asked = wish._replace(destination=data.draw(destinations))
        up = data.draw(st.sets(st.sampled_from("abc")))
        assert found_in(directory, asked, up) == outcome(asked, known, ways, up)


@given(wishes, identities, routes, st.sets(st.sampled_from("abc")))
@settings(max_examples=200)
def test_everyone_in_reach_is_chosen_or_passed_over_once(wish, known, ways, up):
    try:
        chosen = choose(wish, Directory.of(known, [POOL], ways), up.__contains__)
        named = [chosen.identity.id, *(one.identity_id for one in chosen.passed_over)]
    except NoChoice as error:
        named = [one.identity_id for one in error.passed_over]
    reach = [one.id for one in known if not wish.origination or one.pool_ids]
    assert sorted(named) == sorted(reach)


@given(wishes, identities, routes, st.sets(st.sampled_from("abc")))
@settings(max_examples=200)
def test_a_connector_that_is_down_is_never_first_while_one_of_the_route_is_up(wish, known, ways, up):
    chosen = outcome(wish, known, ways, up)
    if isinstance(chosen, Choice) and up.intersection(chosen.connectors):
        assert chosen.connectors[0] in up
        assert sorted(chosen.connectors) == sorted(chosen.route.connectors)
