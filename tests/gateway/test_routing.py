from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from gateway.errors import Conflict, NotFound
from gateway.model import IdentityKind, MessageType, OriginationIdentity, Pool, Route
from gateway.routing import Choice, Directory, NoChoice, Wish, choose

K = IdentityKind
EVERYWHERE = Route("default", 99, ("main", "spare"))
PERSON = "+14255550199"


def identity(kind: IdentityKind, name: str = "", **changes) -> OriginationIdentity:
    name = name or kind.value.lower()
    prefix = "sender" if kind is K.SENDER_ID else "phone"
    made = OriginationIdentity(id=f"{prefix}-{name}", kind=kind, sender=name, country="US")
    return replace(made, **changes)


def of_every_kind() -> list[OriginationIdentity]:
    return [identity(kind) for kind in reversed(K)]


def pick(identities, wish=None, *, pools=(), routes=(EVERYWHERE,), down=()) -> Choice:
    wish = wish or Wish(PERSON, "US")
    return choose(wish, Directory.of(identities, pools, routes), lambda connector: connector not in down)


def codes(choice: Choice) -> dict[str, str]:
    return {one.identity_id: one.code for one in choice.passed_over}


# The order of choice.

ORDER = [K.SHORT_CODE, K.TEN_DLC, K.LONG_CODE, K.TOLL_FREE, K.SENDER_ID]


@pytest.mark.parametrize("rank", range(len(ORDER)))
def test_the_best_kind_there_is_goes_first(rank):
    left = [one for one in of_every_kind() if one.kind not in ORDER[:rank]]
    chosen = pick(left)
    assert chosen.identity.kind is ORDER[rank]
    assert chosen.why.endswith("that fit.")


def test_each_one_passed_over_is_named_with_its_reason():
    assert codes(pick(of_every_kind())) == {
        "phone-ten_dlc": "ranked_below",
        "phone-long_code": "ranked_below",
        "phone-toll_free": "ranked_below",
        "sender-sender_id": "ranked_below",
        "phone-simulator": "simulator_only",
    }


def test_the_sticky_identity_goes_before_every_rank():
    chosen = pick(of_every_kind(), Wish(PERSON, "US", sticky_identity_id="phone-toll_free"))
    assert chosen.identity.id == "phone-toll_free"
    assert codes(chosen)["phone-short_code"] == "not_sticky"
    assert "last got a text" in chosen.why


@pytest.mark.parametrize("change", [{"active": False}, {"country": "CA"}, {"message_type": MessageType.PROMOTIONAL}])
def test_a_sticky_identity_that_no_longer_fits_is_passed_over(change):
    sticky = identity(K.SHORT_CODE, **change)
    wish = Wish(PERSON, "US", MessageType.TRANSACTIONAL, sticky_identity_id=sticky.id)
    chosen = pick([sticky, identity(K.TOLL_FREE)], wish)
    assert chosen.identity.kind is K.TOLL_FREE
    assert set(codes(chosen)) == {sticky.id}


def test_a_sticky_identity_that_was_released_is_no_matter():
    assert pick(of_every_kind(), Wish(PERSON, "US", sticky_identity_id="phone-gone")).identity.kind is K.SHORT_CODE


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"active": False}, "inactive", "not active"),
        ({"country": "CA"}, "other_country", "for texts to CA only"),
        ({"message_type": MessageType.PROMOTIONAL}, "message_type", "for PROMOTIONAL texts"),
        ({"kind": K.SIMULATOR}, "simulator_only", "simulator destinations only"),
        ({"kind": K.TOLL_FREE}, "ranked_below", "A toll-free number ranks below"),
        ({}, "load_shared", "another one serves"),
    ],
)
def test_why_one_is_passed_over(change, code, words):
    # Two like the chosen one, so that whichever the destination falls to, another of them is left.
    others = [replace(identity(K.TEN_DLC, name), **change) for name in ("a", "b")]
    chosen = pick([identity(K.TEN_DLC, "c"), *others], Wish(PERSON, "US", MessageType.TRANSACTIONAL))
    reasons = {one.code: one.reason for one in chosen.passed_over}
    assert list(reasons) == [code]
    assert words in reasons[code]
    assert len(chosen.passed_over) == 2


def test_without_a_message_type_every_identity_fits():
    promotional = identity(K.SHORT_CODE, message_type=MessageType.PROMOTIONAL)
    assert pick([promotional, identity(K.TEN_DLC)]).identity is promotional


# Countries.


def test_a_number_for_other_countries_too_goes_after_all_that_are_of_the_country():
    abroad = identity(K.SHORT_CODE, international=True)
    home = identity(K.TOLL_FREE, "home", country="CA")
    world = identity(K.SENDER_ID, "ACME", country="")
    wish = Wish("+14165550123", "CA")
    assert pick([abroad, home, world], wish).identity is home
    assert pick([abroad, world], wish).identity is world
    assert pick([abroad], wish).identity is abroad
    assert pick([replace(abroad, country="GB")], Wish(PERSON, "US")).identity.country == "GB"


