"""``heliograph serve --processes N``: several processes of this host, at one address.

Rule 1: the supervisor holds the listening sockets and nothing else; its processes accept from them. So none of them can
take an address with it when it dies, and while one is replaced nobody is refused.
Rule 2: a process that ends unasked is started again, after a pause that grows while it keeps ending.
Rule 3: SIGTERM and SIGINT stop all, each in its own order; SIGHUP replaces them one by one, the new before the old.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from gateway.cli.sockets import listen, listen_for_metrics
from gateway.config import ROLES
from gateway.errors import Conflict, Invalid

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

    from gateway.cli.serve import Announce
    from gateway.config import Settings

_PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before a process that ended unasked is started again
_STEADY = 60.0  # seconds after which one that ends has run well
_START = 120.0  # seconds that a process may take to start
_FAREWELL = 15.0  # seconds beyond drain_seconds until a process that does not stop is killed

log = structlog.get_logger()


def layout(processes: int) -> tuple[str, ...]:
    """The roles of each process: half of them accept, one keeps the time, the others carry (docs/performance.md)."""
    faces = processes // 2
    carriers = processes - faces
    work = ["worker,events,scheduler", *["worker,events"] * (carriers - 1)]
    return (*work, *["api"] * faces)


@dataclass
class Member:
    """One process of ours."""

    number: int
    role: str
    process: Process
    started_at: float
    line: socket.socket  # it ends itself when our end is closed, however that came about


@dataclass
class Family:
    """The processes, and what they share."""

    settings: Settings
    listener: socket.socket
    watched: Sequence[socket.socket | None]  # for metrics, by number of the process
    members: dict[int, Member] = field(default_factory=dict)
    stopping: bool = False

    async def begin(self, number: int, role: str) -> Member:
        """Start a process, and wait until it is ready.

        Raises:
            Conflict: it ended, or was not ready in time.
        """
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "gateway", "serve", "--role", role, "--family-fd", str(theirs.fileno())]
        inherited = [theirs.fileno()]
        if "api" in role.split(","):
            inherited.append(self.listener.fileno())
            command += ["--listen-fd", str(self.listener.fileno())]
        if watched := self.watched[number]:
            inherited.append(watched.fileno())
            command += ["--metrics-fd", str(watched.fileno())]
        process = await asyncio.create_subprocess_exec(*command, pass_fds=inherited, start_new_session=True)
        theirs.close()
        if not await _is_ready(ours):
            ours.close()
            process.kill()
            await process.wait()
            raise Conflict("not_started", "A process ended while it started; its own message is above.")
        log.info("process started", action="supervisor.begin", process=number, role=role, pid=process.pid)
        return Member(number, role, process, asyncio.get_running_loop().time(), ours)

    async def keep(self, number: int, role: str) -> None:
        """Have this process at work, until all are stopped."""
        failures = 0
        while not self.stopping:
            member = self.members[number]
            await member.process.wait()
            if self.stopping or self.members[number] is not member:
                continue
            ran = asyncio.get_running_loop().time() - member.started_at
            failures = 0 if ran > _STEADY else failures + 1
            log.error("process ended", action="supervisor.keep", process=number, code=member.process.returncode)
            await self._again(number, role, failures)

    async def _again(self, number: int, role: str, failures: int) -> None:
        while not self.stopping:
            await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1] if failures else 0)
            try:
                self.members[number] = await self.begin(number, role)
            except Conflict:
                failures += 1
            else:
                return

    async def replace(self) -> None:
        """Each process anew; the old one goes when the new one is ready."""
        for number, old in list(self.members.items()):
            self.members[number] = await self.begin(number, old.role)
            await self._end(old)

    async def stop(self) -> None:
        self.stopping = True
        await asyncio.gather(*(self._end(member) for member in self.members.values()))

    async def _end(self, member: Member) -> None:
        with contextlib.suppress(ProcessLookupError):
            member.process.terminate()
        try:
            await asyncio.wait_for(member.process.wait(), self.settings.drain_seconds + _FAREWELL)
        except TimeoutError:
            log.warning("process does not stop, killing it", action="supervisor.end", process=member.number)
            member.process.kill()
            await member.process.wait()
        member.line.close()


async def _is_ready(line: socket.socket) -> bool:
    """Whether the process says so, before it ends and within its time."""
    line.setblocking(False)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START):
            return bool(await asyncio.get_running_loop().sock_recv(line, 1))
    return False


async def supervise(settings: Settings, processes: int, announce: Announce) -> None:
    """Run the processes until SIGTERM or SIGINT.

    Raises:
        Invalid: roles were chosen as well.
        Conflict: a process could not be started, or the port is taken.
    """
    if settings.roles != ROLES:
        raise Invalid("role_and_processes", "With --processes, the roles are shared out by itself.", field="--role")
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(listen(settings.host, settings.port))
        watched = [sockets.enter_context(listen_for_metrics(settings, number)) for number in range(processes)]
        family = Family(settings, listener, watched)
        stop, again = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        loop.add_signal_handler(signal.SIGHUP, again.set)
        tasks: list[asyncio.Task[None]] = []
        try:
            # One after the other: the first brings the database up to date, and settles what the dead have left.
            for number, role in enumerate(layout(processes)):
                family.members[number] = await family.begin(number, role)
            announce(listener, None)
            tasks += [asyncio.create_task(family.keep(number, one.role)) for number, one in family.members.items()]
            tasks.append(asyncio.create_task(_replacing(family, again)))
            await stop.wait()
        finally:
            for task in tasks:
                task.cancel()
            await family.stop()


async def _replacing(family: Family, again: asyncio.Event) -> None:
    while True:
        await again.wait()
        again.clear()
        try:
            await family.replace()
        except Conflict as error:
            log.error("not replaced", action="supervisor.replace", error=error.detail)  # noqa: TRY400 -- expected
