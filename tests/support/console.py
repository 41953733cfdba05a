"""A gateway for the console to stand on: a real database, the real rules and keyword engine, and a pretend carrier.

The carrier is one object in place of connectors, worker and SMSC: it delivers what was offered when told to, and puts
what a phone writes through the inbound path.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import update

from carriers.simulator.handsets import Handsets
from carriers.text import TextProfile
from carriers.types import InboundMessage, ReceiptState
from gateway import quickstart
from gateway.config import Settings
from gateway.console import add_console
from gateway.events.log import Feed
from gateway.inbound.receive import ArrivedText, Inbound
from gateway.metrics import Metrics
from gateway.model import DEFAULT_ACCOUNT, Dispatch, IdentityKind, Status
from gateway.outbound.accept import Outbound
from gateway.outbound.admission import Admission
from gateway.outbound.decision import Links
from gateway.outbound.request import SendRequest
from gateway.resources import accounts, connectors, phone_numbers, routes, sender_ids, staff
from gateway.resources.catalog import Catalog
from gateway.resources.desk import Desk
from gateway.resources.messages import Move, move_in
from gateway.services import SERVICES, Services
from gateway.store.store import Store
from gateway.store.tables import messages, parts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from aiohttp import ClientResponse

    from carriers.simulator.handsets import Text
    from gateway.outbound.request import Accepted
    from gateway.store.secrets import Vault
    from gateway.store.writer import Tx

NOW = 1_790_000_000_000_000  # microseconds: 21 September 2026, 14:13:20 UTC
OURS = "+12065550100"
PERSON = "+12065550142"
NAME, PASSWORD = "alice", "correct horse battery"
SECOND = 1_000_000


@dataclass
class Clock:
    """Goes on by a second each time it is read, so that everything has its own time."""

    at: int = NOW

    def __call__(self) -> int:
        self.at += SECOND
        return self.at


class PretendCarrier:
    """What the console sees of a simulator: ``handsets`` and ``reply``."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.handsets = Handsets()
        self.inbound: Inbound
        self.offered: list[Dispatch] = []
        self._store, self._clock = store, clock

    async def deliver(self) -> None:
        """Everything offered so far reaches its phone."""
        while self.offered:
            message = self.offered.pop(0)
            await self._store.write(lambda tx, message=message: self._delivered(tx, message))
            part = InboundMessage(message.sender, message.destination, message.body)
            self.handsets.arrived(part, ReceiptState.DELIVERED, self._now())

    async def reply(self, handset: str, to: str, text: str) -> Text | None:
        shown = self.handsets.wrote(handset, to, text, 1, self._now())
        arrived = ArrivedText("simulator", "simulator", InboundMessage(handset, to, text, carrier_id=f"mo-{shown.id}"))
        await self._store.submit(self.inbound, arrived)
        told = self.handsets.change(handset, shown.id, "ACKNOWLEDGED")
        await self.deliver()
        return told

    async def _delivered(self, tx: Tx, message: Dispatch) -> None:
        leaving = update(messages).where(messages.c.id == message.id).values(status=Status.SUBMITTING)
        await tx.conn.execute(leaving)
        row = {
            "message_id": message.id, "number": 1, "account_id": message.account_id, "status": "DELIVERED",
            "carrier_id": "C0FFEE01", "raw_state": "DELIVRD", "connector_id": "simulator",
        }  # fmt: skip
        await tx.conn.execute(parts.insert().values(row))
        for was, to in ((Status.SUBMITTING, Status.SUBMITTED), (Status.SUBMITTED, Status.DELIVERED)):
            await move_in(tx, [Move(message, was, to, self._clock(), connector_id="simulator", attempts=1)])

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock() / SECOND, UTC)


