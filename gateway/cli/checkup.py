"""The checks of ``heliograph doctor``. Each gives findings and changes nothing; none stops the others."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway import quickstart
from gateway.cli.client import KEY_VARIABLE, Server, Told, Unreachable, local_address, server
from gateway.cli.common import revision
from gateway.cli.errors import sentence
from gateway.cli.sockets import listen
from gateway.config import CONFIG_FILE_VARIABLE, Settings
from gateway.errors import GatewayError
from gateway.queue import QueueError, open_queue
from gateway.store import migrate
from gateway.store.lock import is_served
from gateway.store.partitions import MOST_MOVED, SLICED, day_of, days, strays
from gateway.store.secrets import KEY_FILE, Vault
from gateway.store.store import Store
from gateway.store.tables import messages
from gateway.store.tables_nodes import nodes
from gateway.store.times import DAY, SECOND

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

_PREFIX = "HELIOGRAPH_"
_OTHER_VARIABLES = frozenset({CONFIG_FILE_VARIABLE, KEY_VARIABLE, "HELIOGRAPH_STAFF_PASSWORD"})
_LITTLE_SPACE, _SOME_SPACE = 100 * 1024**2, 1024**3  # octets: below the first wrong, below the second worth a note
_OTHERS = 0o077  # the permission bits of group and others
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC).timestamp()  # this release is younger
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_DRIFT = 2.0  # seconds that clock and file system may differ: some keep times of two seconds' grain
_PATIENCE = 6.0  # seconds for an answer; the server itself gives its database 5
_AHEAD = 60.0  # seconds that a stored message may be ahead of the clock


class State(StrEnum):
    OK = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw.

    Attributes:
        name: What was looked at.
        state: Whether something must be done.
        found: One sentence.
        remedy: What to do; "" when there is nothing.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


def look_at_variables(environment: Mapping[str, str]) -> Finding:
    """Whether each variable of ours is one: a misspelt one would be passed over in silence."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    ours = {name for name in environment if name.upper().startswith(_PREFIX)}
    if unknown := sorted(name for name in ours if name.upper() not in known):
        return Finding(
            "variables", State.WRONG, f"There is no setting {', '.join(unknown)}.", "Correct its name, or remove it."
        )
    return Finding("variables", State.OK, f"{len(ours)} set, all known.")


async def examine(settings: Settings) -> list[Finding]:
    """Everything about an instance with these settings."""
    started = time.time() - time.monotonic()
    findings = [Finding("settings", State.OK, "All can be read."), look_at_folder(settings), look_at_key(settings)]
    findings += _look_at_private_files(settings)
    database = await look_at_database(settings)
    findings.append(database)
    served = database.state is State.WRONG or await _is_served(settings)
    findings.append(await look_at_queue(settings))
    findings += [one async for one in look_at_server(settings, served=served)]
    newest = None
    if database.state is State.OK:
        findings += [one async for one in look_at_tables(settings)]
        newest = await _newest_message(settings)
    stepped = time.time() - time.monotonic() - started
    findings.append(judge_clock(time.time(), file_time=_file_time(settings), newest=newest, stepped=stepped))
    return findings


def look_at_folder(settings: Settings) -> Finding:
    """Whether the data folder takes files, and how much room there is."""
    folder = settings.data_dir
    where = next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path("/"))
    setting = "Set HELIOGRAPH_DATA_DIR to a folder that this user may write to."
    try:
        with tempfile.TemporaryFile(dir=where) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("data folder", State.WRONG, f"{where} cannot be written to: {error.strerror}.", setting)
    if where != folder:
        return Finding("data folder", State.NOTE, f"{folder} is not there yet; it is made at the first start.")
    return judge_space(str(folder), shutil.disk_usage(folder).free)


def judge_space(folder: str, free: int) -> Finding:
    """``free`` is in octets."""
    found = f"{folder} can be written to; {free / 1024**3:.1f} GB are free."
    if free < _LITTLE_SPACE:
        return Finding("data folder", State.WRONG, found, "Make room: without it no text is accepted.")
    if free < _SOME_SPACE:
        return Finding("data folder", State.NOTE, found, "Make room soon.")
    return Finding("data folder", State.OK, found)


def look_at_key(settings: Settings) -> Finding:
    """Whether the key that secrets are encrypted with is there, can be read, and is nobody else's to read."""
    path = settings.data_dir / KEY_FILE
    if settings.secret_key is None and not path.exists():
        return Finding("instance key", State.NOTE, f"{path} is not there yet; it is made at the first start.")
    try:
        Vault.of(settings)
    except (GatewayError, OSError) as error:
        return Finding("instance key", State.WRONG, sentence(error), "Restore it from a backup.")
    if settings.secret_key is not None:
        return Finding("instance key", State.OK, "HELIOGRAPH_SECRET_KEY is a key.")
    return _judge_mode("instance key", path)


