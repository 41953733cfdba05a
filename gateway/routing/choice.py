"""One text's choice. See ``gateway.routing`` for the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.errors import Conflict, NotFound
from gateway.routing.directory import KIND_WORDS, Directory, PassedOver, Plan, Wish, passed, type_misfit

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.model import OriginationIdentity, Pool, Route

_REASONS_SHOWN = 50  # of those passed over, in an error: an account may have thousands of numbers


@dataclass(frozen=True, slots=True)
class Choice:
    """What a text leaves from and through.

    Attributes:
        pool: the pool that was named, or the one that the chosen phone number belongs to.
        connectors: the route's, one at least, those that are up first.
        why: one sentence.
    """

    identity: OriginationIdentity
    pool: Pool | None
    route: Route
    connectors: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]
    why: str


class NoChoice(Conflict):
    """Nothing can send this text: ``no_origination_identity`` or ``no_route``. ``passed_over`` says why, for each.

    ``of_named``: the request names an identity, and that one is all there is in ``passed_over``.
    """

    def __init__(
        self, code: str, detail: str, remedy: str, passed_over: tuple[PassedOver, ...], *, of_named: bool = False
    ) -> None:
        shown = [_as_member(one) for one in passed_over[:_REASONS_SHOWN]]
        extra = {"passed_over": shown, "passed_over_count": len(passed_over)}
        super().__init__(code, detail, field="from", remedy=remedy, extra=extra)
        self.passed_over = passed_over
        self.of_named = of_named


def _as_member(one: PassedOver) -> dict[str, Any]:
    return {"identity_id": one.identity_id, "sender": one.sender, "code": one.code, "reason": one.reason}


class _Ways:
    """The routes that fit one text, looked up once for however many identities there are."""

    __slots__ = ("_directory", "_fitting", "_wish")

    def __init__(self, wish: Wish, directory: Directory) -> None:
        self._wish = wish
        self._directory = directory
        self._fitting: dict[str, list[Route]] = {}  # by message type

    def of(self, identity: OriginationIdentity) -> Route | None:
        """The first route that takes the text from this identity."""
        message_type = self._wish.message_type or identity.message_type
        if message_type not in self._fitting:
            self._fitting[message_type] = self._find(message_type)
        for route in self._fitting[message_type]:
            if route.identity_id in {"", identity.id}:
                return route
        return None

    def any_up(self, up: Callable[[str], bool]) -> bool:
        """Whether any route of the country, fitting or not, has a connector that is up."""
        routes = self._directory.routes_to(self._wish.country)
        return any(up(connector) for route in routes for connector in route.connectors)

    def _find(self, message_type: str) -> list[Route]:
        destination = self._wish.destination
        return [
            route
            for route in self._directory.routes_to(self._wish.country)
            if route.message_type in {"", message_type} and destination.startswith(route.prefix)
        ]


_MOST_CHOICES = 1024  # of one directory, kept


def choose(wish: Wish, directory: Directory, up: Callable[[str], bool]) -> Choice:
    """The identity, route and connectors of a text, and why. Texts that leave the same way share one Choice.

    Args:
        wish: what is to be sent.
        directory: what the account has.
        up: whether a connector has a link that takes texts now.

    Raises:
        NotFound: ``unknown_origination_identity``: the account has nothing of the name given.
        NoChoice: ``no_origination_identity`` or ``no_route``.
    """
    sign = directory.sign(wish, up)
    choice = directory.choices.get(sign)
    if choice is None:
        choice = _choose(wish, directory, up)
        if len(directory.choices) >= _MOST_CHOICES:
            directory.choices.clear()
        directory.choices[sign] = choice
    return choice


def _choose(wish: Wish, directory: Directory, up: Callable[[str], bool]) -> Choice:
    if not wish.origination or wish.origination in directory.pool_by_id:
        return _among(wish.origination, wish, directory, up)
    return _named(wish, directory, up)


def _named(wish: Wish, directory: Directory, up: Callable[[str], bool]) -> Choice:
    identity = directory.find(wish.origination, wish.country)
    if identity is None:
        raise NotFound(
            "unknown_origination_identity",
            "The account has no such phone number, sender ID or pool.",
            field="from",
            remedy="Name one that the account has, or leave it out to have one chosen.",
        )
    if code := "inactive" if not identity.active else type_misfit(identity, wish.message_type):
        raise _nobody(f"{identity.sender} cannot send this text.", (passed(identity, code),), of_named=True)
    route = _Ways(wish, directory).of(identity)
    if route is None:
        raise _no_route(wish, (passed(identity, "no_route"),))
    return Choice(
        identity, directory.pool_of(identity), route, _live_first(route, up), (), "The request names this sender."
    )


def _among(pool_id: str, wish: Wish, directory: Directory, up: Callable[[str], bool]) -> Choice:
    """The best of a pool, or of the whole account when ``pool_id`` is ""."""
    plan = directory.plan(pool_id, wish)
    if not plan.candidates:
        where = f"pool {pool_id}" if pool_id else "the account"
        raise _nobody(f"Nothing in {where} can send this text to {_place(wish)}.", plan.unfit)
    search = _search(wish, directory, plan, up)
    if search.route is None:
        raise _no_route(wish, (*plan.reasons("no_route"), *plan.unfit))
    identity = plan.candidates[search.position]
    return Choice(
        identity,
        directory.pool_by_id[pool_id] if pool_id else directory.pool_of(identity),
        search.route,
        _live_first(search.route, up),
        _others(plan, search),
        _why(plan, search),
    )


@dataclass(slots=True)
class _Search:
    """How the candidates of a plan fared."""

    sticky: int | None
    position: int = -1  # of the one chosen
    route: Route | None = None
    waits: bool = False  # no connector of the chosen one is up, nor of any other
    failed: dict[int, str] = field(default_factory=dict)  # position -> code, for those asked in vain


def _search(wish: Wish, directory: Directory, plan: Plan, up: Callable[[str], bool]) -> _Search:
    """The first candidate with a connector that is up; else the first with a route; else one without a route."""
    ways = _Ways(wish, directory)
    search = _Search(plan.index.get(wish.sticky_identity_id))
    for position in plan.order(wish.destination, search.sticky):
        route = ways.of(plan.candidates[position])
        if route is None:
            search.failed[position] = "no_route"
        elif any(map(up, route.connectors)):
            search.position, search.route, search.waits = position, route, False
            return search
        else:
            search.failed[position] = "connectors_down"
            if search.route is None:
                search.position, search.route, search.waits = position, route, True
                if not ways.any_up(up):
                    break  # an outage: asking a thousand numbers would not find a way either
    # Nothing is up: being down kept nobody back.
    search.failed = {position: code for position, code in search.failed.items() if code == "no_route"}
    return search


def _others(plan: Plan, search: _Search) -> tuple[PassedOver, ...]:
    """Everyone but the chosen one, with the reason. Whoever ranks above the chosen one has failed."""
    if search.position == search.sticky:
        others = list(plan.reasons("not_sticky"))
    else:
        end = plan.end_of_group(search.position)
        others = [*plan.reasons("load_shared")[:end], *plan.reasons("ranked_below")[end:]]
    for position, code in search.failed.items():
        others[position] = plan.reasons(code)[position]
    del others[search.position]
    return (*others, *plan.unfit)


def _why(plan: Plan, search: _Search) -> str:
    if search.waits:
        return "It ranks first; every connector is down, and the text waits for one."
    if search.position == search.sticky:
        return "The person last got a text from this sender."
    word = KIND_WORDS[plan.candidates[search.position].kind]
    where = "those whose connectors are up" if search.failed else f"the {len(plan.candidates)} that fit"
    return f"A {word} ranks first among {where}."


def _live_first(route: Route, up: Callable[[str], bool]) -> tuple[str, ...]:
    live = tuple(filter(up, route.connectors))
    if len(live) == len(route.connectors):
        return live
    return live + tuple(one for one in route.connectors if one not in live)


def _place(wish: Wish) -> str:
    return wish.country or "a number of no country"


def _nobody(detail: str, passed_over: tuple[PassedOver, ...], *, of_named: bool = False) -> NoChoice:
    remedy = "See passed_over for what keeps each one back; add a number or a sender ID that fits, or name one in from."
    return NoChoice("no_origination_identity", detail, remedy, passed_over, of_named=of_named)


def _no_route(wish: Wish, passed_over: tuple[PassedOver, ...]) -> NoChoice:
    detail = f"No route takes this text to {_place(wish)}."
    return NoChoice("no_route", detail, "Add a route without conditions in the last position.", passed_over)
