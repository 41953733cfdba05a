"""One message decided: who it leaves from, which way, in what encoding, at what price, and every rule's verdict.

Pure: what the database knows comes in as Facts, what may leave goes out as a Decided.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from carriers import text
from compliance import engine
from compliance.types import Effect, Opted, Recent, SenderKind, SendFacts
from compliance.types import Purpose as CompliancePurpose
from gateway.errors import Invalid
from gateway.model import Purpose
from gateway.routing import Wish, choose
from gateway.store.times import from_micros, from_millionths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carriers.text import TextProfile
    from carriers.types import Encoding
    from compliance.engine import Decision
    from compliance.types import AccountLimits, Verdict
    from gateway.numbers import Destination
    from gateway.outbound.facts import Facts
    from gateway.outbound.request import SendRequest
    from gateway.resources.catalog import Catalog
    from gateway.routing import Choice


PASSED_OVER = 50  # identities named in a decision; an account may have a thousand


@dataclass(frozen=True, slots=True)
class Links:
    """What must be known of the connectors: asked, never kept, since links come and go."""

    up: Callable[[str], bool]
    profile: Callable[[str], TextProfile]
    simulated: Callable[[str], bool]  # whether a connector leads to the simulated carrier


@dataclass(frozen=True, slots=True)
class Decided:
    """The whole decision for one request."""

    choice: Choice
    outcome: Decision
    body: str
    body_hash: str
    encoding: Encoding
    parts: int
    price: int  # millionths of a US dollar
    message_type: str


def decide(request: SendRequest, destination: Destination, facts: Facts, catalog: Catalog, links: Links) -> Decided:
    """Decide one request.

    Raises:
        Invalid: the text cannot be sent (too many parts, no Unicode); names the field.
        Conflict: nothing to send from, or no way there; with the reasons for each identity passed over.
    """
    person = facts.people[request.account_id, destination.e164]
    wish = Wish(
        destination=destination.e164,
        country=destination.country,
        message_type=request.message_type or None,
        origination=request.origination,
        sticky_identity_id=person.sticky_identity_id,
    )
    choice = choose(wish, catalog.directory(request.account_id), links.up)
    body, encoding, parts = _fit(request, links.profile(choice.connectors[0]))
    message_type = request.message_type or choice.identity.message_type
    price = int(choice.route.price * 1_000_000) * parts
    body_hash = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    known = _known(request, destination, facts, catalog.limits(request.account_id), choice)
    known |= {
        "message_type": message_type, "body_hash": body_hash, "price": from_millionths(price),
        "recent": tuple(person.recent), "simulator": links.simulated(choice.connectors[0]),
    }  # fmt: skip
    outcome = engine.check(SendFacts(**known))
    counts = request.purpose is Purpose.MESSAGE and not request.dry_run
    if outcome.effect is not Effect.REFUSE and counts:
        person.recent.append(Recent(facts.moment, body_hash, message_type))  # type: ignore[arg-type]
    return Decided(choice, outcome, body, body_hash, encoding, parts, price, message_type)


def _fit(request: SendRequest, profile: TextProfile) -> tuple[str, Encoding, int]:
    try:
        if request.substitute and (better := text.preview(request.body, profile).substitution):
            return better.text, better.encoding, better.parts
        return (
            request.body,
            text.encoding_of(request.body, profile.default_alphabet),
            text.count_parts(request.body, profile),
        )
    except text.TextError as error:
        raise Invalid(
            error.code, str(error), field=f"{request.path}body", remedy="Shorten or correct the text."
        ) from error


def _known(
    request: SendRequest, destination: Destination, facts: Facts, limits: AccountLimits, choice: Choice
) -> dict[str, Any]:
    opt_out_list = choice.identity.opt_out_list
    opted = facts.opted.get((request.account_id, destination.e164, opt_out_list))
    return {
        "destination": destination.e164,
        "country": destination.country,
        "identity": choice.identity.sender,
        "sender_kind": SenderKind(choice.identity.kind),
        "purpose": CompliancePurpose(request.purpose),
        "now": facts.moment,
        "max_price": request.max_price,
        "month_spend": from_millionths(facts.spent.get(request.account_id, 0)),
        "opted": Opted(from_micros(opted.opted_out_at), opted.list_name, opted.how) if opted else None,
        "in_review": (request.account_id, destination.e164, opt_out_list) in facts.in_review,
        "confirmations_since_opt_out": opted.confirmations if opted else 0,
        "limits": limits,
        "self_managed_opt_outs": choice.identity.self_managed_opt_outs,
    }


def as_document(decided: Decided) -> dict[str, Any]:
    """The decision as everybody is shown it: API, console, dry run. Holds no number of a person and no text."""
    identity, choice = decided.choice.identity, decided.choice
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
        "encoding": str(decided.encoding),
        "parts": decided.parts,
        "price": f"{from_millionths(decided.price):f}",
        "effect": str(decided.outcome.effect),
        "verdicts": [verdict_document(v) for v in decided.outcome.verdicts],
    }  # fmt: skip


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


class DecisionBook:
    """Decisions are many and alike: each distinct one is stored once, under the hash of its text."""

    def __init__(self, size: int = 4096) -> None:
        self._known: dict[Any, tuple[str, Mapping[str, Any]]] = {}
        self._stored: set[str] = set()
        self._size = size

    def entry(self, decided: Decided) -> tuple[str, Mapping[str, Any]]:
        """The id and document of a decision."""
        choice = decided.choice
        sign = (
            choice.identity, choice.route, choice.connectors, choice.why, choice.passed_over,
            decided.encoding, decided.parts, decided.outcome.verdicts,
        )  # fmt: skip
        found = self._known.get(sign)
        if found is None:
            document = as_document(decided)
            found = hashlib.sha256(orjson.dumps(document)).hexdigest()[:32], document
            if len(self._known) >= self._size:
                self._known.clear()
            self._known[sign] = found
        return found

    def is_stored(self, decision_id: str) -> bool:
        return decision_id in self._stored

    def stored(self, decision_ids: set[str]) -> None:
        """These are committed now."""
        if len(self._stored) > self._size:
            self._stored.clear()
        self._stored |= decision_ids
