"""One message decided: who it leaves from, which way, in what encoding, at what price, and every rule's verdict.

Pure: what the database knows comes in as Facts, what may leave goes out as a Decided.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from carriers import text
from compliance import engine
from compliance.types import Effect, Opted, Protection, SenderKind, SendFacts
from compliance.types import Purpose as CompliancePurpose
from gateway.errors import Invalid, NotFound
from gateway.model import IdentityKind, Purpose
from gateway.outbound.draft import hash_of
from gateway.outbound.facts import NOT_STICKY
from gateway.routing import Wish, choose
from gateway.store.times import from_micros, from_millionths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from carriers.text import TextProfile
    from carriers.types import Encoding
    from compliance.engine import Decision
    from compliance.types import Verdict
    from gateway.outbound.draft import Draft
    from gateway.outbound.facts import Facts
    from gateway.outbound.request import SendRequest
    from gateway.resources.catalog import Catalog
    from gateway.resources.opt_outs import OptOut
    from gateway.routing import Choice


PASSED_OVER = 50  # identities named in a decision; an account may have a thousand

_PURPOSES = {one: CompliancePurpose(one) for one in Purpose}
_KINDS = {one: SenderKind(one) for one in IdentityKind}
_dollars = lru_cache(maxsize=4096)(from_millionths)


@dataclass(frozen=True, slots=True)
class Links:
    """What must be known of the connectors: asked, never kept, since links come and go."""

    up: Callable[[str], bool]
    profile: Callable[[str], TextProfile]
    simulated: Callable[[str], bool]  # whether a connector leads to the simulated carrier


class Terms(NamedTuple):
    """What is sent, and for how much."""

    body: str
    body_hash: str
    encoding: Encoding
    parts: int
    price: int  # millionths of a US dollar
    message_type: str


class Decided(NamedTuple):
    """The whole decision for one request."""

    choice: Choice
    terms: Terms
    outcome: Decision
    protection: Protection | None = None  # None: no protect configuration counts


def decide(draft: Draft, facts: Facts, catalog: Catalog, links: Links) -> Decided:
    """Decide one request.

    Raises:
        Invalid: the text cannot be sent (too many parts, no Unicode); names the field.
        Conflict: nothing to send from, or no way there; with the reasons for each identity passed over.
        NotFound: there is no such protect configuration.
    """
    request, (e164, country), _ = draft
    account_id = request.account_id
    sticky = facts.sticky.get((account_id, e164), NOT_STICKY)
    wish = Wish(e164, country, request.message_type or None, request.origination, sticky.identity_id)
    choice = choose(wish, catalog.directory(account_id), links.up)
    connector = choice.connectors[0]
    terms = _terms(draft, choice, links.profile(connector))
    asked = _asked(draft, choice, terms, facts, catalog, links)
    return Decided(choice, terms, engine.check(asked), asked.protection)


def _protection(draft: Draft, facts: Facts, catalog: Catalog) -> Protection | None:
    request, (e164, country), _ = draft
    guard = catalog.guard(request.account_id, request.protect_configuration, request.configuration_set)
    if guard is not None:
        return guard.says(e164, country, facts.now, facts.watch.neighbours(request.account_id, e164))
    if request.protect_configuration:
        raise NotFound(
            "protect_configuration_not_found", "There is no such protect configuration.",
            field=f"{request.path}protect_configuration",
        )  # fmt: skip
    return None


def _terms(draft: Draft, choice: Choice, profile: TextProfile) -> Terms:
    request = draft.request
    body, encoding, parts = _fit(request, profile)
    body_hash = draft.body_hash if body is request.body else hash_of(body)
    price = _millionths(choice.route.price) * parts
    return Terms(body, body_hash, encoding, parts, price, request.message_type or str(choice.identity.message_type))


@lru_cache(maxsize=1024)
def _millionths(price: Decimal) -> int:
    return int(price * 1_000_000)


def _fit(request: SendRequest, profile: TextProfile) -> tuple[str, Encoding, int]:
    body = request.body
    try:
        if request.substitute and (better := text.preview(body, profile).substitution):
            return better.text, better.encoding, better.parts
        return body, text.encoding_of(body, profile.default_alphabet), text.count_parts(body, profile)
    except text.TextError as error:
        raise Invalid(
            error.code, str(error), field=f"{request.path}body", remedy="Shorten or correct the text."
        ) from error


def _asked(draft: Draft, choice: Choice, terms: Terms, facts: Facts, catalog: Catalog, links: Links) -> SendFacts:
    request, (e164, country), _ = draft
    account_id, identity = request.account_id, choice.identity
    limits = catalog.limits(account_id)
    opted = facts.opted.get((account_id, e164, identity.opt_out_list))
    return SendFacts(  # by position, here and where else it is done for each message: names would take twice as long
        e164,
        country,
        identity.sender,
        _KINDS[identity.kind],
        terms.message_type,  # type: ignore[arg-type]
        _PURPOSES[request.purpose],
        terms.body_hash,
        facts.moment,
        _dollars(terms.price),
        request.max_price,
        _dollars(facts.spent.get(account_id, 0)),
        _opted(opted) if opted else None,
        (account_id, e164, identity.opt_out_list) in facts.in_review,
        tuple(facts.recent[account_id, e164]),
        opted.confirmations if opted else 0,
        limits,
        identity.self_managed_opt_outs,
        links.simulated(choice.connectors[0]),
        _protection(draft, facts, catalog),
        limits.sandbox and catalog.is_verified(account_id, e164),
    )


def _opted(opted: OptOut) -> Opted:
    return Opted(from_micros(opted.opted_out_at), opted.list_name, opted.how)


def as_document(decided: Decided) -> dict[str, Any]:
    """The decision as everybody is shown it: API, console, dry run. Holds no number of a person and no text."""
    choice, terms, outcome, protection = decided
    identity = choice.identity
    return {
        "identity": {"id": identity.id, "kind": str(identity.kind), "sender": identity.sender},
        "pool": choice.pool.id if choice.pool else None,
        "route": choice.route.id,
        "connectors": list(choice.connectors),
        "why": choice.why,
        "passed_over": [
            {"identity": one.identity_id, "sender": one.sender, "code": one.code, "reason": one.reason}
            for one in choice.passed_over[:PASSED_OVER]
        ],
        "passed_over_count": len(choice.passed_over),
        "encoding": str(terms.encoding),
        "parts": terms.parts,
        "price": f"{from_millionths(terms.price):f}",
        "effect": str(outcome.effect),
        "verdicts": [verdict_document(v) for v in outcome.verdicts],
        "protection": _protection_document(protection, outcome),
    }  # fmt: skip


def _protection_document(protection: Protection | None, outcome: Decision) -> dict[str, str] | None:
    """Which protect configuration counted, its rule for the country, its override of the number, and the verdict."""
    if protection is None:
        return None
    return {
        "configuration": protection.configuration,
        "status": protection.status,
        "override": protection.override,
        "verdict": next(one.code for one in outcome.verdicts if one.rule == "destination_protected"),
    }


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    return {
        "rule": verdict.rule,
        "effect": str(verdict.effect),
        "code": verdict.code,
        "reason": verdict.reason,
        "source": verdict.source,
        "remedy": verdict.remedy,
        "until": verdict.until.isoformat() if verdict.until else None,
    }


class Ruling(NamedTuple):
    """What like decisions have in common, worked out once for all of them."""

    id: str
    document: Mapping[str, Any]
    encoding: str
    price: str  # US$, decimal
    pool_id: str
    connectors: str  # JSON
    code: str  # of what refuses or defers, as the reason; ""
    reason: str
    refusal: Mapping[str, Any] | None


class DecisionBook:
    """Decisions are many and alike: each distinct one is stored once, under the hash of its text."""

    def __init__(self, size: int = 4096) -> None:
        # With each ruling what it is known by: while that is kept, nothing else has its id().
        self._known: dict[tuple[Any, ...], tuple[Ruling, Choice, Decision]] = {}
        self._stored: set[str] = set()
        self._size = size

    def ruling(self, decided: Decided) -> Ruling:
        choice, terms, outcome, protection = decided
        # Choices and verdicts that allow are shared objects, which are told apart sooner than compared.
        verdicts = map(id, outcome.verdicts) if outcome.effect is Effect.ALLOW else outcome.verdicts
        sign = (id(choice), terms.encoding, terms.parts, protection and protection[:3], *verdicts)
        found = self._known.get(sign)
        if found is None:
            if len(self._known) >= self._size:
                self._known.clear()
            found = self._known[sign] = (_rule(decided), choice, outcome)
        return found[0]

    def is_stored(self, decision_id: str) -> bool:
        return decision_id in self._stored

    def stored(self, decision_ids: set[str]) -> None:
        """These are committed now."""
        if len(self._stored) > self._size:
            self._stored.clear()
        self._stored |= decision_ids


def _rule(decided: Decided) -> Ruling:
    choice, _, outcome, _ = decided
    document = as_document(decided)
    why = outcome.refusal or outcome.deferral
    return Ruling(
        id=hashlib.sha256(orjson.dumps(document)).hexdigest()[:32],
        document=document,
        encoding=document["encoding"],
        price=document["price"],
        pool_id=choice.pool.id if choice.pool else "",
        connectors=orjson.dumps(choice.connectors).decode(),
        code=why.code if why else "",
        reason=why.reason if why else "",
        refusal=verdict_document(outcome.refusal) if outcome.refusal else None,
    )