def _look_at_private_files(settings: Settings) -> list[Finding]:
    path = settings.data_dir / quickstart.FILE
    return [_judge_mode("first access", path)] if path.exists() else []


def _judge_mode(name: str, path: Path) -> Finding:
    if path.stat().st_mode & _OTHERS:
        return Finding(name, State.WRONG, f"Other users may read {path}.", f"chmod 600 {path}")
    return Finding(name, State.OK, f"{path} is for its owner only.")


async def look_at_database(settings: Settings) -> Finding:
    """Whether the database opens, and this release can serve it."""
    try:
        known = await revision(settings)
        if not known:
            return Finding("database", State.NOTE, "It is empty or not there yet.", "heliograph serve makes it.")
        needed = (await migrate.standing(settings.database)).needed
    except GatewayError as error:
        return Finding("database", State.WRONG, error.detail, f"{error.field}: {error.remedy}".removeprefix(": "))
    if not needed:
        return Finding("database", State.OK, f"It opens, and is at revision {known}.")
    found = f"It is at revision {known}, and this release needs {needed[-1].revision}."
    if any(step.post for step in needed):
        remedy = "Stop every older process, then run heliograph migrate --post."
        return Finding("database", State.WRONG, found, remedy)
    return Finding("database", State.WRONG, found, "Run heliograph migrate.")


async def look_at_tables(settings: Settings) -> AsyncIterator[Finding]:
    """What an upgrade left for later, and on PostgreSQL the partitions."""
    if later := (await migrate.standing(settings.database)).later:
        found = f"What only older releases need is still there ({', '.join(step.revision for step in later)})."
        yield Finding("upgrade", State.NOTE, found, "When none of them runs any more: heliograph migrate --post")
    store = Store(settings.database)
    try:
        if not store.sqlite:
            yield await _look_at_partitions(store)
    finally:
        await store.close()


