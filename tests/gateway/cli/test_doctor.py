from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.checkup import State, judge_clock, judge_link, judge_port, judge_space, look_at_variables
from gateway.config import Settings
from gateway.store.lock import Presence, is_served
from tests.support.cli import Heliograph

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0  # seconds; some moment in 2026
GIB = 1024**3


def _states(heliograph: Heliograph, code: int) -> dict[str, dict[str, Any]]:
    answer = heliograph.json("doctor", code=code)
    assert answer["ok"] is (code == 0)
    return {one["name"]: one for one in answer["checks"]}


def test_nothing_is_wrong_with_a_fresh_machine(tmp_path: Path) -> None:
    found = _states(Heliograph(tmp_path / "var"), 0)
    assert {one["state"] for one in found.values()} <= {"ok", "note"}
    assert "heliograph serve" in found["database"]["remedy"]
    assert not (tmp_path / "var").exists()


def test_a_database_that_is_ready_is_told_so_in_a_table_and_in_json(tmp_path: Path) -> None:
    heliograph = Heliograph(tmp_path)
    heliograph.run("migrate")
    assert _states(heliograph, 0)["database"]["state"] == "ok"
    assert "Nothing is wrong." in heliograph.run("doctor")


def test_a_key_that_others_may_read_is_wrong_and_the_remedy_is_a_command(tmp_path: Path) -> None:
    heliograph = Heliograph(tmp_path)
    heliograph.run("migrate")
    key = tmp_path / "instance.key"
    key.chmod(0o644)
    found = _states(heliograph, 1)["instance key"]
    assert (found["state"], found["remedy"]) == ("wrong", f"chmod 600 {key}")


def test_a_damaged_key_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "instance.key").write_text("damaged")
    assert _states(Heliograph(tmp_path), 1)["instance key"]["state"] == "wrong"


def test_a_folder_that_cannot_be_one_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    found = _states(Heliograph(tmp_path / "file" / "var"), 1)["data folder"]
    assert "HELIOGRAPH_DATA_DIR" in found["remedy"]


def test_a_wrong_setting_is_a_finding_and_ends_the_look(tmp_path: Path) -> None:
    heliograph = Heliograph(tmp_path, HELIOGRAPH_LOG_LEVEL="LOUD", HELIOGRAPH_PROT="1")
    found = _states(heliograph, 1)
    assert set(found) == {"variables", "settings"}
    assert "HELIOGRAPH_LOG_LEVEL" in found["settings"]["found"]
    assert "HELIOGRAPH_PROT" in found["variables"]["found"]


def test_a_damaged_database_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "heliograph.db").write_bytes(b"this is a letter, not a database" * 100)
    found = _states(Heliograph(tmp_path), 1)["database"]
    assert found["state"] == "wrong"
    assert "HELIOGRAPH_DATA_DIR" in found["remedy"]


def test_a_queue_that_is_away_is_wrong(tmp_path: Path) -> None:
    found = _states(Heliograph(tmp_path, HELIOGRAPH_QUEUE_URL="redis://127.0.0.1:9/0"), 1)["queue"]
    assert "HELIOGRAPH_QUEUE_URL" in found["remedy"]


def test_a_port_that_another_program_has_is_wrong(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        found = _states(Heliograph(tmp_path, HELIOGRAPH_PORT=str(other.server_port)), 1)["server"]
        other.shutdown()
    assert (found["state"], "HELIOGRAPH_PORT" in found["remedy"]) == ("wrong", True)


async def test_the_lock_of_a_running_server_is_seen_and_left_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "heliograph.db").touch()
    first, second = Presence(settings.database), Presence(settings.database)
    assert not is_served(settings.database)
    assert await first.arrive()
    await first.settled()
    assert not await second.arrive()
    first.leave()
    assert is_served(settings.database)
    second.leave()
    assert not is_served(settings.database)


@pytest.mark.parametrize(
    ("served", "answers", "free", "state"),
    [
        (True, True, False, State.OK),
        (False, False, True, State.NOTE),
        (True, False, True, State.NOTE),
        (False, False, False, State.WRONG),
        (True, False, False, State.WRONG),
    ],
)
def test_port_and_lock_together_tell_whether_it_runs(served: bool, answers: bool, free: bool, state: State) -> None:
    assert judge_port(Settings(port=8080), served=served, answers=answers, free=free).state is state


@pytest.mark.parametrize(("free", "state"), [(50 * 1024**2, State.WRONG), (GIB // 2, State.NOTE), (20 * GIB, State.OK)])
def test_room_on_the_disk(free: int, state: State) -> None:
    assert judge_space("var", free).state is state


@pytest.mark.parametrize(
    ("wall", "file_time", "newest", "stepped", "told"),
    [
        (NOW, NOW, None, 0.0, ""),
        (NOW, None, NOW + 30, 0.0, ""),
        (0.0, 0.0, None, 0.0, "1970-01-01"),
        (5_000_000_000.0, None, None, 0.0, "2128"),
        (NOW, NOW, NOW + 3600, 0.0, "newest message is 3600 s ahead"),
        (NOW, NOW - 90, None, 0.0, "file system differs by -90 s"),
        (NOW, NOW, None, 7.0, "moved by +7.0 s"),
    ],
)
def test_the_clock(wall: float, file_time: float | None, newest: float | None, stepped: float, told: str) -> None:
    found = judge_clock(wall, file_time=file_time, newest=newest, stepped=stepped)
    assert found.state is (State.WRONG if told else State.OK)
    assert told in found.found


def test_a_link_that_is_down_is_wrong_and_says_why() -> None:
    link = {"id": "c", "up": False, "links": [{"last_error": ""}, {"last_error": "RBINDFAIL"}]}
    assert "RBINDFAIL" in judge_link(link).found
    assert judge_link(link).state is State.WRONG
    assert judge_link({**link, "up": True}).state is State.OK


def test_variables_that_are_not_ours_are_nobody_s_business() -> None:
    assert look_at_variables({"PATH": os.defpath, "HELIOGRAPH_PORT": "1", "HELIOGRAPH_API_KEY": "x"}).state is State.OK
