"""When a link that failed may try again. Pure: causes and ``now`` in, seconds out.

Rule 1. Full jitter: a random share of min(60, 1 * 2^n) seconds, so the first retry comes within a second.
Rule 2. n starts again only after 60 s bound, not when TCP connects: a carrier that takes the connection and refuses the
        bind would otherwise be hammered.
Rule 3. RALYBND and RBINDFAIL are normal just after a drop, for the SMSC may hold the dead session for two minutes:
        5, 10, 20, 30, 30 ... seconds. An RBINDFAIL that comes the eleventh time in a row is taken for fatal.
Rule 4. What only a person can mend (system_id, password, system_type) is tried once in 5 minutes, for carriers lock
        accounts: the link is QUARANTINED meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

RALYBND = 0x05
RBINDFAIL = 0x0D
#: RINVPASWD, RINVSYSID, RINVSYSTYP (SMPP 3.4 section 5.1.3)
FATAL = frozenset({0x0E, 0x0F, 0x53})

_HELD = (5.0, 10.0, 20.0, 30.0)
_PATIENCE = 10
_QUARANTINE = 300.0
_STEADY = 60.0


class Backoff:
    """The memory of one link's failures."""

    def __init__(self, rng: random.Random, cap: float = 60.0) -> None:
        self._rng = rng
        self._cap = cap
        self._failures = 0
        self._held = 0
        self._bound_at: float | None = None
        self.quarantined = False

    def bound(self, now: float) -> None:
        """The bind stands."""
        self._bound_at = now
        self._held = 0
        self.quarantined = False

    def lost(self, now: float) -> float:
        """The link is gone, or could not be made. Returns the seconds to wait."""
        if self._bound_at is not None and now - self._bound_at >= _STEADY:
            self._failures = 0
        self._bound_at = None
        most = min(self._cap, 2.0 ** min(self._failures, 16))
        self._failures += 1
        return self._rng.uniform(0.0, most)

    def refused(self, status: int, now: float) -> float:
        """The bind was answered with ``status``. Returns the seconds to wait."""
        if status not in {RALYBND, RBINDFAIL} and status not in FATAL:
            return self.lost(now)
        self._held += 1
        self.quarantined = status in FATAL or (status == RBINDFAIL and self._held > _PATIENCE)
        if self.quarantined:
            return _QUARANTINE
        return _HELD[min(self._held, len(_HELD)) - 1]
