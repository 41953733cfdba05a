from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.support.cli import Heliograph

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "+12065550142"


def _phones(heliograph: Heliograph, *words: str) -> list[str]:
    return [one["phone"] for one in heliograph.json("opt-outs", "list", *words)["items"]]


def test_an_opt_out_is_added_found_and_lifted_and_all_of_it_is_on_record(heliograph: Heliograph) -> None:
    assert "is opted out on Default" in heliograph.run("opt-outs", "add", "+1 206 555 0142", "--reason", "by phone")
    assert "was already" in heliograph.run("opt-outs", "add", NUMBER)
    assert _phones(heliograph, "(206) 555-0142") == [NUMBER]
    assert NUMBER in heliograph.run("opt-outs", "list")
    assert heliograph.json("opt-outs", "lift", NUMBER, "--reason", "asked to be texted again")["phone"] == NUMBER
    assert _phones(heliograph) == []
    acts = heliograph.json("opt-outs", "history", NUMBER)["items"]
    assert [(one["action"], one["reason"], one["how"]) for one in acts] == [
        ("OPT_OUT", "by phone", "command line"),
        ("OPT_OUT", "", "command line"),
        ("OPT_IN", "asked to be texted again", "command line"),
    ]
    assert all(one["actor"].startswith("cli:") for one in acts)
    assert "asked to be texted again" in heliograph.run("opt-outs", "history", NUMBER)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "206 555 0142"), "phone: The number has no country code"),
        (("add", NUMBER, "--list", "Nobody"), "list: There is no such opt out list."),
        (("lift", NUMBER, "--reason", "asked"), "phone: The number is not on that opt-out list."),
        (("lift", NUMBER, "--reason", " "), "reason is empty."),
        (("history", "nobody"), "phone: The number has letters in it."),
        (("list", "--after", "nothing"), "after is no cursor of ours."),
        (("import", "/nowhere.csv"), "/nowhere.csv: No such file or directory."),
        (("export", "/nowhere/out.csv"), "/nowhere/.out.csv.part: No such file or directory."),
    ],
)
def test_what_is_wrong_is_told_in_one_sentence(heliograph: Heliograph, words: tuple[str, ...], told: str) -> None:
    assert told in heliograph.fails("opt-outs", *words)


def test_lifting_needs_a_reason(heliograph: Heliograph) -> None:
    heliograph.run("opt-outs", "lift", NUMBER, code=2)


def test_a_list_goes_on_behind_its_cursor(heliograph: Heliograph) -> None:
    for last in (1, 2, 3):
        heliograph.run("opt-outs", "add", f"+1206555014{last}")
    first = heliograph.json("opt-outs", "list", "--limit", "2")
    rest = heliograph.json("opt-outs", "list", "--limit", "2", "--after", first["next"])
    assert [one["phone"][-1] for one in first["items"] + rest["items"]] == ["1", "2", "3"]
    assert rest["next"] == ""
    assert "--after" in heliograph.run("opt-outs", "list", "--limit", "2")


def test_what_is_exported_can_be_imported_elsewhere_and_is_the_same(heliograph: Heliograph, tmp_path: Path) -> None:
    for last in range(3):
        heliograph.run("opt-outs", "add", f"+1206555014{last}")
    file = tmp_path / "out.csv"
    assert heliograph.json("opt-outs", "export", str(file)) == {"file": str(file), "count": 3}
    other = Heliograph(tmp_path / "other")
    other.run("migrate")
    assert other.json("opt-outs", "import", str(file)) == {"added": 3, "already": 0, "rejected": [], "dry_run": False}
    assert other.run("opt-outs", "export") == heliograph.run("opt-outs", "export")
    assert other.json("opt-outs", "import", str(file))["already"] == 3
    assert list(tmp_path.glob(".*.part")) == []


def test_an_export_is_csv_on_stdout_or_json(heliograph: Heliograph) -> None:
    heliograph.run("opt-outs", "add", NUMBER)
    rows = list(csv.DictReader(io.StringIO(heliograph.run("opt-outs", "export"))))
    assert [row["phone"] for row in rows] == [NUMBER]
    assert heliograph.json("opt-outs", "export")["items"] == rows


def test_an_import_adds_what_it_can_and_names_the_lines_it_cannot(heliograph: Heliograph, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("\ufeffPhone, List\n+12065550140,\nnobody,\n+12065550141,Nobody\n+12065550140,Default\n", "utf-8")
    result = heliograph.json("opt-outs", "import", str(file), code=1)
    assert (result["added"], result["already"]) == (1, 1)
    assert [one["line"] for one in result["rejected"]] == [3, 4]
    assert "letters" in result["rejected"][0]["why"]
    assert _phones(heliograph) == ["+12065550140"]


def test_lines_are_counted_right_in_a_file_longer_than_a_chunk(heliograph: Heliograph, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("phone\n" + "+12065550140\n" * 600 + "nobody\n")
    result = heliograph.json("opt-outs", "import", str(file), code=1)
    assert (result["added"], result["already"]) == (1, 599)
    assert [one["line"] for one in result["rejected"]] == [602]


def test_a_dry_run_counts_and_adds_nobody(heliograph: Heliograph) -> None:
    said = heliograph.run("opt-outs", "import", "-", "--dry-run", stdin=f"phone\n{NUMBER}\n{NUMBER}\n")
    assert said == "1 would be added, 1 there already, 0 not readable.\n"
    assert _phones(heliograph) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names no column phone"),
        (b"number\n+12065550142\n", "names no column phone"),
        (b"phone\n\xff\xfe\n", "cannot be read as CSV"),
    ],
)
def test_a_file_that_is_no_list_is_refused_whole(
    heliograph: Heliograph, tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(content)
    assert told in heliograph.fails("opt-outs", "import", str(file))
