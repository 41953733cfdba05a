"""The fault script: what the simulated carrier does wrong, and how often. No IO and no clock.

Rule 1. A submit is refused by the first that applies: throttling, a full queue, the scripted status.
Rule 2. ``drop_after``, ``silent_after`` and ``mute_after`` count the submits of one link, refused ones too, from its
        connection on: a link that comes back begins anew.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar

import yaml
from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from carriers.errors import SettingsError
from carriers.smpp.pace import Bucket
from carriers.smpp.status import STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

K = TypeVar("K")
RTHROTTLED: Final = 0x58
RMSGQFUL: Final = 0x14
BUCKETS_KEPT: Final = 10_000  # accounts, and destinations, whose rate is remembered


def _status_number(value: object) -> object:
    """A command_status by its name in the specification, with or without ``ESME_``; anything else unchanged."""
    if not isinstance(value, str):
        return value
    name = value.strip().upper().removeprefix("ESME_")
    for row in STATUSES.values():
        if row.name == name:
            return row.code
    try:
        return int(name, 0)
    except ValueError:
        raise ValueError("must be a command_status by number or by a name such as RSYSERR") from None


Seconds: TypeAlias = Annotated[float, Field(ge=0, le=86_400)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
Rate: TypeAlias = Annotated[float, Field(gt=0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Status: TypeAlias = Annotated[int, Field(ge=0, le=0xFFFFFFFF), BeforeValidator(_status_number)]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Faults:
    """One fault script; without arguments a carrier that does nothing wrong.

    Times are seconds, shares 0 to 1, rates submits a second (a second's worth may come at once), None means never.

    Attributes:
        answer_delay: From a submit to its answer.
        receipt_delay: From a submit to its delivery, and so to its receipt.
        reorder: Span over which receipts are shuffled, behind ``receipt_delay``.
        duplicate: Share of receipts sent twice.
        receipt_before_answer: Share of submits whose receipt overtakes the answer.
        hex_receipt_ids: Write ids in hexadecimal in receipts, in decimal in answers.
        unknown_tlvs: Add TLVs that no specification has, to answers and receipts.
        throttle_rate: Rate of an account above which submits are answered RTHROTTLED.
        queue_full_rate: Rate to one destination above which submits are answered RMSGQFUL.
        drop_after: Cut the link on its Nth submit; that one is taken, and all answers still on their way are lost.
        silent_after: Take what comes behind the Nth submit of a link without answering it.
        silent: Share of submits taken and never answered.
        mute_after: Send nothing at all on a link behind its Nth submit, not even enquire_link_resp.
        refuse_binds: command_status to answer every bind with; 0 lets them in.
        status: command_status to refuse submits with; 0 for none.
        status_share: Share of submits that ``status`` refuses.
        seed: Makes the shares fall alike in each run.
    """

    answer_delay: Seconds = 0.0
    receipt_delay: Seconds = 0.05
    reorder: Seconds = 0.0
    duplicate: Share = 0.0
    receipt_before_answer: Share = 0.0
    hex_receipt_ids: bool = False
    unknown_tlvs: bool = False
    throttle_rate: Rate | None = None
    queue_full_rate: Rate | None = None
    drop_after: Count | None = None
    silent_after: Count | None = None
    silent: Share = 0.0
    mute_after: Count | None = None
    refuse_binds: Status = 0
    status: Status = 0
    status_share: Share = 1.0
    seed: int | None = None


def read_faults(script: Mapping[str, Any] | str) -> Faults:
    """A fault script from a mapping, or from YAML text of one; an empty one has no faults.

    Raises:
        SettingsError: It is no such mapping, a fault has no such name, or a value does not fit; names the field.
    """
    try:
        rows = yaml.safe_load(script) if isinstance(script, str) else script
    except yaml.YAMLError as error:
        raise SettingsError("faults", f"must be YAML: {error}") from error
    if rows is None:
        return Faults()
    if not isinstance(rows, dict):
        raise SettingsError("faults", "must be a mapping of faults to values, such as receipt_delay: 2")
    try:
        return TypeAdapter(Faults).validate_python(rows)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, ("faults", *first["loc"])))
        raise SettingsError(path, f"{first['msg']}; see carriers.simulator.faults.Faults") from error


class FaultScript:
    """A fault script being played: it rolls the dice and counts the rates."""

    def __init__(self, faults: Faults, rng: random.Random | None = None) -> None:
        """``rng`` overrules the script's seed."""
        self.faults = faults
        self._rng = rng or random.Random(faults.seed)  # noqa: S311 -- faults need no secrecy, and must be repeatable
        self._accounts: OrderedDict[str, Bucket] = OrderedDict()
        self._queues: OrderedDict[bytes, Bucket] = OrderedDict()

    def status(self, account: str, destination: bytes, now: float) -> int:
        """The command_status to refuse a submit with; 0 to take it."""
        if not _spend(self._accounts, account, self.faults.throttle_rate, now):
            return RTHROTTLED
        if not _spend(self._queues, destination, self.faults.queue_full_rate, now):
            return RMSGQFUL
        return self.faults.status if self.faults.status and self._falls(self.faults.status_share) else 0

    def is_silent(self, submits: int) -> bool:
        """Whether the latest of so many submits of a link goes without an answer."""
        after = self.faults.silent_after
        return (after is not None and submits > after) or self._falls(self.faults.silent)

    def overtakes(self) -> bool:
        """Whether the receipt of a submit comes before its answer."""
        return self._falls(self.faults.receipt_before_answer)

    def receipt_delays(self, *, at_once: bool = False) -> tuple[float, ...]:
        """When to send each copy of a receipt, in seconds from the delivery; ``at_once`` spares the first its delay."""
        first = 0.0 if at_once else self._within_span()
        return (first, self._within_span()) if self._falls(self.faults.duplicate) else (first,)

    def _within_span(self) -> float:
        return self._rng.random() * self.faults.reorder if self.faults.reorder else 0.0

    def _falls(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share


def _spend(buckets: OrderedDict[K, Bucket], key: K, rate: float | None, now: float) -> bool:
    """Whether there is room for one more of this key, at this rate; then it is taken."""
    if rate is None:
        return True
    bucket = buckets.get(key)
    if bucket is None:
        bucket = buckets[key] = Bucket(rate, now)
        if len(buckets) > BUCKETS_KEPT:
            buckets.popitem(last=False)
    if bucket.available(now) < 1:
        return False
    bucket.spend(1)
    return True
