"""The message centre between the ESMEs' links and the handsets: what is asked of an SMSC, judged, answered, delivered.

Rule 1. A submit is judged by the fault script, taken, answered; ``receipt_delay`` later it reaches its handset, and the
        receipt goes to any link of the same system_id that may receive, as soon as there is one.
Rule 2. There are no tasks: what comes in one read is answered in one write, and what is due in one tick leaves in one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, cast

from carriers.simulator.deliveries import Account, Delivery
from carriers.simulator.ledger import Taken
from carriers.simulator.messages import Message, Messages, Refused, answer, read_times, receipt
from carriers.simulator.ticker import Ticker
from carriers.smpp.events import Answered, LinkClosed, NotSent, Requested, TimedOut, Unknown
from carriers.smpp.fields import Command, Tag
from carriers.smpp.incoming import read_message
from carriers.smpp.pdu import Pdu, build_body, response_to
from carriers.smpp.settings import SmppSettings
from carriers.smpp.states import State
from carriers.types import ReceiptState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from carriers.simulator.faults import Faults, FaultScript
    from carriers.simulator.handsets import Handsets
    from carriers.simulator.ledger import Ledger
    from carriers.smpp.events import Event
    from carriers.smpp.transport import ServerLink

NAME: Final = b"heliograph"  # the system_id by which the SMSC presents itself
VERSION: Final = b"\x34"
ADDRESS_LIMIT: Final = 20  # SMPP 3.4 section 5.2.8; data_sm has room for more, a receipt has not
OVERTAKES_BY: Final = 0.02  # seconds by which a receipt comes before the answer: enough on whichever link it goes
REDELIVER_AFTER: Final = 1.0  # seconds until what the ESME could not store is sent again
SENDERS_KEPT: Final = 10_000  # of which it is known by which account they send

RINVCMDID: Final = 0x03
RINVSRCADR: Final = 0x0A
RINVDSTADR: Final = 0x0B
RINVPASWD: Final = 0x0E
RINVSYSID: Final = 0x0F
RINVDLNAME: Final = 0x34

_RECEIVERS: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})
_DISTRIBUTION_LIST: Final = 2  # dest_flag, SMPP 3.4 section 5.2.25
_SME: Final = ("dest_addr_ton", "dest_addr_npi", "destination_addr")


@dataclass(frozen=True, slots=True)
class Door:
    """Who may bind: a system_id and a password; empty for any."""

    system_id: bytes = b""
    password: bytes = b""

    def refusal(self, pdu: Pdu) -> int:
        """The command_status for a bind that names another account or password; 0 to let it in."""
        if self.system_id and pdu.body["system_id"] != self.system_id:
            return RINVSYSID
        if self.password and pdu.body["password"] != self.password:
            return RINVPASWD
        return 0


@dataclass(slots=True, eq=False)
class Peer:
    """One link of an ESME. ``open`` turns False when it is cut: what it had sent behind that is not looked at."""

    link: ServerLink
    account: Account
    submits: int = 0
    open: bool = True


class Centre:
    """Everything of an SMSC but the listening.

    Attributes:
        script: The fault script being played.
        ledger: Where each submit taken is noted, or None.
        submits: How many were taken.
        peers: The links there are, bound or not.
    """

    def __init__(
        self,
        handsets: Handsets,
        script: FaultScript,
        door: Door,
        ledger: Ledger | None,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        """``clock``: seconds, never going back. ``now``: the time of the day, aware."""
        self.script = script
        self.ledger = ledger
        self.submits = 0
        self.peers: set[Peer] = set()
        self.ticker = Ticker(clock, self._pump)
        self._handsets = handsets
        self._door = door
        self._clock = clock
        self._now = now
        self._messages = Messages()
        self._accounts: dict[str, Account] = {}
        self._senders: OrderedDict[str, Account] = OrderedDict()
        self._unrouted: list[Delivery] = []  # replies from before any ESME had come
        self._reading = SmppSettings(host="localhost", system_id="simulator")  # how texts are read: GSM 7-bit default
        # Ids count on from the time, in steps too small for anyone to catch up with: none comes twice, even after a
        # restart of the process.
        self._ids = count(int(now().timestamp() * 1_000_000))
        self._handlers: Mapping[int, Callable[[Peer, Pdu], None]] = {
            Command.BIND_TRANSMITTER: self._bind,
            Command.BIND_RECEIVER: self._bind,
            Command.BIND_TRANSCEIVER: self._bind,
            Command.SUBMIT_SM: self._submit,
            Command.DATA_SM: self._submit,
            Command.SUBMIT_MULTI: self._submit_multi,
            Command.QUERY_SM: self._query,
            Command.CANCEL_SM: self._cancel,
            Command.REPLACE_SM: self._replace,
        }

    @property
    def faults(self) -> Faults:
        return self.script.faults

    @property
    def waiting(self) -> int:
        """Receipts and replies that wait for a link to take them."""
        return sum(account.waiting for account in self._accounts.values()) + len(self._unrouted)

    def next_id(self) -> bytes:
        """An id that no message has had."""
        return b"%d" % next(self._ids)

    def send(self, to: str, deliveries: list[Delivery]) -> None:
        """Have the ESME take what a handset wrote to ``to``.

        It goes to the account that last sent from there, else to one that listens, else to the first that will.
        """
        account = self._senders.get(to) or self._anyone()
        if account is None:
            self._unrouted += deliveries
            return
        account.queue(deliveries)
        account.pump()

    def joined(self, link: ServerLink) -> Peer:
        """A link that has connected."""
        peer = Peer(link, Account("", self._clock))  # until its bind says whose it is
        self.peers.add(peer)
        return peer

    def happened(self, peer: Peer, event: Event) -> None:
        """Take an event of a link."""
        if isinstance(event, Requested):
            self._requested(peer, event.pdu)
        elif isinstance(event, Answered):
            self._answered(peer, event)
        elif isinstance(event, (TimedOut, NotSent, Unknown)):
            # In the next tick: all that this link held comes together and keeps its order.
            self.ticker.put(self._clock(), peer.account.bring_back, event.token)
        elif isinstance(event, LinkClosed):
            peer.open = False
            peer.account.remove(peer.link)
            self.peers.discard(peer)

    def _anyone(self) -> Account | None:
        return max(self._accounts.values(), key=lambda account: account.receives, default=None)

    def _pump(self) -> None:
        for account in self._accounts.values():
            account.pump()

    def _requested(self, peer: Peer, pdu: Pdu) -> None:
        if not peer.open:
            return
        handler = self._handlers.get(pdu.command_id)
        if handler is None:
            peer.link.answer(response_to(pdu, RINVCMDID))
        else:
            handler(peer, pdu)

    def _answered(self, peer: Peer, event: Answered) -> None:
        delivery = cast("Delivery", event.token)
        if peer.account.answered(delivery, event.pdu):
            self.ticker.put(self._clock() + REDELIVER_AFTER, peer.account.bring_back, delivery)
        peer.account.pump()

    # --- binds ---

    def _bind(self, peer: Peer, pdu: Pdu) -> None:
        status = self.faults.refuse_binds or self._door.refusal(pdu)
        if status:
            peer.link.answer(response_to(pdu, status))
            return
        accepted = response_to(pdu)
        version = ((Tag.SC_INTERFACE_VERSION, VERSION),)
        peer.link.answer(Pdu(accepted.command_id, 0, pdu.sequence, {"system_id": NAME}, version))
        peer.account = self._account(pdu.body["system_id"].decode("latin-1"))
        if peer.link.session.state in _RECEIVERS:
            peer.account.add(peer.link)
            peer.account.queue(self._unrouted)
            self._unrouted = []
            peer.account.pump()

    def _account(self, system_id: str) -> Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = Account(system_id, self._clock)
        return account

    # --- submits ---

    def _submit(self, peer: Peer, pdu: Pdu) -> None:
        self._count(peer)
        try:
            message = self._take(peer, pdu, self.next_id())
        except Refused as refused:
            self._answer_after(self.faults.answer_delay, peer, self._answer(pdu, refused.status))
        else:
            self._go_on(peer, self._answer(pdu, 0, message_id=message.carrier_id), [message])
        self._cut_if_due(peer)

    def _submit_multi(self, peer: Peer, pdu: Pdu) -> None:
        """One id for all destinations; those refused are listed in the answer (SMPP 3.4 section 4.5.2)."""
        self._count(peer)
        carrier_id = self.next_id()
        taken: list[Message] = []
        failed: list[dict[str, Any]] = []
        for entry in pdu.body["dest_address"]:
            try:
                taken.append(self._take(peer, _single(pdu, entry), carrier_id))
            except Refused as refused:
                address = {name: entry[name] for name in _SME if name in entry}  # a distribution list has none
                failed.append({**address, "error_status_code": refused.status})
        body = {"message_id": carrier_id, "unsuccess_sme": tuple(failed)}
        self._go_on(peer, self._answer(pdu, 0, **body), taken)
        self._cut_if_due(peer)

    def _take(self, peer: Peer, pdu: Pdu, carrier_id: bytes) -> Message:
        """The message of a submit that is accepted.

        Raises:
            Refused: It is not.
        """
        body = pdu.body
        source = (body["source_addr_ton"], body["source_addr_npi"], body["source_addr"])
        destination = (body["dest_addr_ton"], body["dest_addr_npi"], body["destination_addr"])
        _check_addresses(source[2], destination[2])
        status = self.script.status(peer.account.system_id, destination[2], self._clock())
        if status:
            raise Refused(status)
        taken_at = self._now()
        due_at, expires_at = read_times(pdu, taken_at)
        message = Message(
            carrier_id=carrier_id,
            account=peer.account.system_id,
            part=read_message(pdu, self._reading),
            source=source,
            destination=destination,
            registered=body["registered_delivery"],
            reference=pdu.tlv(Tag.USER_MESSAGE_REFERENCE),
            taken_at=taken_at,
            due_at=due_at,
            expires_at=expires_at,
        )
        self._note(message, peer.account)
        return message

    def _note(self, message: Message, account: Account) -> None:
        self.submits += 1
        self._messages.add(message)
        part = message.part
        if self._senders.get(part.source) is not account:
            self._senders[part.source] = account
            if len(self._senders) > SENDERS_KEPT:
                self._senders.popitem(last=False)
        if self.ledger is not None:
            number = part.concatenation.number if part.concatenation else 1
            self.ledger.append(Taken(part.source, part.destination, message.carrier_id.decode(), part.text, number))

    def _go_on(self, peer: Peer, pdu: Pdu, messages: list[Message]) -> None:
        """Answer and deliver what was taken; in which order, the fault script says."""
        delay = self.faults.answer_delay
        if self.script.overtakes():
            delay = max(delay, OVERTAKES_BY)
            for message in messages:
                self._deliver(message, at_once=True)
            peer.account.pump()
        else:
            self._deliver_later(messages)
        if not self.script.is_silent(peer.submits):
            self._answer_after(delay, peer, pdu)

    def _answer_after(self, delay: float, peer: Peer, pdu: Pdu) -> None:
        if delay:
            self.ticker.put(self._clock() + delay, peer.link.answer, pdu)
        else:
            peer.link.answer(pdu)

    def _answer(self, pdu: Pdu, status: int, **body: object) -> Pdu:
        return answer(pdu, status, unknown_tlvs=self.faults.unknown_tlvs, **body)

    def _count(self, peer: Peer) -> None:
        peer.submits += 1
        if self.faults.mute_after is not None and peer.submits == self.faults.mute_after + 1:
            peer.link.wire.flush()
            peer.link.hold()

    def _cut_if_due(self, peer: Peer) -> None:
        if self.faults.drop_after is not None and peer.submits >= self.faults.drop_after:
            peer.open = False
            peer.link.abort()

    # --- to the handsets, and the receipts of it ---

    def _deliver_later(self, messages: list[Message]) -> None:
        at = self._clock() + self.faults.receipt_delay
        for message in messages:
            scheduled = (message.due_at - message.taken_at).total_seconds()
            self.ticker.put(at + max(0.0, scheduled), self._deliver, message)

    def _deliver(self, message: Message, *, at_once: bool = False) -> None:
        """Bring a message to its handset, or to the end that its time or its number has in store."""
        if message.state is not ReceiptState.ENROUTE:  # cancelled meanwhile
            return
        fate, at = self._handsets.fate(message.part.destination), self._now()
        if message.expires_at is not None and at >= message.expires_at:
            message.end(ReceiptState.EXPIRED, 0, at)
        else:
            message.end(fate.state, fate.error, at)
        self._handsets.arrived(message.part, message.state, at)
        self._report(message, at_once=at_once)

    def _report(self, message: Message, *, at_once: bool = False) -> None:
        if not message.wants_receipt():
            return
        for delay in self.script.receipt_delays(at_once=at_once):
            if delay:
                self.ticker.put(self._clock() + delay, self._send_receipt, message)
            else:
                self._send_receipt(message)

    def _send_receipt(self, message: Message) -> None:
        """Queue it; whoever called pumps when the batch is whole."""
        faults = self.faults
        made = receipt(message, hex_id=faults.hex_receipt_ids, unknown_tlvs=faults.unknown_tlvs)
        self._account(message.account).queue((Delivery(build_body(made)),))

    # --- what may be asked about messages ---

    def _query(self, peer: Peer, pdu: Pdu) -> None:
        peer.link.answer(self._messages.query(peer.account.system_id, pdu))

    def _cancel(self, peer: Peer, pdu: Pdu) -> None:
        made, ending = self._messages.cancel(peer.account.system_id, pdu)
        peer.link.answer(made)
        for message in ending:
            message.end(ReceiptState.DELETED, 0, self._now())
            self._report(message)
        peer.account.pump()

    def _replace(self, peer: Peer, pdu: Pdu) -> None:
        peer.link.answer(self._messages.replace(peer.account.system_id, pdu, self._now()))


def _check_addresses(source: bytes, destination: bytes) -> None:
    if not 1 <= len(destination) <= ADDRESS_LIMIT:
        raise Refused(RINVDSTADR)
    if len(source) > ADDRESS_LIMIT:
        raise Refused(RINVSRCADR)


def _single(pdu: Pdu, entry: Mapping[str, Any]) -> Pdu:
    """The submit_sm to one of the destinations of a submit_multi.

    Raises:
        Refused: It is a distribution list, and we keep none.
    """
    if entry["dest_flag"] == _DISTRIBUTION_LIST:
        raise Refused(RINVDLNAME)
    body = {**pdu.body, **{name: entry[name] for name in _SME}}
    return Pdu(Command.SUBMIT_SM, 0, pdu.sequence, body, pdu.tlvs)