def test_a_sender_id_of_both_types_sends_either():
    both = identity(K.SENDER_ID, "ACME", country="GB", both_types=True)
    for kind in MessageType:
        assert pick([both], Wish("+447700900123", "GB", kind)).identity is both


def test_a_sender_id_of_every_country_goes_anywhere():
    world = identity(K.SENDER_ID, "ACME", country="")
    assert pick([world, identity(K.TEN_DLC)], Wish("+33755512501", "FR")).identity is world


def test_a_sender_id_of_the_country_goes_before_one_of_every_country():
    french = identity(K.SENDER_ID, "b", country="FR")
    world = identity(K.SENDER_ID, "a", country="")
    chosen = pick([world, french], Wish("+33755512501", "FR"))
    assert (chosen.identity, codes(chosen)) == (french, {world.id: "ranked_below"})


def test_a_sender_id_of_one_country_stays_there():
    with pytest.raises(NoChoice):
        pick([identity(K.SENDER_ID, "b", country="FR")])


@pytest.mark.parametrize("country", ["", "US"])
def test_a_phone_number_without_a_country_goes_nowhere_by_itself(country):
    with pytest.raises(NoChoice):
        pick([identity(K.LONG_CODE, country="")], Wish("+881612345678", country))


def test_a_number_of_no_country_is_reached_by_a_sender_id_of_every_country():
    world = identity(K.SENDER_ID, "ACME", country="")
    assert pick([identity(K.TEN_DLC), world], Wish("+881612345678", "")).identity is world


# Simulator numbers.


def test_a_simulator_number_sends_to_simulator_destinations_when_nothing_else_does():
    simulator = identity(K.SIMULATOR)
    assert pick([simulator], Wish("+14254147755", "US", simulator_destination=True)).identity is simulator
    with pytest.raises(NoChoice):
        pick([simulator])


def test_a_simulator_number_ranks_last():
    chosen = pick(of_every_kind(), Wish("+14254147755", "US", simulator_destination=True))
    assert codes(chosen)["phone-simulator"] == "ranked_below"


def test_a_simulator_number_that_is_named_is_used():
    assert pick(of_every_kind(), Wish(PERSON, "US", origination="phone-simulator")).identity.kind is K.SIMULATOR


# Named senders.

CANADIAN = identity(K.LONG_CODE, "+16135550123", id="phone-1", country="CA")


@pytest.mark.parametrize("origination", ["phone-1", "+16135550123"])
def test_a_named_number_is_used_also_across_countries(origination):
    chosen = pick([CANADIAN, identity(K.SHORT_CODE)], Wish(PERSON, "US", origination=origination))
    assert (chosen.identity, chosen.passed_over) == (CANADIAN, ())
    assert "names" in chosen.why


@pytest.mark.parametrize("origination", ["ACME", "acme", "sender-1"])
def test_a_named_sender_id_is_found_whatever_its_case(origination):
    acme = identity(K.SENDER_ID, "Acme", id="sender-1", country="FR")
    assert pick([acme, identity(K.SHORT_CODE)], Wish(PERSON, "US", origination=origination)).identity is acme


@pytest.mark.parametrize(("country", "expected"), [("FR", "sender-fr"), ("GB", "sender-gb"), ("DE", "sender-world")])
def test_of_sender_ids_of_one_name_the_one_of_the_country_is_meant(country, expected):
    namesakes = [
        identity(K.SENDER_ID, "ACME", id="sender-gb", country="GB"),
        identity(K.SENDER_ID, "ACME", id="sender-world", country=""),
        identity(K.SENDER_ID, "ACME", id="sender-fr", country="FR"),
    ]
    assert pick(namesakes, Wish("+33755512501", country, origination="ACME")).identity.id == expected


@pytest.mark.parametrize(
    ("change", "code"), [({"active": False}, "inactive"), ({"message_type": MessageType.PROMOTIONAL}, "message_type")]
)
def test_a_named_number_must_be_active_and_of_the_type(change, code):
    named = replace(CANADIAN, **change)
    with pytest.raises(NoChoice) as caught:
        pick([named, identity(K.SHORT_CODE)], Wish(PERSON, "US", "TRANSACTIONAL", origination="phone-1"))
    assert caught.value.code == "no_origination_identity"
    assert [one.code for one in caught.value.passed_over] == [code]


def test_a_name_that_the_account_does_not_have_is_not_found():
    with pytest.raises(NotFound) as caught:
        pick(of_every_kind(), Wish(PERSON, "US", origination="pool-of-somebody-else"))
    assert (caught.value.code, caught.value.field) == ("unknown_origination_identity", "from")


