"""A queue in memory for the processes of one host: each keeps the lanes it serves, and tells the others by datagrams.

A process has a socket in a folder that all processes of an instance share, and nobody else may enter. What cannot be
delivered is dropped, and the receiver is told that something was, as soon as it listens again: it then looks into the
database. An id travels with what it stands for, where that is not too large.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from gateway.meeting import enter
from gateway.queue.base import nothing
from gateway.queue.memory import MemoryQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from gateway.queue.base import Contents

_IDS = 50  # in one datagram: some 20 kB with their contents
_PENDING = 500  # datagrams kept for a process that reads too slowly
_RETRY = 0.005  # seconds
_LOOK_EVERY = 1.0  # seconds between two looks for new processes
_READ = 100  # datagrams taken at once
_MOST = 200_000  # ids of a lane in memory
_LARGEST = 65_536  # octets
_LOST = orjson.dumps(["", False, [], "", []])  # something for you was dropped
# Types, not abstract ones: three are asked about for each message, and an abstract one takes three times as long.
_SEQUENCES = (tuple, frozenset)


def _plain(value: object) -> object:
    """What JSON has no word for: mappings that cannot be changed, tuples with names, sets."""
    if isinstance(value, _SEQUENCES):
        return list(value)
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no content")


class _Peer:
    """Another process, by the path of its socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.pending: deque[bytes] = deque()
        self.lost = False

    def add(self, datagram: bytes) -> None:
        if len(self.pending) >= _PENDING:
            self.lost = True
        else:
            self.pending.append(datagram)

    def send(self, out: socket.socket) -> bool:
        """Send what waits; False when some of it has to wait on. Raises OSError when nobody is there."""
        if self.lost and not self.pending:
            self.pending.append(_LOST)
            self.lost = False
        while self.pending:
            try:
                out.sendto(self.pending[0], self.path)
            except BlockingIOError:
                return False
            self.pending.popleft()
        return not self.lost


class LocalQueue(MemoryQueue):
    """A ``Queue`` that the processes of one host share.

    Args:
        folder: where their sockets are; the path must be short (107 octets with the name of a socket).
        on_lost: called when others could not tell this process of some of its work.
        on_contents: called with a lane and contents that came from others, just before their ids may be taken.
    """

    def __init__(
        self,
        folder: Path,
        on_lost: Callable[[], None] = lambda: None,
        on_contents: Callable[[str, list[Any]], None] = lambda _lane, _contents: None,
    ) -> None:
        super().__init__()
        self.on_lost, self.on_contents = on_lost, on_contents
        self._folder = folder
        self._served: frozenset[str] = frozenset()
        self._peers: dict[str, _Peer] = {}
        self._looked_at = float("-inf")
        self._name = f"{uuid4().hex}.sock"
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    def serve(self, lanes: Collection[str]) -> None:
        """These lanes are taken from in this process; what is told of others is not for it."""
        self._served = frozenset(lanes)
        self._listen()

    async def put(
        self, lane: str, ids: Sequence[str], *, urgent: bool, account: str = "", contents: Contents = nothing
    ) -> None:
        if lane in self._served:
            await super().put(lane, ids, urgent=urgent, account=account)
            return
        self._look()
        if self._peers:
            for start in range(0, len(ids), _IDS):
                some = list(ids[start : start + _IDS])
                whole = orjson.dumps([lane, urgent, some, account, contents(start, start + _IDS)], default=_plain)
                self._send(whole if len(whole) <= _LARGEST else orjson.dumps([lane, urgent, some, account, []]))

    async def close(self) -> None:
        await super().close()
        if self._timer:
            self._timer.cancel()
        if self._socket:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            (self._folder / self._name).unlink(missing_ok=True)
            self._socket = None

    def _listen(self) -> socket.socket:
        if self._socket is None:
            enter(self._folder)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.bind(str(self._folder / self._name))
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)
        return self._socket

    def _look(self) -> None:
        """Find the other processes."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = now
        with contextlib.suppress(FileNotFoundError):
            found = {path.name for path in self._folder.glob("*.sock")} - {self._name}
            self._peers = {name: self._peers.get(name) or _Peer(str(self._folder / name)) for name in found}

    def _send(self, datagram: bytes) -> None:
        for peer in self._peers.values():
            peer.add(datagram)
        self._flush()

    def _flush(self) -> None:
        self._timer = None
        out = self._listen()
        done = [self._sent(name, peer, out) for name, peer in list(self._peers.items())]
        if not all(done):
            self._timer = asyncio.get_running_loop().call_later(_RETRY, self._flush)

    def _sent(self, name: str, peer: _Peer, out: socket.socket) -> bool:
        try:
            return peer.send(out)
        except OSError:  # it is dead, and has left its socket behind
            del self._peers[name]
            (self._folder / name).unlink(missing_ok=True)
            return True

    def _read(self) -> None:
        for datagram in self._received():
            lane, urgent, ids, account, contents = orjson.loads(datagram)
            if not lane or len(self._lane(lane).waiting) > _MOST:
                self.on_lost()
            elif lane in self._served:
                self.on_contents(lane, contents)
                self._lane(lane).put(ids, urgent=urgent, account=account)

    def _received(self) -> Iterable[bytes]:
        for _ in range(_READ):
            try:
                yield self._listen().recv(_LARGEST)
            except BlockingIOError:
                return