async def _look_at_partitions(store: Store) -> Finding:
    tomorrow, there = day_of(time.time_ns() // 1000) + DAY, await days(store.reader)
    full = [one.table for one in SLICED if await strays(store.reader, one) > MOST_MOVED]
    if full:
        found = f"More than {MOST_MOVED:,} rows of {', '.join(full)} are in no day's partition: none is made any more."
        return Finding("partitions", State.WRONG, found, "heliograph migrate moves them. All others wait meanwhile.")
    if missing := [one.table for one in SLICED if tomorrow not in there[one]]:
        found = f"There is no partition for tomorrow of {', '.join(missing)}."
        remedy = "heliograph migrate makes it. Why the server did not is in its log: retention.partition."
        return Finding("partitions", State.WRONG, found, remedy)
    return Finding("partitions", State.OK, "They are made ahead.")


async def look_at_queue(settings: Settings) -> Finding:
    """Whether the queue can be reached."""
    try:
        queue = open_queue(settings.queue_url, settings.database)
        try:
            await queue.size(quickstart.CONNECTOR)
        finally:
            await queue.close()
    except (QueueError, OSError) as error:
        return Finding(
            "queue", State.WRONG, f"It cannot be reached: {error}.", "Start it, or set HELIOGRAPH_QUEUE_URL."
        )
    return Finding("queue", State.OK, "It can be reached.")


async def look_at_server(settings: Settings, *, served: bool) -> AsyncIterator[Finding]:
    """The port, the process behind it, and its links.

    Args:
        settings: of the instance.
        served: whether a process holds the database; True also when that cannot be known.
    """
    local = Server(local_address(settings.host, settings.port), patience=_PATIENCE)
    answers = settings.port != 0 and await _answers(local)
    yield judge_port(settings, served=served, answers=answers, free=settings.port == 0 or _is_free(settings))
    if answers:
        yield await _look_at_readiness(local)
        async for finding in look_at_links(server(settings, url=local.url)):
            yield finding


def judge_port(settings: Settings, *, served: bool, answers: bool, free: bool) -> Finding:
    where = f"port {settings.port} of {settings.host}"
    if answers:
        return Finding("server", State.OK, f"It runs, and answers on {where}.")
    if not free:
        found = f"Something that is not Heliograph, or cannot serve now, has {where}."
        return Finding("server", State.WRONG, found, "Set HELIOGRAPH_PORT to a free port, or stop that program.")
    if served and settings.port:
        found = f"A process holds the database, and nobody answers on {where}."
        return Finding("server", State.NOTE, found, "Are HELIOGRAPH_HOST and HELIOGRAPH_PORT as the server has them?")
    return Finding("server", State.NOTE, f"It does not run; {where} is free.", "Start it with heliograph serve.")


async def _look_at_readiness(local: Server) -> Finding:
    try:
        await local.call("GET", "/readyz")
    except (Told, Unreachable) as error:
        return Finding("store", State.WRONG, f"The server cannot store: {error.detail}", error.remedy)
    return Finding("store", State.OK, "The server stores what it is given.")


async def look_at_links(asked: Server) -> AsyncIterator[Finding]:
    """One finding for each connector that is enabled."""
    try:
        answer = await asked.call("GET", "/v1/connectors?limit=200")
    except (Told, Unreachable) as error:
        yield Finding("links", State.NOTE, error.detail, f"Set {KEY_VARIABLE} to a key with the scope admin.")
        return
    enabled = [one for one in answer["items"] if one["enabled"]]
    if not enabled:
        yield Finding("links", State.NOTE, "There is no connector: no text can leave.", "heliograph connectors add")
    for one in enabled:
        yield judge_link(one)


def judge_link(one: Mapping[str, Any]) -> Finding:
    name = f"link {one['id']}"
    if one["up"]:
        return Finding(name, State.OK, "It is up.")
    why = next((link["last_error"] for link in one["links"] if link["last_error"]), "no reason is known yet")
    return Finding(
        name, State.WRONG, f"It is down: {why}.", "Check host, port, system_id and password with the carrier."
    )


def judge_clock(wall: float, *, file_time: float | None, newest: float | None, stepped: float) -> Finding:
    """Whether the time can be trusted: expiry, quiet hours and signatures rest on it.

    Args:
        wall: seconds since 1970, as the clock says.
        file_time: the same, of a file written now; None when none can be written.
        newest: the same, of the newest stored message; None when there is none.
        stepped: seconds by which the clock has moved against the monotonic one during the checks.
    """
    said = datetime.fromtimestamp(wall, UTC).isoformat(sep=" ", timespec="seconds")
    remedy = "Set the clock, and let it be kept by NTP (timedatectl set-ntp true)."
    if not _EARLIEST <= wall <= _LATEST:
        return Finding("clock", State.WRONG, f"It says {said}.", remedy)
    if newest is not None and newest - wall > _AHEAD:
        found = f"It says {said}, and the newest message is {newest - wall:.0f} s ahead of that."
        return Finding("clock", State.WRONG, found, remedy)
    if file_time is not None and abs(file_time - wall) > _DRIFT:
        found = f"It says {said}, and the file system differs by {file_time - wall:+.0f} s."
        return Finding("clock", State.WRONG, found, "Let the file server and this machine be kept by NTP.")
    if abs(stepped) > _DRIFT:
        return Finding("clock", State.WRONG, f"It moved by {stepped:+.1f} s while it was looked at.", remedy)
    return Finding("clock", State.OK, f"It says {said}.")


async def _is_served(settings: Settings) -> bool:
    """Whether some process of the gateway lives on this database."""
    if settings.database.startswith("sqlite"):
        return is_served(settings.database)
    store = Store(settings.database)
    try:
        async with store.reading() as conn:
            now = func.extract("epoch", func.now()) * SECOND
            return bool(await conn.scalar(select(func.count()).where(nodes.c.expires_at > now)))
    except GatewayError:
        return False
    finally:
        await store.close()


async def _newest_message(settings: Settings) -> float | None:
    """When the newest message was made, in seconds. Ids begin with their time, so the last one is the newest."""
    store = Store(settings.database)
    try:
        async with store.reading() as conn:
            query = select(messages.c.created_at).order_by(messages.c.id.desc()).limit(1)
            at = (await conn.execute(query)).scalar_one_or_none()
    finally:
        await store.close()
    return at / SECOND if at is not None else None


def _file_time(settings: Settings) -> float | None:
    try:
        with tempfile.TemporaryFile(dir=settings.data_dir) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return None


async def _answers(local: Server) -> bool:
    """Whether it is Heliograph that answers there."""
    try:
        answer = await local.call("GET", "/healthz")
    except (Told, Unreachable):
        return False
    return bool(answer == {"status": "ok"})


def _is_free(settings: Settings) -> bool:
    try:
        listener = listen(settings.host, settings.port)
    except GatewayError:
        return False
    listener.close()
    return True