def test_a_named_number_waits_for_its_own_connectors():
    chosen = pick([CANADIAN], Wish(PERSON, "US", origination="phone-1"), down={"main", "spare"})
    assert chosen.connectors == ("main", "spare")


# Pools.

POOL = Pool("pool-1", "codes")


def test_a_named_pool_is_the_only_source():
    inside = identity(K.TOLL_FREE, pool_ids=("pool-1",))
    chosen = pick(
        [inside, identity(K.SHORT_CODE)], Wish(PERSON, "US", origination="pool-1"), pools=[POOL, Pool("pool-2", "x")]
    )
    assert (chosen.identity, chosen.pool, chosen.passed_over) == (inside, POOL, ())


def test_a_pool_refuses_a_country_that_it_has_no_number_of():
    # What Pinpoint did for Canada, Puerto Rico and Guam, though the same number works when it is named.
    inside = identity(K.TOLL_FREE, pool_ids=("pool-1",))
    with pytest.raises(NoChoice) as caught:
        pick([inside], Wish("+17875550123", "PR", origination="pool-1"), pools=[POOL])
    assert caught.value.code == "no_origination_identity"
    assert "pool pool-1" in caught.value.detail
    assert "PR" in caught.value.detail


def test_an_empty_pool_has_nothing_to_choose():
    with pytest.raises(NoChoice) as caught:
        pick([identity(K.SHORT_CODE)], Wish(PERSON, "US", origination="pool-1"), pools=[POOL])
    assert caught.value.passed_over == ()


def test_without_a_name_the_numbers_of_pools_count_too_and_bring_their_pool():
    inside = identity(K.SHORT_CODE, pool_ids=("pool-1",))
    assert pick([inside, identity(K.TEN_DLC)], pools=[POOL]).pool == POOL


def test_a_sender_id_brings_no_pool_unless_it_is_named():
    acme = identity(K.SENDER_ID, "ACME", pool_ids=("pool-1",))
    assert pick([acme], pools=[POOL]).pool is None
    assert pick([acme], Wish(PERSON, "US", origination="pool-1"), pools=[POOL]).pool == POOL


# Routes.

ROUTES = [
    Route("vodafone", 1, ("v",), prefix="+4479"),
    Route("britain", 2, ("b",), country="GB"),
    Route("promotions", 3, ("p",), message_type="PROMOTIONAL"),
    Route("own", 4, ("o",), identity_id="phone-ten_dlc"),
    Route("rest", 5, ("r",)),
]


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    ("kind", "destination", "country", "message_type", "route"),
    [
        (K.LONG_CODE, "+447911123456", "GB", "TRANSACTIONAL", "vodafone"),
        (K.LONG_CODE, "+442079460000", "GB", "TRANSACTIONAL", "britain"),
        (K.LONG_CODE, "+442079460000", "GB", "PROMOTIONAL", "britain"),
        (K.LONG_CODE, PERSON, "US", "PROMOTIONAL", "promotions"),
        (K.TEN_DLC, PERSON, "US", "PROMOTIONAL", "promotions"),
        (K.TEN_DLC, PERSON, "US", "TRANSACTIONAL", "own"),
        (K.LONG_CODE, PERSON, "US", "TRANSACTIONAL", "rest"),
        (K.LONG_CODE, "+881612345678", "", "TRANSACTIONAL", "rest"),
    ],
)
def test_the_first_route_whose_conditions_all_hold_is_taken(turn, kind, destination, country, message_type, route):
    sender = identity(kind, message_type=MessageType(message_type))
    chosen = pick([sender], Wish(destination, country, origination=sender.id), routes=ROUTES[::turn])
    assert chosen.route.id == route


def test_the_asked_type_decides_the_route_and_not_the_identity_alone():
    wish = Wish(PERSON, "US", "TRANSACTIONAL")
    assert pick([identity(K.LONG_CODE)], wish, routes=ROUTES).route.id == "rest"


@pytest.mark.parametrize("origination", ["", "phone-long_code"])
def test_without_a_route_nothing_leaves(origination):
    with pytest.raises(NoChoice) as caught:
        pick([identity(K.LONG_CODE)], Wish(PERSON, "US", origination=origination), routes=ROUTES[:3])
    error = caught.value
    assert (error.code, [one.code for one in error.passed_over]) == ("no_route", ["no_route"])
    assert "without conditions" in error.remedy


def test_a_route_without_connectors_is_no_route():
    assert pick([identity(K.LONG_CODE)], routes=[Route("empty", 1, ()), EVERYWHERE]).route is EVERYWHERE
    with pytest.raises(NoChoice, match="No route"):
        pick([identity(K.LONG_CODE)], routes=[Route("empty", 1, ())])


