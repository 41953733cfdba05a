"""What the machine may do to the service while it works: its clock jumps, its file handles run out. Nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.service import NUMBER, Service, environment, eventually, smsc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from carriers.simulator import Simulator

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]

TEXTS = 100
HOUR = 3600
# The service as it is started anywhere, but its clock is ahead by what a file says.
_OFF_BY = """
import os, pathlib, sys
import gateway.app
file, real = pathlib.Path(os.environ["CLOCK_OFF_BY"]), gateway.app.now_micros
gateway.app.now_micros = lambda: real() + int(file.read_text()) * 1_000_000
sys.argv = ["heliograph", "serve"]
from gateway.__main__ import main
main()
"""


class Jumpy(Service):
    """A service whose clock the test sets."""

    @property
    def _off_by(self) -> Path:
        return self.folder.parent / "clock"

    def jump(self, seconds: int) -> None:
        """The clock is off by so much from now on."""
        fresh = self._off_by.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self._off_by)

    async def launch(self) -> None:
        self.jump(0)
        own = {
            "HELIOGRAPH_DATA_DIR": str(self.folder), "HELIOGRAPH_PORT": str(self.port),
            "CLOCK_OFF_BY": str(self._off_by),
        }  # fmt: skip
        await self.process.start("-c", _OFF_BY, env=environment(**own))


@contextlib.asynccontextmanager
async def linked(one: Service) -> AsyncIterator[tuple[Service, Simulator]]:
    """The service with a link to a carrier in the test's own process."""
    async with smsc() as carrier:
        try:
            await one.start()
            await one.connect(carrier.port)
            await one.until_linked()
            yield one, carrier
        finally:
            await one.close()


def people(first: int) -> list[tuple[str, str]]:
    return [(f"+1206{2_000_000 + number}", f"ref{number:05d}") for number in range(first, first + TEXTS)]


async def all_delivered(one: Service, ids: list[str]) -> None:
    for message_id in ids:
        await one.until_status(message_id, "DELIVERED", seconds=60)


def taken_once(carrier: Simulator, number: int) -> None:
    """The carrier has so many of the texts to people, each once."""
    refs = Counter(one.text for one in carrier.ledger if one.text.startswith("ref"))
    assert len(refs) == number
    assert set(refs.values()) == {1}


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["ahead", "back"])
async def test_a_clock_that_jumps_by_an_hour_loses_and_doubles_nothing(tmp_path, jump) -> None:
    async with linked(Jumpy(tmp_path / "data", tmp_path / "serve.log")) as (one, carrier):
        before = await one.send_all(people(0))
        one.jump(jump)  # some of these are on their way
        after = await one.send_all(people(TEXTS))
        await all_delivered(one, before + after)
        made = datetime.fromisoformat((await one.message(after[-1]))["created_at"])
        assert abs(made - datetime.now(UTC)) > timedelta(minutes=50)  # it did jump
        assert (await carrier.reply("+12062000000", NUMBER, "STOP")).state == "ACKNOWLEDGED"
        assert (await one.send("+12062000000", "Hello again")).status == 409
        one.jump(0)  # and the clock is set right
        last = await one.send_all(people(2 * TEXTS))
        await all_delivered(one, last)
        assert (await one.send("+12062000000", "Hello again")).status == 409
        taken_once(carrier, 3 * TEXTS)


async def test_without_file_handles_what_is_open_goes_on_and_nothing_is_lost(tmp_path) -> None:
    async with linked(Service(tmp_path / "data", tmp_path / "serve.log")) as (one, carrier):
        accepted = await one.send_all(people(0))
        await all_delivered(one, accepted)
        pid = one.process.running.pid
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (_open(pid) + 5, usual[1]))
        with contextlib.ExitStack() as stack:
            for _ in range(50):  # all that it may still open, and more
                stack.enter_context(_knock(one.port))
            await eventually(lambda: _open(pid) >= resource.prlimit(pid, resource.RLIMIT_NOFILE)[0], what="no handles")
            assert not await _answers(one.port)
            accepted = await one.send_all(people(TEXTS))  # over a connection that stands
            await all_delivered(one, accepted)
            assert (await carrier.reply("+12062000001", NUMBER, "STOP")).state == "ACKNOWLEDGED"
        await asyncio.wait_for(_anew(one), 30)
        taken_once(carrier, 2 * TEXTS)


def _open(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _knock(port: int) -> socket.socket:
    """A connection that stays; one that nobody takes up waits in the system's own queue."""
    knocking = socket.socket()
    knocking.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        knocking.connect(("127.0.0.1", port))
    return knocking


async def _anew(one: Service) -> None:
    """New callers are let in again."""
    await eventually(lambda: _answers(one.port), what="an answer to a new connection", seconds=30)


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    except OSError:
        return False
    return answer.startswith(b"HTTP/1.1 200")
