"""Connectors: the ways to carriers, as the operator sets them up. They belong to the instance, not to an account.

Rule 1: settings are read by the model of their kind (carriers.registry).
Rule 2: fields of type SecretStr are kept apart, encrypted, and never shown again; an update that leaves one out keeps
it, one that gives "" or null takes it away.
Rule 3: a connector that a route names cannot be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from carriers.registry import read_settings
from gateway.errors import Conflict, GatewayError, Invalid
from gateway.resources import checks, rows
from gateway.store.tables import connectors, routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel
    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk, Page
    from gateway.store.secrets import Vault
    from gateway.store.writer import Tx

SMALLEST_BACKLOG, LARGEST_BACKLOG = 10, 1_000_000_000  # as Settings take for the default


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector as anybody may see it."""

    id: str
    kind: str
    group: str  # receipts of one connector of a group may come by another; its own id when it stands alone
    settings: Mapping[str, Any]
    secrets: tuple[str, ...]  # names of those that are set: "password", "binds.0.password"
    enabled: bool
    backlog_limit: int  # messages that may wait for it; 0: as Settings say
    created_at: int  # microseconds


@dataclass(frozen=True, slots=True)
class Loaded:
    """A connector with all that is needed to start it."""

    id: str
    kind: str
    group: str
    settings: Mapping[str, Any] = field(repr=False)  # secrets among them


async def create(
    desk: Desk,
    *,
    connector_id: str,
    kind: str,
    settings: Mapping[str, Any],
    now: int,
    group: str = "",
    enabled: bool = True,
    backlog_limit: int = 0,
) -> Connector:
    """Set up a connector.

    Raises:
        Invalid: the id, the kind, the group or a setting is wrong; the field is "settings.<name>".
        Conflict: there is a connector of that id (``connector_exists``).
    """
    checks.slug(connector_id, "id")
    values = {
        "id": connector_id, "kind": kind, "carrier_group": checks.slug(group or connector_id, "group"),
        "enabled": int(enabled), "backlog_limit": _limit(backlog_limit), "created_at": now,
    }  # fmt: skip
    values |= _columns(desk.vault, connector_id, _read(kind, settings))

    async def work(tx: Tx) -> Connector:
        if not await rows.insert_new(tx.conn, connectors, values):
            raise Conflict("connector_exists", "There is a connector of that id.", field="id")
        return _of(desk.vault, await _row(tx.conn, connector_id))

    return await desk.change(work)


async def get(desk: Desk, *, connector_id: str) -> Connector:
    async with desk.store.reading() as conn:
        return _of(desk.vault, await _row(conn, connector_id))


async def find(desk: Desk, *, limit: int = 100, after: str = "") -> Page[Connector]:
    async with desk.store.reading() as conn:
        return await rows.page(
            conn, select(connectors), connectors.c.id, lambda row: _of(desk.vault, row), limit=limit, after=after
        )


async def update(
    desk: Desk,
    *,
    connector_id: str,
    settings: Mapping[str, Any] | None = None,
    group: str | None = None,
    enabled: bool | None = None,
    backlog_limit: int | None = None,
) -> Connector:
    """Change the settings (as a whole, but see rule 2), the group, the limit or whether it is started.

    None leaves as is.

    Raises:
        Invalid: as ``create``.
        NotFound: there is no such connector.
    """

    async def work(tx: Tx) -> Connector:
        row = await _row(tx.conn, connector_id)
        values: dict[str, Any] = {}
        if settings is not None:
            whole = _with_secrets(settings, _secrets(desk.vault, row))
            values |= _columns(desk.vault, connector_id, _read(row.kind, whole))
        if group is not None:
            values["carrier_group"] = checks.slug(group or connector_id, "group")
        if enabled is not None:
            values["enabled"] = int(enabled)
        if backlog_limit is not None:
            values["backlog_limit"] = _limit(backlog_limit)
        await rows.change(tx.conn, connectors, connector_id, values)
        return _of(desk.vault, await _row(tx.conn, connector_id))

    return await desk.change(work)


async def delete(desk: Desk, *, connector_id: str) -> None:
    """Raises NotFound, or Conflict when a route names it (``connector_in_use``)."""

    async def work(tx: Tx) -> None:
        await _row(tx.conn, connector_id)
        for route in await tx.conn.execute(select(routes.c.id, routes.c.connectors)):
            if connector_id in orjson.loads(route.connectors):
                raise Conflict(
                    "connector_in_use", f"The route {route.id} names it.", remedy="Change or delete the route first."
                )
        await rows.remove(tx.conn, connectors, connector_id)

    await desk.change(work)