@dataclass
class House:
    """A gateway with one number, one sender ID, one route, and ``alice`` of compliance."""

    services: Services
    carrier: PretendCarrier
    clock: Clock
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = self.services.desk

    async def send(self, body: str = "Your code is 482913.", *, to: str = PERSON, **wish: Any) -> Accepted:
        return await self.services.outbound.accept(
            SendRequest(account_id=DEFAULT_ACCOUNT, to=to, body=body, origination=wish.pop("origination", OURS), **wish)
        )

    async def staff(self, name: str, role: str) -> None:
        await staff.create(
            self.desk, account_id=DEFAULT_ACCOUNT, name=name, password=PASSWORD, role=role, now=self.clock()
        )


@contextlib.asynccontextmanager
async def open_house(
    url: str, vault: Vault, folder: Path, *, simulator: bool = True, **settings: Any
) -> AsyncIterator[House]:
    """``url`` is a migrated database; ``settings`` go to Settings."""
    store = Store(url)
    store.start()
    clock = Clock()
    desk = Desk(store, vault, await Catalog.load(store))
    await furnish(desk, clock())
    carrier = PretendCarrier(store, clock)
    config, metrics = Settings(data_dir=folder, **settings), Metrics()
    outbound = Outbound(
        store, desk.catalog, Links(lambda _: True, lambda _: TextProfile(), lambda _: True),
        Admission(desk.catalog, config, metrics), metrics, now=clock, offer=lambda offered: _offer(carrier, offered),
    )  # fmt: skip
    carrier.inbound = Inbound(store, desk.catalog, outbound, config, now=clock)
    services = Services(
        settings=config, desk=desk, outbound=outbound, post=None, feed=Feed(), metrics=metrics, links=NoLinks(),
        restart_connectors=nothing, simulator=carrier if simulator else None, now=clock,
    )  # type: ignore[arg-type]  # fmt: skip
    house = House(services, carrier, clock)
    await house.staff(NAME, "compliance")
    try:
        yield house
    finally:
        await store.close()


class NoLinks:
    def statuses(self) -> list[Any]:
        return []


async def nothing() -> None:
    """What needs no restart."""


def _offer(carrier: PretendCarrier, offered: Sequence[Dispatch]) -> None:
    carrier.offered.extend(offered)


async def furnish(desk: Desk, now: int) -> None:
    await accounts.ensure_default(desk, now)
    await connectors.create(
        desk, connector_id="simulator", kind="smpp", settings=quickstart.simulator_settings(2775), now=now
    )  # fmt: skip
    await phone_numbers.create(
        desk, account_id=DEFAULT_ACCOUNT, number=OURS, kind=IdentityKind.LONG_CODE, country="US", now=now
    )
    await sender_ids.create(desk, account_id=DEFAULT_ACCOUNT, sender="Heliograph", country="", now=now)
    await routes.create(desk, account_id=DEFAULT_ACCOUNT, connectors=["simulator"], now=now)


def web_app(services: Services) -> web.Application:
    app = web.Application()
    app[SERVICES] = services
    add_console(app)
    return app


class Browser:
    """What a browser without script does: follows links, fills in forms with their hidden fields, keeps cookies."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client
        self.status = 0
        self.text = ""
        self.address = ""

    async def get(self, address: str) -> str:
        return await self._took(await self.client.get(address))

    async def post(self, address: str, headers: dict[str, str] | None = None, **fields: str) -> str:
        """Send a form, with the token of the page that was looked at last."""
        fields = {"csrf": self.csrf, **fields}
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return await self._took(await self.client.post(address, data=urlencode(fields), headers=headers))

    async def sign_in(self, name: str = NAME, password: str = PASSWORD) -> str:
        await self.get("/console/sign-in")
        return await self.post("/console/sign-in", name=name, password=password)

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]*)"', self.text)
        return found[1] if found else ""

    @property
    def words(self) -> str:
        """The text of the page without its markup, in one line."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text))

    async def _took(self, response: ClientResponse) -> str:
        self.status, self.address = response.status, str(response.url.relative())
        self.text = await response.text()
        return self.text


@contextlib.asynccontextmanager
async def browsing(house: House) -> AsyncIterator[Browser]:
    async with TestClient(TestServer(web_app(house.services))) as client:
        yield Browser(client)
