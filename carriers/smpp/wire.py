"""One connection and its session: octets between the two, and the session's timer. Nothing here knows a message."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Protocol, cast

from carriers.smpp.config import NEVER
from carriers.smpp.events import LinkClosed
from carriers.smpp.session import Session
from carriers.smpp.states import State
from carriers.smpp.tls import spki_pin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from carriers.smpp.config import SessionConfig
    from carriers.smpp.events import Event
    from carriers.smpp.states import Role

CHUNK = 65_536  # octets per write: of what is behind it we know that it never left
CLOSE_WITHIN = 1.0  # seconds for the last octets to leave before the connection is cut


class WireOwner(Protocol):
    """Who hears from a wire."""

    def connected(self, wire: Wire) -> None:
        """The connection stands and the session is in OPEN."""

    def happened(self, wire: Wire, events: Sequence[Event]) -> None:
        """What one read or one timer brought, in order."""

    def gone(self, wire: Wire, events: Sequence[Event], reason: str) -> None:
        """The connection is gone; ``events`` say what became of the outstanding requests. Nothing follows."""


class Wire(asyncio.Protocol):
    """One connection and its session.

    A read may bring hundreds of PDUs: they reach the owner as one list, and all that is answered to them meanwhile
    leaves in one write.
    """

    def __init__(
        self,
        role: Role,
        config: SessionConfig,
        owner: WireOwner,
        clock: Callable[[], float],
        pin: str = "",
    ) -> None:
        """``pin``: the peer's key, see ``carriers.smpp.tls``; with another one nothing is ever sent to it."""
        self._owner = owner
        self._clock = clock
        self._pin = pin
        self._loop = asyncio.get_running_loop()
        self.session = Session(role, config, clock())
        self.reason = ""  # why it ended
        self._transport: asyncio.Transport | None = None
        self._full = False  # the transport still holds octets
        self._held = False
        self._paused_by_caller = False
        self._reading = True
        self._flush_asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = NEVER
        self._cut: asyncio.TimerHandle | None = None
        self._unsent = 0

    @property
    def transport(self) -> asyncio.Transport:
        if self._transport is None:
            raise ConnectionError("the wire is not connected")
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._pin and not self._shows_pinned_key():
            self.abort("tls_pin: the SMSC showed another key; ask the carrier whether it changed it")
            return
        # Told at once when the kernel does not take everything, we keep the rest in the session, where it is known.
        self._transport.set_write_buffer_limits(high=0)
        tune(self._transport.get_extra_info("socket"))
        self._owner.connected(self)
        self.flush()

    def _shows_pinned_key(self) -> bool:
        tls = self.transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        return certificate is not None and spki_pin(certificate) == self._pin

    def data_received(self, data: bytes) -> None:
        self._tell(self.session.receive(data, self._clock()))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        for handle in (self._timer, self._cut):
            if handle is not None:
                handle.cancel()
        reason = self.reason or (f"connection lost: {exc}" if exc else "the peer closed the connection")
        self._owner.gone(self, self.session.lost(self._clock(), self._unsent), reason)

    def flush(self) -> None:
        """Write what the session has to send, and set its timer anew."""
        transport = self.transport
        while not self._full and not self._held and not transport.is_closing():
            data = self.session.data_to_send(CHUNK)
            if not data:
                break
            transport.write(data)
        self._set_timer()

    def flush_soon(self) -> None:
        """``flush`` at the end of this turn of the loop: what others add meanwhile leaves in the same write."""
        if not self._flush_asked:
            self._flush_asked = True
            self._loop.call_soon(self._flush_asked_for)

    def _flush_asked_for(self) -> None:
        self._flush_asked = False
        self.settle()

    def settle(self) -> None:
        """After requests or responses were queued: move the session on, write, read again if there is room."""
        if self.session.state is State.UNBOUND:
            self._tell(self.session.tick(self._clock()))
        else:
            self.flush()
            self._steer_reading()

    def hold(self) -> None:
        """Write nothing until ``release``: a silent peer. What is queued waits."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self.flush()

    def pause_reading(self) -> None:
        self._paused_by_caller = True
        self._steer_reading()

    def resume_reading(self) -> None:
        self._paused_by_caller = False
        self._steer_reading()

    def close(self, reason: str) -> None:
        """Let what was written leave, then close; cut after a second."""
        self.reason = self.reason or reason
        if self._transport is not None and self._cut is None:
            self.flush()
            self._cut = self._loop.call_later(CLOSE_WITHIN, self.abort, reason)
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Cut the connection now."""
        self.reason = self.reason or reason
        if self._transport is not None:
            self._unsent = self._transport.get_write_buffer_size()
            self._transport.abort()

    def _tell(self, events: Sequence[Event]) -> None:
        if events:
            self._owner.happened(self, events)
        if self.session.state is State.CLOSED:
            self.close(next((event.reason for event in events if isinstance(event, LinkClosed)), "closed"))
        else:
            self.flush()
            self._steer_reading()

    def _steer_reading(self) -> None:
        wanted = self.session.wants_data and not self._paused_by_caller
        if wanted == self._reading or self.transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def _set_timer(self) -> None:
        """One timer at a time; one that fires early finds nothing due and sets the next."""
        at = self.session.next_timer()
        if at >= self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_later(max(0.0, at - self._clock()), self._on_timer)

    def _on_timer(self) -> None:
        self._timer, self._timer_at = None, NEVER
        self._tell(self.session.tick(self._clock()))


def tune(sock: socket.socket | None) -> None:
    """Small PDUs leave at once; the kernel notices a dead peer: probes after 15 s, writes given up after 30 s."""
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    options = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    ]
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000)):
        if hasattr(socket, name):  # not every system has all of them
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    for level, option, value in options:
        sock.setsockopt(level, option, value)