async def load_all(desk: Desk) -> tuple[Loaded, ...]:
    """The enabled connectors with their full settings, to start them.

    Raises:
        SecretUnreadable: secrets were encrypted with another key.
    """
    async with desk.store.reading() as conn:
        found = (
            await conn.execute(select(connectors).where(connectors.c.enabled == 1).order_by(connectors.c.id))
        ).all()
    return tuple(
        Loaded(
            row.id, row.kind, row.carrier_group, _with_secrets(orjson.loads(row.settings), _secrets(desk.vault, row))
        )
        for row in found
    )


async def ids_in(conn: AsyncConnection) -> frozenset[str]:
    """The ids of all connectors."""
    return frozenset((await conn.execute(select(connectors.c.id))).scalars())


async def _row(conn: AsyncConnection, connector_id: str) -> Row[Any]:
    if checks.is_storable(connector_id):
        found = await conn.execute(select(connectors).where(connectors.c.id == connector_id))
        if (row := found.one_or_none()) is not None:
            return row
    raise rows.missing("connector")


def _of(vault: Vault, row: Row[Any]) -> Connector:
    try:
        names = tuple(sorted(_secrets(vault, row)))
    except GatewayError:  # sealed with a lost key: it can still be seen, and its secrets set again
        names = ()
    return Connector(
        id=row.id, kind=row.kind, group=row.carrier_group, settings=orjson.loads(row.settings), secrets=names,
        enabled=bool(row.enabled), backlog_limit=row.backlog_limit, created_at=row.created_at,
    )  # fmt: skip


def _limit(backlog: int) -> int:
    if backlog and not SMALLEST_BACKLOG <= backlog <= LARGEST_BACKLOG:
        detail = f"The limit is from {SMALLEST_BACKLOG} to {LARGEST_BACKLOG}, or 0 for the default."
        raise Invalid("out_of_range", detail, field="backlog_limit")
    return backlog


def _read(kind: str, settings: Mapping[str, Any]) -> BaseModel:
    """The settings as their model has them. The errors never repeat a value: it may be a secret."""
    try:
        return read_settings(kind, settings)
    except KeyError as error:
        raise Invalid("unknown_kind", "There is no such kind of connector.", field="kind") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(("settings", *map(str, first["loc"])))
        raise Invalid("bad_setting", f"{first['msg']}.", field=where) from None


def _columns(vault: Vault, connector_id: str, settings: BaseModel) -> dict[str, Any]:
    secrets: dict[str, str] = {}
    shown = _without_secrets(
        settings.model_dump(exclude_unset=True), settings.model_dump(mode="json", exclude_unset=True), "", secrets
    )
    sealed = vault.seal("connectors", connector_id, orjson.dumps(secrets)) if secrets else None
    return {"settings": orjson.dumps(shown).decode(), "secrets": sealed}


def _secrets(vault: Vault, row: Row[Any]) -> dict[str, str]:
    """Secrets by their path in the settings."""
    if row.secrets is None:
        return {}
    return dict(orjson.loads(vault.open("connectors", row.id, row.secrets)))


def _without_secrets(value: Any, shown: Any, path: str, secrets: dict[str, str]) -> Any:  # noqa: ANN401 -- JSON
    """``shown`` (JSON) without what is a SecretStr in ``value`` (Python, same shape); those go to ``secrets``."""
    if isinstance(value, dict):
        kept = {}
        # The keys of JSON are text, those of Python may be numbers: the order is what the two have in common.
        for (name, plain), each in zip(shown.items(), value.values(), strict=True):
            if not isinstance(each, SecretStr):
                kept[name] = _without_secrets(each, plain, f"{path}{name}.", secrets)
            elif secret := each.get_secret_value():
                secrets[f"{path}{name}"] = secret
        return kept
    if isinstance(value, (list, tuple)):
        return [
            _without_secrets(*both, f"{path}{at}.", secrets) for at, both in enumerate(zip(value, shown, strict=True))
        ]
    return shown


def _with_secrets(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """A copy of the settings with the secrets in their places, except where the settings themselves say something."""
    whole: dict[str, Any] = orjson.loads(orjson.dumps(settings))
    for path, secret in secrets.items():
        *way, name = path.split(".")
        place = _follow(whole, way)
        if isinstance(place, dict):
            place.setdefault(name, secret)
    return whole


def _follow(value: Any, way: list[str]) -> Any:  # noqa: ANN401 -- JSON
    for step in way:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
