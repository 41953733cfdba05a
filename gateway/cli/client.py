"""How commands speak with a running server: its HTTP API, as any app does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import aiohttp
import orjson
import typer

from gateway import quickstart
from gateway.errors import GatewayError, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.config import Settings

KEY_VARIABLE = "HELIOGRAPH_API_KEY"
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- listened on, not connected to

Key = Annotated[
    str, typer.Option("--key", envvar=KEY_VARIABLE, help="API key. Left out: the one that was made at the first start.")
]
Url = Annotated[str, typer.Option("--url", help="Address of the server. Left out: as the settings say.")]


class Unreachable(GatewayError):  # noqa: N818 -- reads as what it says, as all errors of the gateway
    """Nobody answers there."""

    title = "The server does not answer"


class Told(GatewayError):  # noqa: N818 -- as above
    """What the server answered instead of doing it."""

    title = "The server said no"


@dataclass(frozen=True, slots=True)
class Server:
    """A running Heliograph."""

    url: str
    key: str = field(default="", repr=False)
    patience: float = 30.0  # seconds for an answer

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 -- JSON
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 -- JSON
        """The answer's document.

        Raises:
            Unreachable: nobody answers, or not as we do.
            Told: the server refused; says why.
        """
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {"Content-Type": "application/json"} if body is not None else {}
        data = orjson.dumps(body) if body is not None else None
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(self.patience)) as session,
                session.request(method, self.url + path, data=data, headers=sent | dict(headers or {})) as response,
            ):
                return self._read(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._unreachable(error) from error

    def _read(self, status: int, answer: bytes) -> Any:  # noqa: ANN401 -- JSON
        document = orjson.loads(answer) if answer else {}
        if status < 400:  # noqa: PLR2004 -- HTTP: what is below is no error
            return document
        if not isinstance(document, dict) or "code" not in document:
            raise ValueError(f"HTTP status {status}")
        known = {"code", "detail", "field", "remedy"}
        raise Told(
            document["code"], document.get("detail", ""), field=document.get("field", ""),
            remedy=document.get("remedy", ""), extra={k: v for k, v in document.items() if k not in known},
        )  # fmt: skip

    def _unreachable(self, error: Exception) -> Unreachable:
        why = str(error) or type(error).__name__
        return Unreachable(
            "server_unreachable",
            f"No Heliograph answers at {self.url} ({why}).",
            remedy="Start it with heliograph serve, or say with --url where it is.",
        )


def server(settings: Settings, *, url: str = "", key: str = "") -> Server:
    """The server of these settings. The key of the first start serves where none is given.

    Raises:
        Invalid: its address cannot be told.
    """
    return Server((url or address(settings)).rstrip("/"), key or os.environ.get(KEY_VARIABLE) or _first_key(settings))


def _first_key(settings: Settings) -> str:
    try:
        return str(orjson.loads((settings.data_dir / quickstart.FILE).read_bytes())["api_key"])
    except (OSError, ValueError, KeyError, TypeError):  # another user's, or an instance that was set up by hand
        return ""


def address(settings: Settings) -> str:
    """Where the server is for others.

    Raises:
        Invalid: it takes any free port, so that nobody can know.
    """
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if settings.port == 0:
        raise Invalid(
            "port_unknown", "The server takes any free port.", field="HELIOGRAPH_PORT",
            remedy="Set a fixed one, or say with --url where the server is.",
        )  # fmt: skip
    return local_address(settings.host, settings.port)


def local_address(host: str, port: int) -> str:
    """Where a server that listens on this host and port is reached from this machine."""
    shown = _ANY_ADDRESS.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
