"""The folder where processes meet: its name can be known, so somebody else may have made it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.meeting import enter, meeting_place
from gateway.queue import open_queue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return meeting_place("one")


def test_it_is_made_for_this_user_alone(place):
    enter(place)
    enter(place)
    assert [one.stat().st_mode & 0o777 for one in (place, place.parent)] == [0o700, 0o700]


def test_instances_meet_apart(place):
    assert meeting_place("other") != place
    assert meeting_place("other").parent == place.parent


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701])
@pytest.mark.parametrize("which", ["its own", "of all"])
def test_one_that_others_may_enter_is_refused(place, which, mode):
    enter(place)
    (place if which == "its own" else place.parent).chmod(mode)
    with pytest.raises(PermissionError, match="remove it"):
        enter(place)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_one_of_somebody_else_is_refused(place):
    enter(place)
    os.chown(place, 12345, 12345)
    with pytest.raises(PermissionError, match="remove it"):
        enter(place)


def test_a_link_to_a_folder_is_refused(place, tmp_path):
    place.parent.mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="remove it"):
        enter(place)


def test_a_queue_is_not_opened_there(place):
    place.parent.mkdir()
    place.parent.chmod(0o777)
    with pytest.raises(PermissionError, match=str(place.parent)):
        open_queue("memory://", str(uuid4()))
