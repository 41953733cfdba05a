"""What an account may send from and through, sorted so that one text's choice touches few of a thousand numbers.

See ``gateway.routing`` for the rules.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from itertools import groupby
from struct import unpack
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.model import IdentityKind, OriginationIdentity, Pool, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.routing.choice import Choice

_KIND_ORDER = (
    IdentityKind.SHORT_CODE,
    IdentityKind.TEN_DLC,
    IdentityKind.LONG_CODE,
    IdentityKind.TOLL_FREE,
    IdentityKind.SENDER_ID,
    IdentityKind.SIMULATOR,
)
_RANK = {kind: rank for rank, kind in enumerate(_KIND_ORDER)}
KIND_WORDS = {
    IdentityKind.SHORT_CODE: "short code",
    IdentityKind.TEN_DLC: "10DLC number",
    IdentityKind.LONG_CODE: "long code",
    IdentityKind.TOLL_FREE: "toll-free number",
    IdentityKind.SENDER_ID: "sender ID",
    IdentityKind.SIMULATOR: "simulator number",
}

# Why an identity was passed over: the stable code and the sentence.
_REASONS = {
    "inactive": "It is not active.",
    "other_country": "It is for texts to {country} only.",
    "message_type": "It is for {type} texts.",
    "simulator_only": "It sends to simulator destinations only.",
    "not_sticky": "The person last got a text from another identity.",
    "ranked_below": "A {kind} ranks below the one chosen.",
    "load_shared": "Among equals, another one serves this destination.",
    "no_route": "No route takes its text to this destination.",
    "connectors_down": "All connectors of its route are down, and another way is up.",
}


class Wish(NamedTuple):
    """What is to be sent, as far as the choice depends on it."""

    destination: str  # E.164; stands first, so that ``wish[1:]`` is what many texts have in common
    country: str  # of the destination, ISO 3166 alpha-2, or ""
    message_type: str | None = None  # None: the type of the identity
    origination: str = ""  # an id ("phone-…", "sender-…", "pool-…"), a number, a sender ID's name, or "" for any
    sticky_identity_id: str = ""  # the identity of the last text delivered to this person, if that is recent
    simulator_destination: bool = False


@dataclass(frozen=True, slots=True)
class PassedOver:
    identity_id: str
    sender: str
    code: str  # a key of _REASONS
    reason: str


def passed(identity: OriginationIdentity, code: str) -> PassedOver:
    reason = _REASONS[code].format(country=identity.country, type=identity.message_type, kind=KIND_WORDS[identity.kind])
    return PassedOver(identity.id, identity.sender, code, reason)


_INDEX_BITS = 32
_INDEX_MASK = (1 << _INDEX_BITS) - 1


def _hash(destination: str) -> int:
    return int.from_bytes(blake2b(destination.encode(), digest_size=8).digest(), "big")


def _points(identity_id: str) -> Iterator[int]:
    """The 64 places of an identity on the ring: enough that the load of equals differs by about an eighth."""
    for turn in range(8):
        yield from unpack(">8Q", blake2b(f"{identity_id}/{turn}".encode()).digest())


class _Group:
    """Identities of equal rank, on a ring: a newcomer takes over its share of the people, and moves nobody else."""

    __slots__ = ("_ring", "size")

    def __init__(self, members: list[OriginationIdentity]) -> None:
        self.size = len(members)
        # The place in the high bits and the member in the low ones: plain integers sort five times as fast as pairs.
        self._ring = sorted(
            point << _INDEX_BITS | index for index, one in enumerate(members) for point in _points(one.id)
        )

    def start(self, hashed: int) -> int:
        """The index of the member that serves a destination."""
        place = bisect(self._ring, hashed << _INDEX_BITS)
        return self._ring[place % len(self._ring)] & _INDEX_MASK


class Plan:
    """What can be said before the destination itself is known: who may send to a country, in which order.

    Reasons are built once for all texts, so that an account of a thousand numbers does not pay for each of them at
    each text.
    """

    def __init__(self, fitting: list[OriginationIdentity], unfit: tuple[PassedOver, ...], country: str = "") -> None:
        rank = partial(_rank, country=country)
        ordered = sorted(fitting, key=lambda one: (rank(one), one.id))
        self.candidates = tuple(ordered)
        self.index = {one.id: position for position, one in enumerate(ordered)}
        self.unfit = unfit
        self._reasons: dict[str, tuple[PassedOver, ...]] = {}
        self.groups: list[tuple[int, _Group]] = []  # each with the position of its first member
        position = 0
        for _, equals in groupby(ordered, key=rank):
            group = _Group(list(equals))
            self.groups.append((position, group))
            position += group.size

    def shared(self) -> tuple[_Group, ...]:
        """The groups of several: who serves a destination in each of them settles ``order``."""
        return tuple([group for _, group in self.groups if group.size > 1])

    def order(self, destination: str, sticky: int | None) -> Iterator[int]:
        """Positions of the candidates, best first; the sticky one may come twice."""
        if sticky is not None:
            yield sticky
        hashed = _hash(destination)
        for first, group in self.groups:
            start = group.start(hashed)
            for step in range(group.size):
                yield first + (start + step) % group.size

    def reasons(self, code: str) -> tuple[PassedOver, ...]:
        """The same reason for every candidate, by position."""
        if code not in self._reasons:
            self._reasons[code] = tuple(passed(one, code) for one in self.candidates)
        return self._reasons[code]

    def end_of_group(self, position: int) -> int:
        return next((first for first, _ in self.groups if first > position), len(self.candidates))


def _rank(identity: OriginationIdentity, country: str) -> tuple[bool, int, bool]:
    """Those of the country itself before those that may also send there."""
    foreign = identity.country not in {country, ""}
    return foreign, _RANK[identity.kind], identity.country == ""


class _Ground(NamedTuple):
    """What identities and routes ask of a text and of the links, for all texts of one country, type and pool."""

    groups: tuple[_Group, ...]
    prefixes: tuple[str, ...]
    connectors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """What an account may send from and through: one snapshot, built by ``of`` whenever something changes."""

    identities: tuple[OriginationIdentity, ...]
    pools: tuple[Pool, ...]
    routes: tuple[Route, ...]  # by position
    identity_by_id: dict[str, OriginationIdentity] = field(repr=False, compare=False)
    identities_by_sender: dict[str, tuple[OriginationIdentity, ...]] = field(repr=False, compare=False)
    pool_by_id: dict[str, Pool] = field(repr=False, compare=False)
    countries: frozenset[str] = field(repr=False, compare=False)  # that an identity or a route names
    _members: dict[str, tuple[OriginationIdentity, ...]] = field(repr=False, compare=False)  # by pool id; "" is all
    # Filled at first use; as many entries as there are pools x countries named x types.
    _plans: dict[tuple[str, str, str | None, bool], Plan] = field(repr=False, compare=False)
    _routes: dict[str, tuple[Route, ...]] = field(repr=False, compare=False)
    _grounds: dict[tuple[Any, ...], _Ground] = field(repr=False, compare=False)
    choices: dict[tuple[Any, ...], Choice] = field(repr=False, compare=False)  # by ``sign``; see ``choose``

    @classmethod
    def of(cls, identities: Iterable[OriginationIdentity], pools: Iterable[Pool], routes: Iterable[Route]) -> Directory:
        known, pools = tuple(identities), tuple(pools)
        # A route without connectors leads nowhere: so a choice always has a connector.
        routes = tuple(sorted((one for one in routes if one.connectors), key=lambda one: one.position))
        members: dict[str, list[OriginationIdentity]] = {pool.id: [] for pool in pools}
        senders: dict[str, list[OriginationIdentity]] = {}
        for one in known:
            senders.setdefault(one.sender.upper(), []).append(one)
            for pool_id in one.pool_ids:
                members.setdefault(pool_id, []).append(one)
        return cls(
            identities=known,
            pools=pools,
            routes=routes,
            identity_by_id={one.id: one for one in known},
            identities_by_sender={sender: tuple(ones) for sender, ones in senders.items()},
            pool_by_id={pool.id: pool for pool in pools},
            countries=frozenset({one.country for one in known} | {route.country for route in routes}),
            _members={"": known} | {pool_id: tuple(ones) for pool_id, ones in members.items()},
            _plans={},
            _routes={},
            _grounds={},
            choices={},
        )

    def find(self, name: str, country: str) -> OriginationIdentity | None:
        """The identity with this id, number or sender ID; of several of one name, the active one for the country."""
        if by_id := self.identity_by_id.get(name):
            return by_id
        namesakes = self.identities_by_sender.get(name.upper(), ())
        return min(namesakes, default=None, key=lambda one: (not one.active, one.country != country, one.country))

    def pool_of(self, identity: OriginationIdentity) -> Pool | None:
        """The pool of a phone number, which is in one at most; a sender ID may be in many, so none is meant."""
        if identity.kind is IdentityKind.SENDER_ID or not identity.pool_ids:
            return None
        return self.pool_by_id.get(identity.pool_ids[0])

    def plan(self, pool_id: str, wish: Wish) -> Plan:
        key = (pool_id, self._named(wish.country), wish.message_type, wish.simulator_destination)
        if key not in self._plans:
            self._plans[key] = self._build(*key)
        return self._plans[key]

    def _named(self, country: str) -> str:
        """Countries that nothing names fare alike, so that they share what is worked out."""
        return country if country in self.countries else ""

    def sign(self, wish: Wish, up: Callable[[str], bool]) -> tuple[Any, ...]:
        """All that a choice depends on but for what this snapshot holds: texts of one sign leave the same way."""
        groups, prefixes, connectors = self._ground(wish)
        destination = wish.destination
        hashed = _hash(destination) if groups else 0
        return (
            wish[1:],
            tuple([group.start(hashed) for group in groups]) if groups else (),
            tuple([destination.startswith(prefix) for prefix in prefixes]) if prefixes else (),
            tuple([up(connector) for connector in connectors]),
        )

    def _ground(self, wish: Wish) -> _Ground:
        _, country, message_type, origination, _, simulated = wish
        pool_id = origination if not origination or origination in self.pool_by_id else None
        key = (pool_id, self._named(country), message_type, simulated)
        found = self._grounds.get(key)
        if found is None:
            routes = self.routes_to(country)
            found = self._grounds[key] = _Ground(
                () if pool_id is None else self.plan(pool_id, wish).shared(),
                tuple(dict.fromkeys(route.prefix for route in routes if route.prefix)),
                tuple(dict.fromkeys(connector for route in routes for connector in route.connectors)),
            )
        return found

    def _build(self, pool_id: str, country: str, message_type: str | None, simulated: bool) -> Plan:
        fitting, unfit = [], []
        for one in self._members[pool_id]:
            if code := _misfit(one, country, message_type, simulated=simulated):
                unfit.append(passed(one, code))
            else:
                fitting.append(one)
        return Plan(fitting, tuple(unfit), country)

    def routes_to(self, country: str) -> tuple[Route, ...]:
        """The routes that do not exclude a country, by position."""
        country = self._named(country)
        if country not in self._routes:
            self._routes[country] = tuple(route for route in self.routes if route.country in {"", country})
        return self._routes[country]


def _misfit(one: OriginationIdentity, country: str, message_type: str | None, *, simulated: bool) -> str:
    """The code of what keeps an identity from sending to a country, or ""."""
    if not one.active:
        return "inactive"
    here = one.country == country if one.country else one.kind is IdentityKind.SENDER_ID
    if not (here or one.international):
        return "other_country"
    if one.kind is IdentityKind.SIMULATOR and not simulated:
        return "simulator_only"
    return type_misfit(one, message_type)


def type_misfit(one: OriginationIdentity, message_type: str | None) -> str:
    return "" if one.both_types or message_type in {None, one.message_type} else "message_type"
