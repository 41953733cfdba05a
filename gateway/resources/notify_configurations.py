"""Notify configurations: what one-time codes say of who sends them, and where they may go.

Rule 1: one is active at once: here nobody else's numbers are lent out, so there is nobody to vet it.
Rule 2: it sends from its pool, or from what routing chooses; a pool that one sends from stays
(AWS: POOL_ASSOCIATED_TO_NOTIFY_CONFIGURATION).
Rule 3: it sends to its countries, or to every country when it names none.
(pinpoint-sms-voice-v2 model: CreateNotifyConfiguration.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from gateway.errors import Invalid
from gateway.resources import checks, notify_templates, rows, tags
from gateway.store.tables_channels import notify_configurations
from gateway.store.tables_numbers import pools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Unpack

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KIND = "notify-configuration"  # as ARNs name it
CHANNELS = ("SMS", "VOICE")
USE_CASES = ("CODE_VERIFICATION",)
_NAME = re.compile(r"[A-Za-z0-9_ -]{1,15}")
_THING = "notify_configuration"


class NotifyChanges(TypedDict, total=False):
    """What may be changed; what is left out stays, "" takes the template or pool away."""

    template_id: str
    pool_id: str
    channels: Sequence[str]
    countries: Sequence[str]
    deletion_protection: bool


@dataclass(frozen=True, slots=True)
class NotifyConfiguration:
    id: str
    account_id: str
    display_name: str
    use_case: str
    template_id: str
    pool_id: str
    channels: tuple[str, ...]
    countries: tuple[str, ...]  # none: every one
    deletion_protection: bool
    created_at: int  # microseconds

    def reaches(self, country: str) -> bool:
        return not self.countries or country in self.countries


async def create(
    desk: Desk,
    *,
    account_id: str,
    display_name: str,
    use_case: str,
    now: int,
    tagged: Mapping[str, str] = tags.NO_TAGS,
    **more: Unpack[NotifyChanges],
) -> NotifyConfiguration:
    """Raises Invalid, NotFound (a template or pool that is not there), or Conflict (quota, tags)."""
    if not _NAME.fullmatch(display_name):
        raise Invalid("bad_name", "A display name has 1 to 15 letters, digits, spaces, _ and -.", field="display_name")
    values = {
        "id": rows.resource_id("nc"), "account_id": account_id, "display_name": display_name,
        "use_case": checks.one_of(use_case, USE_CASES, "use_case"), "created_at": now, **_values(more),
    }  # fmt: skip

    async def work(tx: Tx) -> NotifyConfiguration:
        mine = notify_configurations.c.account_id == account_id
        await desk.quotas.require(tx.conn, "NOTIFY_CONFIGURATIONS_PER_ACCOUNT", mine)
        await _check_pool(tx.conn, account_id, values)
        await rows.insert(tx.conn, notify_configurations, values)
        await tags.put(tx, account_id, f"{KIND}/{values['id']}", tagged)
        return await _get(tx.conn, account_id, str(values["id"]))

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, configuration_id: str) -> NotifyConfiguration:
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, configuration_id)


async def find(desk: Desk, *, account_id: str) -> tuple[NotifyConfiguration, ...]:
    """All of the account, oldest first."""
    async with desk.store.reading() as conn:
        return await rows.of_account(conn, notify_configurations, account_id, _of)


async def update(
    desk: Desk, *, account_id: str, configuration_id: str, **changes: Unpack[NotifyChanges]
) -> NotifyConfiguration:
    """Change what is given. Raises Invalid or NotFound."""
    values = _values(changes)

    async def work(tx: Tx) -> NotifyConfiguration:
        await _get(tx.conn, account_id, configuration_id)
        await _check_pool(tx.conn, account_id, values)
        await rows.change(tx.conn, notify_configurations, configuration_id, values)
        return await _get(tx.conn, account_id, configuration_id)

    return await desk.store.write(work)


async def delete(desk: Desk, *, account_id: str, configuration_id: str) -> NotifyConfiguration:
    """Gives what it was. Raises NotFound, or Conflict (``deletion_protection``)."""

    async def work(tx: Tx) -> NotifyConfiguration:
        found = await _get(tx.conn, account_id, configuration_id)
        if found.deletion_protection:
            raise rows.protected("Notify configuration")
        await tags.drop(tx, account_id, f"{KIND}/{configuration_id}")
        await rows.remove(tx.conn, notify_configurations, configuration_id)
        return found

    return await desk.store.write(work)


async def _get(conn: AsyncConnection, account_id: str, configuration_id: str) -> NotifyConfiguration:
    return _of(await rows.one(conn, notify_configurations, account_id, configuration_id, _THING))


async def _check_pool(conn: AsyncConnection, account_id: str, values: Mapping[str, Any]) -> None:
    if pool_id := values.get("pool_id"):
        await rows.one(conn, pools, account_id, pool_id, "pool")


def _values(changes: NotifyChanges) -> dict[str, Any]:
    values = rows.columns(changes)
    if values.get("template_id"):
        notify_templates.require(values["template_id"])
    if "channels" in values:
        values["channels"] = " ".join(checks.one_of(one, CHANNELS, "channels") for one in values["channels"])
    if "countries" in values:
        codes = {checks.country(one, "countries", required=True) for one in values["countries"]}
        values["countries"] = " ".join(sorted(codes))
    return values


def _of(row: Row[Any]) -> NotifyConfiguration:
    return NotifyConfiguration(
        id=row.id, account_id=row.account_id, display_name=row.display_name, use_case=row.use_case,
        template_id=row.template_id, pool_id=row.pool_id, channels=tuple(row.channels.split()),
        countries=tuple(row.countries.split()), deletion_protection=bool(row.deletion_protection),
        created_at=row.created_at,
    )  # fmt: skip
