from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli import Heliograph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # seconds; a busy machine takes long to start


def _environment(folder: Path, **settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
    return {**clean, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "HELIOGRAPH_DATA_DIR": str(folder), **settings}


@contextlib.contextmanager
def _started(folder: Path, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs on; killed when it hangs, so that no test does."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", *words], cwd=folder.parent, env=_environment(folder, **settings),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    guard = threading.Timer(PATIENCE, process.kill)
    guard.start()
    try:
        yield process
    finally:
        guard.cancel()
        process.kill()
        process.communicate()


def _refused(folder: Path, *words: str, **settings: str) -> str:
    """What ``serve`` says on stderr as it ends with exit code 1 instead of starting."""
    with _started(folder, "serve", *words, **settings) as process:
        printed, said = process.communicate()
    assert (process.returncode, printed) == (1, "")
    assert "Traceback" not in said
    return said


def _until(stream: IO[str] | None, pattern: str) -> str:
    """What a process prints up to a line that has this in it."""
    assert stream is not None
    read = ""
    for line in stream:
        read += line
        if re.search(pattern, line):
            return read
    raise AssertionError(f"it ended without {pattern}: {read}")


def _request(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read()), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), error.headers


def _paste(command: str) -> tuple[int, Any, Any]:
    """What a shell would do with the printed curl."""
    words = shlex.split(command)
    url = next(word for word in words if word.startswith("http"))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    return _request(url, words[words.index("-d") + 1].encode(), headers)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_serve_says_how_to_begin_and_the_printed_curl_sends_a_text_that_every_command_can_see(tmp_path: Path) -> None:
    folder, port = tmp_path / "var", _free_port()
    with _started(folder, "serve", HELIOGRAPH_PORT=port) as process:
        printed = _until(process.stdout, "^  -d ")
        assert f"ready at http://127.0.0.1:{port}\n" in printed
        assert f"http://127.0.0.1:{port}/console/handsets" in printed
        assert "user admin, password " in printed
        status, accepted, _ = _paste(printed[printed.index("curl -i") :])
        assert status == 202

        heliograph = Heliograph(folder, HELIOGRAPH_PORT=port)
        story = heliograph.json("messages", "show", accepted["id"])
        assert story["timeline"][0]["type"] == "message.accepted"
        assert "What the rules said" in heliograph.run("messages", "show", accepted["id"])
        found = heliograph.json(
            "messages", "list", "--number", "1 (206) 555-0142", "--since", "2026-01-01", "--limit", "1"
        )
        assert [one["id"] for one in found["items"]] == [accepted["id"]]
        sent = heliograph.json("send", "--to", "+12065550142", "--body", "from the command line")
        assert sent["from"] == "+12065550100"
        assert "Would be QUEUED" in heliograph.run("send", "--to", "+12065550142", "--body", "hello", "--dry-run")
        assert "to: The number has no country code" in heliograph.fails("send", "--to", "1", "--body", "hello")
        assert heliograph.json("connectors", "list")["items"][0]["live"]["up"] is True
        checks = {one["name"]: one["state"] for one in heliograph.json("doctor")["checks"]}
        assert (checks["server"], checks["store"], checks["link simulator"]) == ("ok", "ok", "ok")

        assert "HELIOGRAPH_PORT" in _refused(tmp_path / "other", HELIOGRAPH_PORT=port)

        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_serve_prints_one_json_document_for_programs(tmp_path: Path) -> None:
    with _started(tmp_path / "var", "serve", "--json", HELIOGRAPH_PORT="0", HELIOGRAPH_LOG_FORMAT="json") as process:
        ready = json.loads(_until(process.stdout, "^}"))
        assert _request(f"{ready['url']}/healthz")[0] == 200
        assert ready["curl"].count(ready["api_key"]) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0


def test_while_the_database_cannot_be_opened_503_is_answered_and_then_it_goes_on(tmp_path: Path) -> None:
    folder, port = tmp_path / "var", _free_port()
    folder.write_text("in the way of the folder")
    with _started(folder, "serve", HELIOGRAPH_PORT=port) as process:
        _until(process.stderr, "database cannot be opened")
        url = f"http://127.0.0.1:{port}"
        status, problem, headers = _request(f"{url}/v1/messages", b"{}")
        assert (status, problem["code"], headers["Content-Type"]) == (
            503,
            "store_unavailable",
            "application/problem+json",
        )
        assert int(headers["Retry-After"]) >= 1
        assert _request(f"{url}/healthz")[0] == 200
        folder.unlink()
        assert _paste(_until(process.stdout, "^  -d ").partition("curl -i")[2])[0] == 202


def test_serve_can_be_stopped_while_it_waits_for_its_database(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.write_text("in the way of the folder")
    with _started(folder, "serve", HELIOGRAPH_PORT="0") as process:
        _until(process.stderr, "database cannot be opened")
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


@pytest.mark.parametrize(
    ("setting", "value"), [("HELIOGRAPH_HOST", "203.0.113.1"), ("HELIOGRAPH_HOST", "no such host")]
)
def test_an_address_that_cannot_be_listened_on_is_named(tmp_path: Path, setting: str, value: str) -> None:
    assert setting in _refused(tmp_path / "var", **{setting: value})


def test_a_port_for_metrics_beyond_the_last_is_named(tmp_path: Path) -> None:
    settings = {"HELIOGRAPH_PORT": "0", "HELIOGRAPH_METRICS_PORT": "65535"}
    assert "HELIOGRAPH_METRICS_PORT" in _refused(tmp_path / "var", "--processes", "2", **settings)


def test_simulate_prints_that_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    with _started(tmp_path / "var", "simulate", "--port", "0") as process:
        listening = _until(process.stderr, "SMSC listening on 127.0.0.1:")
        port = int(listening.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
