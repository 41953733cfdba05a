"""An ESME's and an SMSC's session joined in memory, on a clock that only moves when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carriers.smpp.config import SessionConfig
from carriers.smpp.events import Requested
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, parse, response_to, split_stream
from carriers.smpp.session import Session
from carriers.smpp.states import BIND_STATES, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carriers.smpp.events import Event

SUBMIT = Pdu(Command.SUBMIT_SM, body={"destination_addr": b"447700900123", "short_message": b"hello"})
ACK = {"message_id": b"7"}
DELIVER = Pdu(Command.DELIVER_SM, body={"source_addr": b"447700900123", "short_message": b"STOP"})


class SessionPair:
    """Both sides; ``esme_events`` and ``smsc_events`` collect what each is told."""

    def __init__(self, bind: str = "trx", *, last_sequence: int = 0, **limits) -> None:
        self.now = 1000.0
        config = SessionConfig(bind=bind, system_id="esme", password="secret", **limits)
        self.esme = Session(Role.ESME, config, self.now, last_sequence=last_sequence)
        self.smsc = Session(Role.SMSC, config, self.now)
        self.esme_events: list[Event] = []
        self.smsc_events: list[Event] = []

    def to_smsc(self) -> list[Event]:
        """Carry what the ESME has to send. Returns what the SMSC is told of it."""
        return self._carry(self.esme, self.smsc, self.smsc_events)

    def to_esme(self) -> list[Event]:
        return self._carry(self.smsc, self.esme, self.esme_events)

    def _carry(self, source: Session, target: Session, told: list[Event]) -> list[Event]:
        events = target.receive(source.data_to_send(), self.now)
        told.extend(events)
        return events

    def bind(self, status: int = 0) -> SessionPair:
        """The ESME binds, the SMSC answers."""
        self.esme.bind(self.now)
        (request,) = [event.pdu for event in self.to_smsc() if isinstance(event, Requested)]
        assert request.command_id in BIND_STATES
        self.smsc.respond(response_to(request, status, **({} if status else {"system_id": b"smsc"})))
        self.to_esme()
        return self

    def submit(self, mark: object = "one") -> Pdu:
        """The ESME submits. Returns the request as the SMSC sees it."""
        self.esme.request(SUBMIT, mark, self.now)
        return self._request_in(self.to_smsc())

    def deliver(self, mark: object = "in") -> Pdu:
        """The SMSC delivers. Returns the request as the ESME sees it."""
        self.smsc.request(DELIVER, mark, self.now)
        return self._request_in(self.to_esme())

    @staticmethod
    def _request_in(events: list[Event]) -> Pdu:
        (pdu,) = [event.pdu for event in events if isinstance(event, Requested)]
        return pdu

    def answer(self, request: Pdu, status: int = 0, **body) -> list[Event]:
        """The SMSC answers the ESME. Returns what the ESME is told."""
        self.smsc.respond(response_to(request, status, **body))
        return self.to_esme()

    def say(self, *pdus: Pdu) -> list[Event]:
        """Octets of any PDUs to the ESME, past the SMSC's session. Returns what the ESME is told."""
        events = self.esme.receive(b"".join(build(pdu) for pdu in pdus), self.now)
        self.esme_events.extend(events)
        return events

    def said(self) -> list[Pdu]:
        """What the ESME has to send, as PDUs, instead of carrying it."""
        return pdus_in(self.esme.data_to_send())

    def pass_time(self, seconds: float) -> list[Event]:
        """The ESME's clock goes on, timer by timer, with nothing from the SMSC. Returns what the ESME is told."""
        end, told = self.now + seconds, []
        while (at := self.esme.next_timer()) is not None and at <= end:
            self.now = max(self.now, at)
            told += self.esme.tick(self.now)
        self.now = end
        self.esme_events.extend(told)
        return told


def pdus_in(octets: bytes) -> list[Pdu]:
    buffer = bytearray(octets)
    pdus = [parse(frame) for frame in split_stream(buffer)]
    assert not buffer
    return pdus


def kinds(events: Iterable[object]) -> list[type]:
    return [type(event) for event in events]


def heads(pdus: Iterable[Pdu]) -> list[tuple[int, int, int]]:
    """Command, status and number of each."""
    return [(pdu.command_id, pdu.status, pdu.sequence) for pdu in pdus]
