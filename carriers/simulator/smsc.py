"""The simulated carrier: an SMSC with handsets behind it and a fault script, for any ESME to bind to."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Final

from carriers.simulator.centre import Centre, Door
from carriers.simulator.deliveries import Delivery
from carriers.simulator.faults import Faults, FaultScript
from carriers.simulator.handsets import Handsets
from carriers.simulator.messages import deliver_sm
from carriers.smpp.config import SessionConfig
from carriers.smpp.events import LinkClosed
from carriers.smpp.fields import Tag
from carriers.smpp.pdu import build_body
from carriers.smpp.receipt import outbound_address
from carriers.smpp.transport import serve
from carriers.text import TextProfile, split

if TYPE_CHECKING:
    from collections.abc import Callable

    from carriers.simulator.centre import Peer
    from carriers.simulator.handsets import Text
    from carriers.simulator.ledger import Ledger
    from carriers.smpp.events import Event
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.transport import OnEvent, ServerLink
    from carriers.types import Segment

UDHI: Final = 0x40  # esm_class, SMPP 3.4 section 5.2.12
#: The window is ours towards an ESME; theirs towards us is as wide as they like, for a script may leave all unanswered.
SESSION: Final = SessionConfig(window=500, inbound_window=1_000_000, unbind_timeout=1.0)
_REPLIES: Final = TextProfile("udh8", "gsm7", 255)


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
        kept = self._handsets.change(self._number, self._text.id, self._state)
        text = kept or replace(self._text, state=self._state)
        if not self.whole.done():
            self.whole.set_result(text)


class Simulator:
    """A carrier that is not there.

    Stopping keeps everything: started again, it goes on as a carrier does after maintenance.

    Attributes:
        handsets: The phones behind it.
    """

    def __init__(
        self,
        *,
        system_id: str = "",
        password: str = "",
        faults: Faults | None = None,
        handsets: Handsets | None = None,
        ledger: Ledger | None = None,
        session: SessionConfig = SESSION,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing listens before ``start``.

        Args:
            system_id: Who may bind; empty for anyone.
            password: With which password; empty for any.
            faults: The fault script; none by default.
            handsets: The phones; new ones by default.
            ledger: Anything that can ``append`` a ``Taken``, such as a list.
            session: Windows and timers of the links.
            clock: Seconds, never going back; for deadlines and rates.
            now: The time of the day, aware; for what is written into receipts and conversations.
        """
        self.handsets = handsets or Handsets()
        self._session = session
        self._clock = clock
        self._now = now
        door = Door(system_id.encode(), password.encode())
        script = FaultScript(faults or Faults())
        self._centre = Centre(self.handsets, script, door, ledger, clock=clock, now=now)
        self._references = count(1)
        self._all_gone = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def faults(self) -> Faults:
        """The fault script; setting it begins its dice and its rates anew."""
        return self._centre.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._centre.script = FaultScript(faults)

    @property
    def ledger(self) -> Ledger | None:
        """Where each submit taken is noted; may be set at any time."""
        return self._centre.ledger

    @ledger.setter
    def ledger(self, ledger: Ledger | None) -> None:
        self._centre.ledger = ledger

    @property
    def submits(self) -> int:
        """How many submits were taken."""
        return self._centre.submits

    @property
    def waiting(self) -> int:
        """Receipts and replies that wait for a link to take them; those on a link and unanswered are not in it."""
        return self._centre.waiting

    @property
    def links(self) -> tuple[ServerLink, ...]:
        """The ESMEs' links, bound or not."""
        return tuple(peer.link for peer in self._centre.peers)

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It does not listen.
        """
        if self._server is None:
            raise RuntimeError("the simulator is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 for any free one, see ``port``.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._server = await serve(host, port, self._on_link, config=self._session, clock=self._clock)
        self._centre.ticker.start()

    async def stop(self) -> None:
        """Stop listening and close every link."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._centre.ticker.stop()
        self._cut(lambda link: link.close())
        while self._centre.peers:
            self._all_gone.clear()
            await self._all_gone.wait()

    def drop_links(self) -> None:
        """Cut every link at once, with what was on its way."""
        self._cut(lambda link: link.abort())

    async def reply(self, handset: str, to: str, text: str) -> Text:
        """Have the person at ``handset`` write to ``to``; returns when the ESME has answered every part.

        It goes to the account that last sent from ``to``, else to one that listens, else to the first that will. When
        the caller gives up waiting, the text is delivered all the same.

        Returns:
            The text as the handset shows it, in state ACKNOWLEDGED, or REFUSED when the ESME will not have it.

        Raises:
            TextError: The text is empty, not Unicode, or longer than 255 parts.
            ValueError: ``handset`` is not E.164 with ``+``, or ``to`` is no number, short code or name.
        """
        if not handset.startswith("+"):
            raise ValueError("handset: must be E.164, such as +12065550100")
        source, destination = outbound_address(handset), outbound_address(to)
        segments = split(text, next(self._references), _REPLIES)
        shown = self.handsets.wrote(handset, to, text, len(segments), self._now())
        reply = _Reply(self.handsets, handset, shown)
        parts = [self._part(source, destination, segment) for segment in segments]
        self._centre.send(to, [Delivery(build_body(part), reply.told) for part in parts])
        return await reply.whole

    def _part(self, source: tuple[int, int, bytes], destination: tuple[int, int, bytes], segment: Segment) -> Pdu:
        return deliver_sm(
            source,
            destination,
            esm_class=UDHI if segment.udh else 0,
            short_message=segment.udh + segment.octets,
            data_coding=segment.data_coding,
            tlvs=((Tag.RECEIPTED_MESSAGE_ID, self._centre.next_id() + b"\0"),),  # the same each time it is sent again
        )

    def _cut(self, how: Callable[[ServerLink], None]) -> None:
        for peer in tuple(self._centre.peers):
            peer.open = False
            how(peer.link)

    def _on_link(self, link: ServerLink) -> OnEvent:
        peer = self._centre.joined(link)
        return lambda _, event: self._happened(peer, event)

    def _happened(self, peer: Peer, event: Event) -> None:
        self._centre.happened(peer, event)
        if isinstance(event, LinkClosed):
            self._all_gone.set()


async def run(
    host: str,
    port: int,
    faults: Faults,
    *,
    system_id: str = "",
    password: str = "",
    printer: Callable[[str], None] = print,
    ledger: Ledger | None = None,
) -> None:
    """Run a simulated carrier until cancelled.

    Args:
        host: Address to listen on.
        port: Port; 0 for any free one, which is then printed.
        faults: The fault script.
        system_id: Who may bind; empty for anyone.
        password: With which password; empty for any.
        printer: Takes one line when it listens and one when it ends.
        ledger: Where each submit taken is noted.

    Raises:
        OSError: The address cannot be listened on.
    """
    simulator = Simulator(system_id=system_id, password=password, faults=faults, ledger=ledger)
    await simulator.start(host, port)
    printer(f"SMSC listening on {host}:{simulator.port}")
    try:
        await asyncio.Event().wait()
    finally:
        await simulator.stop()
        printer(f"SMSC stopped; {simulator.submits} submits taken")
