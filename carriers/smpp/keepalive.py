"""Whether the peer lives, and when to ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carriers.smpp.config import SessionConfig


class KeepAlive:
    """The enquire_link timers (SMPP 3.4 section 7.2), both directions: carriers cut a link on which *we* are silent.

    Any PDU is a sign of life, not only enquire_link_resp: a busy SMSC may answer it last.
    """

    def __init__(self, config: SessionConfig, now: float) -> None:
        self._config = config
        self._heard_at = self._sent_at = now
        self._probe_ends: float | None = None
        self._silent = 0

    @property
    def probing(self) -> bool:
        return self._probe_ends is not None

    def heard(self, now: float) -> None:
        self._heard_at = now
        self._probe_ends = None

    def sent(self, now: float) -> None:
        self._sent_at = now

    def answered(self) -> None:
        """A request was answered: the row of silent ones is broken."""
        self._silent = 0

    def unanswered(self, count: int) -> bool:
        """So many requests ran out of time. Returns whether to ask at once if the peer lives."""
        self._silent += count
        if self._silent < self._config.silent_answers_before_probe or self.probing:
            return False
        self._silent = 0
        return True

    def probed(self, now: float) -> None:
        """An enquire_link was sent."""
        self._probe_ends = now + self._config.enquire_link_timeout

    def at(self) -> float:
        """When to send an enquire_link or, while one is out, when to give the peer up."""
        if self._probe_ends is not None:
            return self._probe_ends
        return min(self._heard_at, self._sent_at) + self._config.enquire_link_interval
