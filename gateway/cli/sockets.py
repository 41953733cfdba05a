"""The listening sockets, made before anything else is started."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import TYPE_CHECKING

from gateway.errors import Conflict, GatewayError, Invalid

if TYPE_CHECKING:
    from gateway.config import Settings

_LAST_PORT = 65_535
BACKLOG = 1024  # connections that wait to be accepted
SETTINGS = ("HELIOGRAPH_HOST", "HELIOGRAPH_PORT")
METRICS_SETTINGS = ("HELIOGRAPH_HOST", "HELIOGRAPH_METRICS_PORT")


def listen(host: str, port: int, settings: tuple[str, str] = SETTINGS) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    It listens from the beginning, because two sockets may be bound to one port as long as neither listens.

    Raises:
        Conflict: the port is taken.
        Invalid: the host is none of this machine's addresses, or we may not have the port.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise _bad_host(host, settings[0]) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a restart waits for old connections
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise explained(error, host, port, settings) from error
    listener.setblocking(False)
    return listener


def listen_for_metrics(settings: Settings, number: int = 0) -> contextlib.AbstractContextManager[socket.socket | None]:
    """A socket for the metrics of the process with this number; None where none are wanted. Raises as ``listen``."""
    if not settings.metrics_port:
        return contextlib.nullcontext()
    port = settings.metrics_port + number
    if port > _LAST_PORT:
        raise Invalid(
            "port_too_high", f"Process {number + 1} would have port {port} for its metrics.", field=METRICS_SETTINGS[1],
            remedy=f"Set it so that one for each process fits below {_LAST_PORT + 1}.",
        )  # fmt: skip
    return listen(settings.host, port, METRICS_SETTINGS)


def explained(error: OSError, host: str, port: int, settings: tuple[str, str] = SETTINGS) -> GatewayError:
    """Why this host and port cannot be listened on; ``settings`` are the names that they were given by."""
    of_host, of_port = settings
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            "port_taken",
            f"Another program listens on port {port} of {host or 'this machine'}.",
            field=of_port,
            remedy=f"Set {of_port} to a free port, or stop that program.",
        )
    if error.errno == errno.EACCES:
        return Invalid(
            "port_not_allowed", f"This user may not listen on port {port}.", field=of_port,
            remedy="Set it to 1024 or more.",
        )  # fmt: skip
    return _bad_host(host, of_host)


def _bad_host(host: str, setting: str) -> Invalid:
    return Invalid(
        "bad_host", f"{host} is not an address of this machine.", field=setting,
        remedy="Set it to 127.0.0.1 for this machine only, or to 0.0.0.0 for all its addresses.",
    )  # fmt: skip
