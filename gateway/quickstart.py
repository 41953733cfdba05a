"""A fresh instance that can send at once: the simulated carrier, a number, a route, a key, and somebody to sign in.

Made once, when the simulated carrier is on and there is no connector yet. The key and the password are kept in a file
that only the owner may read, so that every start can show them.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.model import DEFAULT_ACCOUNT, IdentityKind
from gateway.resources import api_keys, connectors, phone_numbers, routes, sender_ids, staff

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from gateway.config import Settings
    from gateway.resources.desk import Desk

FILE = "quickstart.json"
CONNECTOR = "simulator"
NUMBER = "+12065550100"
HANDSET = "+12065550142"
SENDER_ID = "Heliograph"
STAFF = "admin"


@dataclass(frozen=True, slots=True)
class Quickstart:
    """What a new user needs to begin."""

    api_key: str
    staff: str
    password: str


def simulator_settings(port: int) -> dict[str, Any]:
    """How this process reaches its own simulated carrier."""
    return {"host": "127.0.0.1", "port": port, "system_id": "heliograph", "password": "simulate", "window": 200}


async def prepare(desk: Desk, settings: Settings, now: int) -> Quickstart | None:
    """Make what is missing of it. None when this instance has connectors of its own."""
    found = {one.id for one in (await connectors.find(desk)).items}
    if not found:
        await _make_way(desk, now)
    elif CONNECTOR not in found:
        return None
    path = settings.data_dir / FILE
    known = _read(path)
    if known is None or desk.catalog.key(known.api_key) is None:
        known = await _make_access(desk, now)
        _write(path, known)
    return known


async def _make_way(desk: Desk, now: int) -> None:
    await connectors.create(desk, connector_id=CONNECTOR, kind="smpp", settings=simulator_settings(2775), now=now)
    await phone_numbers.create(
        desk, account_id=DEFAULT_ACCOUNT, number=NUMBER, kind=IdentityKind.LONG_CODE, country="US", now=now
    )
    await sender_ids.create(desk, account_id=DEFAULT_ACCOUNT, sender=SENDER_ID, country="", now=now)
    await routes.create(desk, account_id=DEFAULT_ACCOUNT, connectors=[CONNECTOR], now=now)


async def _make_access(desk: Desk, now: int) -> Quickstart:
    _, secret = await api_keys.create(
        desk, account_id=DEFAULT_ACCOUNT, name="quickstart", scopes=api_keys.SCOPES, now=now
    )
    password = secrets.token_urlsafe(12)
    known = {one.name: one.id for one in (await staff.find(desk, account_id=DEFAULT_ACCOUNT)).items}
    if STAFF in known:
        await staff.update(desk, account_id=DEFAULT_ACCOUNT, staff_id=known[STAFF], password=password)
    else:
        await staff.create(desk, account_id=DEFAULT_ACCOUNT, name=STAFF, password=password, role="admin", now=now)
    return Quickstart(secret, STAFF, password)


def _read(path: Path) -> Quickstart | None:
    try:
        return Quickstart(**orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write(path: Path, quickstart: Quickstart) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps(asdict(quickstart)))
