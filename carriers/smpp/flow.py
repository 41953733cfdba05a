"""What a link's answers say: about each message, and about how fast the link may go. Pure; time is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carriers.smpp.fields import Tag
from carriers.smpp.outgoing import accepted, is_accepted, refused
from carriers.smpp.pace import Breaker, LatencyGuard, Pace
from carriers.smpp.status import StatusClass, describe
from carriers.types import Outcome

if TYPE_CHECKING:
    from carriers.smpp.events import Answered
    from carriers.smpp.settings import SmppSettings
    from carriers.types import SubmissionResult

RMSGQFUL = 0x14
PROTO_IN_A_ROW = 3  # that many answers "your PDU is broken" mean that the session is


class Flow:
    """The verdicts on one link. ``rebind`` turns true when the answers show that the session itself is at fault."""

    def __init__(self, settings: SmppSettings, now: float) -> None:
        self._overrides = settings.status_classes
        self._pace = Pace(settings.rate, settings.throttle_pause, now)
        self._breaker = Breaker()
        self._guard = LatencyGuard(settings.window)
        self._protocol_errors = 0
        self._answers = 0
        self._transient = 0
        self.rebind = False

    def begin(self) -> None:
        """A new session: what the last one did wrong is forgotten, what the carrier can bear is not."""
        self.rebind = False
        self._protocol_errors = 0

    def paused_for(self, now: float) -> float:
        return max(self._pace.paused_for(now), self._breaker.opens_at(now) - now)

    def room(self, outstanding: int, now: float) -> int:
        """How many more may leave, with so many out."""
        most = min(self._breaker.room(now), self._guard.window)
        return max(0, min(most - outstanding, self._pace.available(now)))

    def opens_at(self, now: float) -> float:
        """When time alone will have made room."""
        return max(self._pace.opens_at(now), self._breaker.opens_at(now))

    def sent(self, count: int, now: float) -> None:
        self._pace.spend(count, now)

    def answered(self, event: Answered, now: float) -> SubmissionResult:
        """The result of an answer to a submit, whose token is the Submission.

        Call ``batch_done`` after the last of those that came together.
        """
        pdu = event.pdu
        if pdu.tlvs:
            congestion = pdu.tlv_int(Tag.CONGESTION_STATE)
            if congestion is not None:
                self._pace.congestion(congestion, now)
        self._answers += 1
        if not event.late:
            self._guard.answered(event.elapsed, now)
        if is_accepted(pdu):
            self._protocol_errors = 0
            return accepted(event.token.reference, pdu, late=event.late)
        return self._refused(event, now)

    def batch_done(self, now: float) -> None:
        """Count what came since the last call."""
        if self._answers:
            self._breaker.record(self._answers, self._transient, now)
            self._answers = self._transient = 0

    def _refused(self, event: Answered, now: float) -> SubmissionResult:
        status, submission = event.pdu.status, event.token
        result = refused(submission.reference, event.pdu, self._overrides, late=event.late)
        klass = describe(status, self._overrides).klass
        if status == RMSGQFUL and status not in self._overrides and self._pace.queue_full(submission.destination, now):
            klass, result = StatusClass.THROTTLE, result._replace(outcome=Outcome.THROTTLED)
        self._protocol_errors = self._protocol_errors + 1 if klass is StatusClass.PROTO else 0
        if klass is StatusClass.THROTTLE:
            self._pace.throttled(now)
        elif klass is StatusClass.RETRY:
            self._transient += 1
        elif klass in {StatusClass.SESSION, StatusClass.BIND_FATAL} or self._protocol_errors >= PROTO_IN_A_ROW:
            self.rebind = True
        return result