def test_an_identity_without_a_route_gives_way_to_the_next():
    own = Route("own", 1, ("o",), identity_id="phone-toll_free")
    chosen = pick([identity(K.SHORT_CODE), identity(K.TEN_DLC), identity(K.TOLL_FREE)], routes=[own])
    assert chosen.identity.kind is K.TOLL_FREE
    assert codes(chosen) == {"phone-short_code": "no_route", "phone-ten_dlc": "no_route"}


# Connectors that are down.


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        (set(), ("a", "b", "c")),
        ({"a"}, ("b", "c", "a")),
        ({"b"}, ("a", "c", "b")),
        ({"a", "c"}, ("b", "a", "c")),
        ({"a", "b", "c"}, ("a", "b", "c")),
    ],
)
def test_connectors_that_are_up_come_first_in_the_order_of_the_route(down, expected):
    route = Route("r", 1, ("a", "b", "c"))
    assert pick([identity(K.TEN_DLC)], routes=[route], down=down).connectors == expected


SPLIT = [Route("short", 1, ("s",), identity_id="phone-short_code"), EVERYWHERE]


@pytest.mark.parametrize("sticky", ["", "phone-short_code"])
def test_an_identity_whose_connectors_are_all_down_gives_way(sticky):
    wish = Wish(PERSON, "US", sticky_identity_id=sticky)
    chosen = pick([identity(K.SHORT_CODE), identity(K.TEN_DLC)], wish, routes=SPLIT, down={"s"})
    assert chosen.identity.kind is K.TEN_DLC
    assert codes(chosen) == {"phone-short_code": "connectors_down"}
    assert chosen.why.endswith("whose connectors are up.")


def test_when_every_connector_is_down_the_best_one_waits():
    chosen = pick([identity(K.SHORT_CODE), identity(K.TEN_DLC)], routes=SPLIT, down={"s", "main", "spare"})
    assert chosen.identity.kind is K.SHORT_CODE
    assert codes(chosen) == {"phone-ten_dlc": "ranked_below"}
    assert "waits" in chosen.why


def test_when_only_a_route_of_no_use_is_up_the_best_one_waits():
    chosen = pick(
        [identity(K.SHORT_CODE), identity(K.TEN_DLC)],
        routes=[Route("other", 1, ("o",), prefix="+44"), EVERYWHERE],
        down={"main", "spare"},
    )
    assert chosen.identity.kind is K.SHORT_CODE
    assert codes(chosen) == {"phone-ten_dlc": "ranked_below"}


# Sharing the load.


def ten_dlc(count: int) -> list[OriginationIdentity]:
    return [identity(K.TEN_DLC, f"+1425555{number:04}") for number in range(count)]


PEOPLE = [f"+1206555{number:04}" for number in range(600)]


def chosen_by_person(identities: list[OriginationIdentity]) -> dict[str, str]:
    directory = Directory.of(identities, [], [EVERYWHERE])
    return {person: choose(Wish(person, "US"), directory, lambda _: True).identity.id for person in PEOPLE}


def test_equals_share_the_load_about_evenly():
    load = Counter(chosen_by_person(ten_dlc(4)).values())
    assert len(load) == 4
    assert max(load.values()) < 2 * min(load.values())


def test_a_newcomer_takes_its_share_and_moves_nobody_else():
    before, after = chosen_by_person(ten_dlc(4)), chosen_by_person(ten_dlc(5))
    moved = {person for person in PEOPLE if before[person] != after[person]}
    assert {after[person] for person in moved} == {"phone-+14255550004"}
    assert 0 < len(moved) < len(PEOPLE) / 3


# What is remembered.


def test_texts_that_leave_the_same_way_share_one_choice():
    directory = Directory.of([CANADIAN, identity(K.SHORT_CODE)], [], [EVERYWHERE])
    first, second = (choose(Wish(person, "US"), directory, lambda _: True) for person in PEOPLE[:2])
    assert first is second


def test_no_more_choices_are_remembered_than_a_thousand():
    directory = Directory.of(of_every_kind(), [], [EVERYWHERE])
    for number in range(3000):
        choose(Wish(PERSON, "US", sticky_identity_id=f"phone-{number}"), directory, lambda _: True)
    assert 0 < len(directory.choices) <= 1024


# Errors.


def test_no_choice_carries_the_reasons_and_does_not_grow_without_bound():
    with pytest.raises(Conflict) as caught:
        pick(ten_dlc(200), Wish("+33755512501", "FR"))
    error = caught.value
    assert isinstance(error, NoChoice)
    assert error.extra["passed_over_count"] == len(error.passed_over) == 200
    assert len(error.extra["passed_over"]) == 50
    assert error.extra["passed_over"][0] == {
        "identity_id": "phone-+14255550000",
        "sender": "+14255550000",
        "code": "other_country",
        "reason": "It is for texts to US only.",
    }
    assert error.remedy
