"""The sockets of SMPP. ``dial`` connects to an SMSC; ``serve`` listens and hands out a ``ServerLink`` for each ESME."""

from __future__ import annotations

import asyncio
import socket
import time
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

from carriers.smpp.config import SessionConfig
from carriers.smpp.events import LinkClosed
from carriers.smpp.states import Role
from carriers.smpp.wire import Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

    from carriers.smpp.events import Event
    from carriers.smpp.pdu import Pdu
    from carriers.smpp.session import Session

    _Address: TypeAlias = tuple[Any, ...]  # of either family, as getaddrinfo gives it and connect takes it
    OnEvent: TypeAlias = Callable[["ServerLink", Event], None]
    OnLink: TypeAlias = Callable[["ServerLink"], OnEvent]

HEAD_START = 0.25  # seconds between attempts on the addresses of one host (RFC 8305 section 5)


async def dial(
    make_wire: Callable[[], Wire],
    host: str,
    port: int,
    *,
    timeout: float,  # noqa: ASYNC109 -- it bounds TCP and TLS each, so the caller cannot set it around the call
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> Wire:
    """Connect to the first address of ``host`` that answers.

    Raises:
        OSError: None answered within ``timeout`` seconds, or the TLS handshake failed (``ssl.SSLError``).
    """
    sock = await asyncio.wait_for(_connect_any(host, port), timeout)
    try:
        _, wire = await asyncio.get_running_loop().create_connection(
            make_wire,
            sock=sock,
            ssl=tls,
            server_hostname=(server_name or host) if tls else None,
            ssl_handshake_timeout=timeout if tls else None,
        )
    except BaseException:
        sock.close()
        raise
    return wire


async def _connect_any(host: str, port: int) -> socket.socket:
    """Try the addresses of a host, each with a short head start over the next (RFC 8305): a dead IPv6 costs 250 ms.

    Written out, for uvloop's ``create_connection`` has no ``happy_eyeballs_delay``.
    """
    loop = asyncio.get_running_loop()
    waiting = _alternate(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    trying: set[asyncio.Task[socket.socket]] = set()
    failure: BaseException = OSError(f"host: {host} has no address")
    try:
        while waiting or trying:
            if waiting:
                family, address = waiting.pop(0)
                trying.add(loop.create_task(_connect_one(family, address)))
            head_start = HEAD_START if waiting else None
            done, trying = await asyncio.wait(trying, timeout=head_start, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                failure = task.exception() or failure
                if task.exception() is None:
                    trying |= done - {task}  # a second one that came through is closed below
                    return task.result()
    finally:
        for task in trying:
            task.cancel()
            task.add_done_callback(_close_unused)
    raise failure


async def _connect_one(family: int, address: _Address) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _close_unused(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _alternate(found: Sequence[tuple[int, int, int, str, _Address]]) -> list[tuple[int, _Address]]:
    """One of each family in turn, beginning with the family that the system puts first."""
    first = [(row[0], row[4]) for row in found if row[0] == found[0][0]]
    others = [(row[0], row[4]) for row in found if row[0] != found[0][0]]
    pairs = zip_longest(first, others)
    return [entry for pair in pairs for entry in pair if entry is not None]


class ServerLink:
    """One ESME that connected to us.

    Everything that a fault script needs is a method here: answer later (``answer`` at any time), never (do not call
    it), twice (call it twice), silence (``hold``), deafness (``pause_reading``), garbage (``send_octets``), a dropped
    link (``abort``). enquire_link and unbind are answered by the session; ``hold`` keeps even those back.

    Attributes:
        peer: "host:port" of the ESME.
    """

    def __init__(self, config: SessionConfig, on_link: OnLink, clock: Callable[[], float]) -> None:
        self._on_link = on_link
        self._clock = clock
        self._on_event: OnEvent | None = None
        self._told_closed = False
        self._wire = Wire(Role.SMSC, config, self, clock)
        self.peer = ""

    @property
    def wire(self) -> Wire:
        return self._wire

    @property
    def session(self) -> Session:
        return self._wire.session

    def answer(self, pdu: Pdu) -> None:
        """Answer a ``Requested``; make ``pdu`` with ``carriers.smpp.pdu.response_to``."""
        self.session.respond(pdu)
        self._wire.flush_soon()

    def request(self, pdu: Pdu, token: object = None) -> int:
        """Send a request of the SMSC's, such as deliver_sm. Its answer comes as an event with ``token``.

        Raises:
            IllegalRequest: The ESME is not bound for it, or ``session.free`` is 0.
        """
        number = self.session.request(pdu, token, self._clock())
        self._wire.flush_soon()
        return number

    def send_octets(self, octets: bytes) -> None:
        """Write octets as they are, whatever they are."""
        self._wire.flush()
        self._wire.transport.write(octets)

    def unbind(self) -> None:
        """Send unbind, as an SMSC does before maintenance."""
        self.session.unbind(self._clock())
        self._wire.flush_soon()

    def hold(self) -> None:
        """Send nothing more until ``release``; what is answered meanwhile waits."""
        self._wire.hold()

    def release(self) -> None:
        self._wire.release()

    def pause_reading(self) -> None:
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        self._wire.resume_reading()

    def close(self, reason: str = "closed by the SMSC") -> None:
        """Close after what was written has left."""
        self._wire.close(reason)

    def abort(self, reason: str = "cut by the SMSC") -> None:
        """Drop the link at once."""
        self._wire.abort(reason)

    def connected(self, wire: Wire) -> None:
        peername = wire.transport.get_extra_info("peername") or ("", 0)
        self.peer = f"{peername[0]}:{peername[1]}"
        self._on_event = self._on_link(self)

    def happened(self, wire: Wire, events: Sequence[Event]) -> None:  # noqa: ARG002 -- it has one wire only
        for event in events:
            self._told_closed = self._told_closed or isinstance(event, LinkClosed)
            if self._on_event is not None:
                self._on_event(self, event)

    def gone(self, wire: Wire, events: Sequence[Event], reason: str) -> None:
        self.happened(wire, events)
        if not self._told_closed:
            self.happened(wire, [LinkClosed(reason)])


async def serve(
    host: str,
    port: int,
    on_link: OnLink,
    *,
    config: SessionConfig | None = None,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> asyncio.Server:
    """Listen for ESMEs.

    Args:
        host: Address to listen on.
        port: Port; 0 for any free one, see ``server.sockets[0].getsockname()``.
        on_link: Called with each ``ServerLink`` as it connects; returns what is to be called with (link, event). The
            events are those of ``carriers.smpp.events``: binds come as ``Requested`` too, and each link's last event is
            ``LinkClosed``, before or after the ``NotSent`` and ``Unknown`` of its outstanding requests.
        config: Limits and timers of each session.
        tls: A server context, to speak TLS.
        clock: Seconds, never going back.

    Raises:
        OSError: The address cannot be listened on.
    """
    settings = config or SessionConfig()
    return await asyncio.get_running_loop().create_server(
        lambda: ServerLink(settings, on_link, clock).wire, host, port, ssl=tls
    )
