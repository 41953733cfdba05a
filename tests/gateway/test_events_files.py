from __future__ import annotations

from typing import NamedTuple

import orjson
import pytest

from gateway.errors import Invalid
from gateway.events.destinations import Destination
from gateway.events.files import FileSender, check_path


class Row(NamedTuple):
    seq: int
    subject_id: str = "m"
    data: str = '{"type":"message.delivered"}'


def sender(folder, target="events.jsonl"):
    return FileSender(Destination("d", "main", "file", target, None, (), 1), folder)


async def test_each_event_is_a_line(tmp_path):
    out = sender(tmp_path)
    assert (await out.send([Row(1), Row(2)], 0)).ok
    assert (await out.send([Row(3)], 0)).ok
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert [orjson.loads(line)["seq"] for line in lines] == [1, 2, 3]


async def test_half_a_line_left_by_a_crash_does_not_swallow_the_next(tmp_path):
    (tmp_path / "events.jsonl").write_text('{"id":"evt_1","se')
    assert (await sender(tmp_path).send([Row(1)], 0)).ok
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert lines[0] == '{"id":"evt_1","se'
    assert orjson.loads(lines[1])["seq"] == 1


async def test_a_file_that_was_rotated_away_is_begun_again(tmp_path):
    out = sender(tmp_path, "deep/er/events.jsonl")
    assert (await out.send([Row(1)], 0)).ok
    (tmp_path / "deep/er/events.jsonl").rename(tmp_path / "old")
    assert (await out.send([Row(2)], 0)).ok
    assert orjson.loads((tmp_path / "deep/er/events.jsonl").read_text())["seq"] == 2


async def test_a_file_that_cannot_be_written_is_a_failure_and_no_crash(tmp_path):
    (tmp_path / "events.jsonl").mkdir()
    outcome = await sender(tmp_path).send([Row(1)], 0)
    assert not outcome.ok
    assert outcome.error == "The file cannot be written: Is a directory."


@pytest.mark.parametrize("target", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "link/x", "a\x00b"])
async def test_no_path_leads_out_of_the_folder(tmp_path, target):
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid) as caught:
        check_path(target, folder)
    assert caught.value.field == "path"
    assert not (await sender(folder, target).send([Row(1)], 0)).ok
    assert list(tmp_path.iterdir()) == [folder]


def test_an_absolute_path_inside_the_folder_is_fine(tmp_path):
    assert check_path(str(tmp_path / "a.jsonl"), tmp_path) == tmp_path / "a.jsonl"
