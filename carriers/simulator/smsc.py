"""The simulated carrier: an SMSC with handsets behind it and a fault script, for any ESME to bind to.

Rule 1. A submit is judged by the fault script, taken, answered; ``receipt_delay`` later it reaches its handset, and the
        receipt goes to any link of the same system_id that may receive, as soon as there is one.
Rule 2. There are no tasks: what comes in one read is answered in one write, and what is due in one tick leaves in one.
Rule 3. Stopping keeps everything. Started again, it goes on as a carrier does after maintenance.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final, cast

from carriers.simulator.deliveries import Account, Delivery
from carriers.simulator.faults import Faults, FaultScript
from carriers.simulator.handsets import Handsets
from carriers.simulator.ledger import FileLedger, Taken
from carriers.simulator.messages import Message, Messages, Refused, answer, deliver_sm, read_times, receipt
from carriers.simulator.ticker import Ticker
from carriers.smpp.config import SessionConfig
from carriers.smpp.events import Answered, LinkClosed, NotSent, Requested, TimedOut, Unknown
from carriers.smpp.fields import Command, Tag
from carriers.smpp.incoming import read_message
from carriers.smpp.pdu import Pdu, response_to
from carriers.smpp.receipt import outbound_address
from carriers.smpp.settings import SmppSettings
from carriers.smpp.states import State
from carriers.smpp.transport import serve
from carriers.text import TextProfile, split
from carriers.types import ReceiptState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carriers.simulator.handsets import Text
    from carriers.simulator.ledger import Ledger
    from carriers.smpp.events import Event
    from carriers.smpp.transport import OnEvent, ServerLink
    from carriers.types import Segment

NAME: Final = b"heliograph"  # the system_id by which the SMSC presents itself
VERSION: Final = b"\x34"
ADDRESS_LIMIT: Final = 20  # SMPP 3.4 section 5.2.8; data_sm has room for more, a receipt has not
UDHI: Final = 0x40
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
_REPLY_PROFILE: Final = TextProfile("udh8", "gsm7", 255)


@dataclass(slots=True, eq=False)
class _Peer:
    """One link of an ESME."""

    link: ServerLink
    account: Account
    submits: int = 0
    open: bool = True


class _Reply:
    """A text from a handset until the ESME has taken, or refused, all its parts."""

    def __init__(self, handsets: Handsets, number: str, text: Text) -> None:
        self._handsets = handsets
        self._number = number
        self._text = text
        self._left = text.parts
        self._state = "ACKNOWLEDGED"
        self.whole: asyncio.Future[Text] = asyncio.get_running_loop().create_future()

    def told(self, taken: bool) -> None:
        self._left -= 1
        if not taken:
            self._state = "REFUSED"
        if self._left:
            return
        text = self._handsets.change(self._number, self._text.id, self._state) or self._text
        if not self.whole.done():
            self.whole.set_result(text)


class Simulator:
    """A carrier that is not there.

    Attributes:
        handsets: The phones behind it.
        ledger: Where each submit taken is noted, or None.
        submits: How many were taken.
    """

    def __init__(
        self,
        *,
        system_id: str = "",
        password: str = "",
        faults: Faults | None = None,
        handsets: Handsets | None = None,
        ledger: Ledger | None = None,
        session: SessionConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing listens before ``start``.

        Args:
            system_id: Who may bind; empty for anyone.
            password: With which password; empty for any.
            faults: The fault script, none by default.
            handsets: The phones; new ones by default.
            ledger: Anything that can ``append``, such as a list.
            session: Windows and timers of the links.
            clock: Seconds, never going back; for deadlines and rates.
            now: The time of the day, aware; for what is written into receipts and conversations.
        """
        self.handsets = handsets or Handsets()
        self.ledger = ledger
        self.submits = 0
        self._system_id = system_id
        self._password = password
        self._session = session or SessionConfig(window=500, inbound_window=1_000_000, unbind_timeout=1.0)
        self._clock = clock
        self._now = now
        self._script = FaultScript(faults or Faults())
        self._messages = Messages()
        self._accounts: dict[str, Account] = {}
        self._senders: OrderedDict[str, Account] = OrderedDict()
        self._unrouted: list[Delivery] = []  # replies from before any ESME had come
        self._reading = SmppSettings(host="localhost", system_id="simulator")  # how texts are read: GSM 7-bit default
        # Ids count on from the time, in steps too small for anyone to catch up with: none comes twice, even after a
        # restart of the process.
        self._ids = count(int(now().timestamp() * 1_000_000))
        self._references = count(1)
        self._ticker = Ticker(clock, self._pump)
        self._peers: set[_Peer] = set()
        self._all_gone = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._handlers: dict[int, Callable[[_Peer, Pdu], None]] = {
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
        """The fault script; setting it begins its counts and dice anew."""
        return self._script.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._script = FaultScript(faults)

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It does not listen.
        """
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the simulator is not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def links(self) -> tuple[ServerLink, ...]:
        """The ESMEs' links, bound or not."""
        return tuple(peer.link for peer in self._peers)

    @property
    def waiting(self) -> int:
        """Receipts and replies that no link has taken over yet."""
        return sum(account.waiting for account in self._accounts.values()) + len(self._unrouted)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 for any free one, see ``port``.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._server = await serve(host, port, self._on_link, config=self._session, clock=self._clock)
        self._ticker.start()

    async def stop(self) -> None:
        """Close every link and stop listening."""
        if self._server is None:
            return
        self._server.close()
        self._ticker.stop()
        self.drop_links(abort=False)
        while self._peers:
            self._all_gone.clear()
            await self._all_gone.wait()
        self._server = None

    def drop_links(self, *, abort: bool = True) -> None:
        """Cut every link, at once or after what was written has left."""
        for peer in tuple(self._peers):
            peer.open = False
            if abort:
                peer.link.abort()
            else:
                peer.link.close()

    async def reply(self, handset: str, to: str, text: str) -> Text:
        """Have the person at ``handset`` write to ``to``; returns when the ESME has acknowledged every part.

        It goes to the account that last sent from ``to``, else to one that listens, else to the first that will. When
        the caller gives up waiting, the text is delivered all the same.

        Raises:
            TextError: The text is empty, not Unicode, or longer than 255 parts.
            ValueError: ``handset`` is not E.164 with ``+``, or ``to`` is no number, short code or name.
        """
        if not handset.startswith("+"):
            raise ValueError("handset: must be E.164, such as +12065550100")
        source, destination = outbound_address(handset), outbound_address(to)
        segments = split(text, next(self._references), _REPLY_PROFILE)
        shown = self.handsets.wrote(handset, to, text, len(segments), self._now())
        reply = _Reply(self.handsets, handset, shown)
        self._send(to, [Delivery(self._part(source, destination, segment), reply.told) for segment in segments])
        return await reply.whole

    # --- from the handsets to the ESMEs ---

    def _part(self, source: tuple[int, int, bytes], destination: tuple[int, int, bytes], segment: Segment) -> Pdu:
        return deliver_sm(
            source,
            destination,
            esm_class=UDHI if segment.udh else 0,
            short_message=segment.udh + segment.octets,
            data_coding=segment.data_coding,
            tlvs=((Tag.RECEIPTED_MESSAGE_ID, str(next(self._ids)).encode() + b"\0"),),
        )

    def _send(self, to: str, deliveries: list[Delivery]) -> None:
        account = self._senders.get(to) or self._anyone()
        if account is None:
            self._unrouted += deliveries
            return
        account.queue(deliveries)
        account.pump()

    def _anyone(self) -> Account | None:
        accounts = sorted(self._accounts.values(), key=lambda account: account.receives)
        return accounts[-1] if accounts else None

    def _pump(self) -> None:
        for account in self._accounts.values():
            account.pump()

    # --- what the ESMEs' links tell ---

    def _on_link(self, link: ServerLink) -> OnEvent:
        peer = _Peer(link, Account(""))  # until its bind says whose it is
        self._peers.add(peer)
        return lambda _, event: self._happened(peer, event)

    def _happened(self, peer: _Peer, event: Event) -> None:
        if isinstance(event, Requested):
            self._requested(peer, event.pdu)
        elif isinstance(event, Answered):
            self._answered(peer, event)
        elif isinstance(event, (TimedOut, NotSent, Unknown)):
            peer.account.bring_back(cast("Delivery", event.token))
        elif isinstance(event, LinkClosed):
            self._closed(peer)

    def _requested(self, peer: _Peer, pdu: Pdu) -> None:
        if not peer.open:  # it was cut in the middle of what it had sent
            return
        handler = self._handlers.get(pdu.command_id)
        if handler is None:
            peer.link.answer(response_to(pdu, RINVCMDID))
        else:
            handler(peer, pdu)

    def _answered(self, peer: _Peer, event: Answered) -> None:
        delivery = cast("Delivery", event.token)
        if peer.account.answered(delivery, event.pdu):
            self._ticker.put(self._clock() + REDELIVER_AFTER, peer.account.bring_back, delivery)
        peer.account.pump()

    def _closed(self, peer: _Peer) -> None:
        peer.open = False
        peer.account.remove(peer.link)
        self._peers.discard(peer)
        if not self._peers:
            self._all_gone.set()
        # What was under way on this link is told behind this event; the next tick sends it on another.
        self._ticker.put(self._clock(), Account.pump, peer.account)

    # --- binds ---

    def _bind(self, peer: _Peer, pdu: Pdu) -> None:
        status = self.faults.refuse_binds or self._refusal(pdu)
        if status:
            peer.link.answer(response_to(pdu, status))
            return
        accepted = response_to(pdu, system_id=NAME)
        tlvs = ((Tag.SC_INTERFACE_VERSION, VERSION),)
        peer.link.answer(Pdu(accepted.command_id, 0, pdu.sequence, accepted.body, tlvs))
        peer.account = self._account(pdu.body["system_id"].decode("latin-1"))
        if peer.link.session.state in _RECEIVERS:
            peer.account.add(peer.link)
            peer.account.queue(self._unrouted)
            self._unrouted = []
            peer.account.pump()

    def _refusal(self, pdu: Pdu) -> int:
        """The command_status for a bind that names the wrong account or password."""
        if self._system_id and pdu.body["system_id"] != self._system_id.encode():
            return RINVSYSID
        if self._password and pdu.body["password"] != self._password.encode():
            return RINVPASWD
        return 0

    def _account(self, system_id: str) -> Account:
        account = self._accounts.get(system_id)
        if account is None:
            account = self._accounts[system_id] = Account(system_id)
        return account

    # --- submits ---

    def _submit(self, peer: _Peer, pdu: Pdu) -> None:
        now = self._clock()
        self._count(peer)
        try:
            message = self._take(peer, pdu, next(self._ids), now)
        except Refused as refused:
            self._answer_later(peer, self._made(pdu, refused.status), now)
        else:
            self._go_on(peer, self._made(pdu, 0, message_id=message.carrier_id), [message], now)
        self._cut_if_due(peer)

    def _submit_multi(self, peer: _Peer, pdu: Pdu) -> None:
        """One id for all destinations; those refused are listed in the answer (SMPP 3.4 section 4.5.2)."""
        now, number = self._clock(), next(self._ids)
        self._count(peer)
        taken: list[Message] = []
        failed: list[dict[str, object]] = []
        for entry in pdu.body["dest_address"]:
            try:
                taken.append(self._take(peer, _single(pdu, entry), number, now))
            except Refused as refused:
                failed.append({**_sme(entry), "error_status_code": refused.status})
        answer = self._made(pdu, 0, message_id=str(number).encode(), unsuccess_sme=tuple(failed))
        self._go_on(peer, answer, taken, now)
        self._cut_if_due(peer)

    def _take(self, peer: _Peer, pdu: Pdu, number: int, now: float) -> Message:
        """The message of a submit that is accepted.

        Raises:
            Refused: It is not.
        """
        body = pdu.body
        source = (body["source_addr_ton"], body["source_addr_npi"], body["source_addr"])
        destination = (body["dest_addr_ton"], body["dest_addr_npi"], body["destination_addr"])
        status = self._script.status(peer.account.system_id, destination[2], now) or _misaddressed(source, destination)
        if status:
            raise Refused(status)
        taken_at = self._now()
        due_at, expires_at = read_times(pdu, taken_at)
        message = Message(
            number=number,
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
            self.ledger.append(Taken(part.source, part.destination, str(message.number), part.text, number))

    def _go_on(self, peer: _Peer, pdu: Pdu, messages: list[Message], now: float) -> None:
        """Answer and deliver what was taken; in which order, the fault script says."""
        faults, script = self.faults, self._script
        if script.overtakes():
            for message in messages:
                self._end(message, self._clock(), at_once=True)
            peer.account.pump()
            now = max(now, now + OVERTAKES_BY - faults.answer_delay)
        else:
            for message in messages:
                wait = faults.receipt_delay + max(0.0, (message.due_at - message.taken_at).total_seconds())
                self._ticker.put(now + wait, self._deliver, message)
        if not script.is_silent(peer.submits):
            self._answer_later(peer, pdu, now)

    def _answer_later(self, peer: _Peer, pdu: Pdu, now: float) -> None:
        at = now + self.faults.answer_delay
        if at <= self._clock():
            peer.link.answer(pdu)
        else:
            self._ticker.put(at, peer.link.answer, pdu)

    def _made(self, pdu: Pdu, status: int, **body: object) -> Pdu:
        return answer(pdu, status, unknown_tlvs=self.faults.unknown_tlvs, **body)

    def _count(self, peer: _Peer) -> None:
        peer.submits += 1
        if self.faults.mute_after is not None and peer.submits == self.faults.mute_after + 1:
            peer.link.wire.flush()
            peer.link.hold()

    def _cut_if_due(self, peer: _Peer) -> None:
        if self.faults.drop_after is not None and peer.submits >= self.faults.drop_after:
            peer.open = False
            peer.link.abort()

    # --- to the handsets, and the receipts of it ---

    def _deliver(self, message: Message) -> None:
        self._end(message, self._clock())

    def _end(self, message: Message, now: float, *, at_once: bool = False) -> None:
        """Bring a message to its handset, or to the end that its time or its number has in store."""
        if message.state is not ReceiptState.ENROUTE:  # cancelled meanwhile
            return
        fate, at = self.handsets.fate(message.part.destination), self._now()
        if message.expires_at is not None and at >= message.expires_at:
            message.end(ReceiptState.EXPIRED, 0, at)
        else:
            message.end(fate.state, fate.error, at)
        self.handsets.arrived(message.part, message.state, at)
        self._report(message, now, at_once=at_once)

    def _report(self, message: Message, now: float, *, at_once: bool = False) -> None:
        if not message.wants_receipt():
            return
        for delay in self._script.receipt_delays(at_once=at_once):
            if delay:
                self._ticker.put(now + delay, self._send_receipt, message)
            else:
                self._send_receipt(message)

    def _send_receipt(self, message: Message) -> None:
        faults = self.faults
        made = receipt(message, hex_id=faults.hex_receipt_ids, unknown_tlvs=faults.unknown_tlvs)
        self._account(message.account).queue((Delivery(made),))

    # --- what may be asked about messages ---

    def _query(self, peer: _Peer, pdu: Pdu) -> None:
        peer.link.answer(self._messages.query(peer.account.system_id, pdu))

    def _cancel(self, peer: _Peer, pdu: Pdu) -> None:
        made, ending = self._messages.cancel(peer.account.system_id, pdu)
        peer.link.answer(made)
        for message in ending:
            message.end(ReceiptState.DELETED, 0, self._now())
            self._report(message, self._clock())
        peer.account.pump()

    def _replace(self, peer: _Peer, pdu: Pdu) -> None:
        peer.link.answer(self._messages.replace(peer.account.system_id, pdu, self._now()))
