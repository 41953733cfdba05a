"""kill -9 among thousands of accepted messages: none lost, none doubled, and what nobody can know is no more than a window.

The judges are the SMSC's ledger and the list of 202s that the clients saw; both live in the test's process and outlive
the service. What the service says of itself counts only where it confesses: UNKNOWN.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
import pytest

from carriers.simulator.faults import Faults
from tests.support.service import eventually

if TYPE_CHECKING:
    from carriers.simulator import Simulator
    from tests.support.service import Service

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]

MESSAGES = 5000
CLIENTS = 48
WINDOW = 100
_REF = re.compile(r"ref\d{5}")


@dataclass
class Load:
    """Clients that send each text once and never again, whatever they are answered. ``accepted``: ids by ref."""

    service: Service
    accepted: dict[str, str] = field(default_factory=dict)
    other: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    alive: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        numbers = iter(range(MESSAGES))
        self.alive.set()
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._client(numbers))

    async def _client(self, numbers) -> None:
        for number in numbers:
            await self.alive.wait()
            await self._send(number, f"ref{number:05d}")

    async def _send(self, number: int, ref: str) -> None:
        try:
            answer = await self.service.send(f"+1206{2_000_000 + number}", f"Your code, {ref}")
        except (aiohttp.ClientError, OSError):
            self.broken += 1  # whether it was accepted, nobody can tell: it may be at the SMSC, but once at most
            self.alive.clear()
            return
        if answer.status == 202:
            self.accepted[ref] = answer.body["id"]
        else:
            self.other[answer.status] += 1

    async def until_accepted(self, count: int) -> None:
        await eventually(lambda: len(self.accepted) >= count, seconds=120, what=f"{count} accepted", every=0.002)


def taken(simulator: Simulator) -> Counter[str]:
    """How often the SMSC took each text."""
    return Counter(found[0] for row in simulator.ledger if (found := _REF.findall(row.text)))


async def found(service: Service, status: str = "") -> dict[str, str]:
    """Every message of the store with this status, as ids by ref; all of them without."""
    refs: dict[str, str] = {}
    cursor = ""
    while True:
        page = await service.good("GET", f"/v1/messages?limit=200&cursor={cursor}" + (status and f"&status={status}"))
        refs |= {_REF.findall(item["body"])[0]: item["id"] for item in page["items"]}
        cursor = page["next_cursor"]
        if not cursor:
            return refs


async def judge(service: Service, simulator: Simulator, load: Load, *, unknown_at_restart: int) -> None:
    await service.until_idle(120)
    await eventually(lambda: simulator.waiting == 0, what="a carrier with nothing to deliver")
    unknown = await found(service, "UNKNOWN")
    ledger, stored = taken(simulator), await found(service)
    doubled = {ref: times for ref, times in ledger.items() if times > 1}
    lost = load.accepted.keys() - ledger.keys() - unknown.keys()
    missing = {ref for ref, message_id in load.accepted.items() if stored.get(ref) != message_id}
    figures = f"accepted {len(load.accepted)}, taken {len(ledger)}, broken {load.broken}, unknown {len(unknown)}"
    assert not doubled, figures
    assert not lost, figures
    assert not missing, figures
    assert unknown_at_restart <= WINDOW, figures
    assert len(unknown) <= WINDOW, figures
    assert not load.other, load.other
    assert ledger.keys() <= stored.keys(), figures  # nothing was sent that nobody had stored
    assert load.broken <= CLIENTS
    assert len(load.accepted) + load.broken == MESSAGES


async def kill_and_restart(service: Service, load: Load) -> int:
    """Gives how many messages the service calls UNKNOWN when it is back."""
    await service.kill()
    load.alive.clear()
    await service.start()
    unknown = len(await found(service, "UNKNOWN"))
    load.alive.set()
    return unknown


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(throttle_rate=400, answer_delay=0.02), id="throttled"),
        pytest.param(Faults(answer_delay=0.25), id="slow to answer"),
    ],
)
async def test_a_kill_with_a_throttled_smsc_loses_nothing_and_doubles_nothing(served, carrier, faults):
    carrier.faults = faults
    await served.connect(carrier.port, window=WINDOW, throttle_pause=0.2)
    await served.until_linked()
    load = Load(served)
    sending = asyncio.create_task(load.run())
    await load.until_accepted(MESSAGES // 2)
    await eventually(lambda: carrier.submits > 500, what="submits", seconds=60)
    at_kill = carrier.submits
    unknown = await kill_and_restart(served, load)
    assert at_kill < MESSAGES, "nothing waited: the SMSC was not slow enough to make this a test"
    carrier.faults = Faults()
    await sending
    await judge(served, carrier, load, unknown_at_restart=unknown)


async def test_a_kill_with_the_smsc_down_loses_nothing_and_doubles_nothing(served, carrier):
    port = carrier.port
    await carrier.stop()
    await served.connect(port, window=WINDOW)
    load = Load(served)
    sending = asyncio.create_task(load.run())
    await load.until_accepted(MESSAGES // 2)
    unknown = await kill_and_restart(served, load)
    assert unknown == 0
    assert not carrier.ledger
    await carrier.start(port=port)
    await sending
    await judge(served, carrier, load, unknown_at_restart=unknown)
