"""What the faces (api, console, callbacks) are given: the running services, and nothing else of the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from carriers.simulator import Simulator
    from carriers.types import ConnectorStatus
    from gateway.config import Settings
    from gateway.events.log import Feed
    from gateway.events.post import Post
    from gateway.metrics import Metrics
    from gateway.outbound.accept import Outbound
    from gateway.resources.desk import Desk


class LinkBoard(Protocol):
    """Live state of the connectors of this process."""

    def statuses(self) -> list[ConnectorStatus]: ...


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    desk: Desk  # store, vault, catalog: the first argument of every gateway.resources function
    outbound: Outbound  # accept(SendRequest), accept_all(Order)
    post: Post  # event destinations: refresh() after a change, replay, test
    feed: Feed  # news of the event log, for streams
    metrics: Metrics
    links: LinkBoard
    restart_connectors: Callable[[], Awaitable[None]]  # after a connector's row changed
    simulator: Simulator | None  # None when the simulated carrier is off
    now: Callable[[], int]  # microseconds


SERVICES: web.AppKey[Services] = web.AppKey("services")
