from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from gateway.cli.output import clean, plain
from tests.support.cli import Heliograph

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "+12065550100"


def _add_connector(heliograph: Heliograph, name: str = "carrier-1") -> None:
    settings = ("--set", "host=smsc.example.net", "--set", "port=2776", "--set", "system_id=acme")
    heliograph.run("connectors", "add", name, "--kind", "smpp", *settings, "--set", "password=hush-hush")


def test_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert Heliograph(tmp_path).run("--version") == f"heliograph {version('heliograph')}\n"


# --- the database ---


@pytest.mark.parametrize(
    "words",
    [
        ("messages", "list"), ("numbers", "list"), ("senders", "list"), ("pools", "list"), ("routes", "list"),
        ("numbers", "inventory", "list"),
        ("keys", "list"), ("opt-outs", "list"), ("connectors", "list"), ("staff", "list"),
    ],
)  # fmt: skip
def test_without_a_database_each_command_says_how_to_make_one_and_makes_none(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = Heliograph(tmp_path / "nowhere").fails(*words)
    assert "heliograph migrate" in said
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_is_no_database_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "heliograph.db").write_bytes(b"this is a letter, not a database" * 100)
    said = Heliograph(tmp_path).fails("numbers", "list")
    assert said.startswith("Error: HELIOGRAPH_DATA_DIR: The database cannot be opened: file is not a database.")


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("HELIOGRAPH_PORT", "http", "HELIOGRAPH_PORT:"),
        ("HELIOGRAPH_DATABASE_URL", "mysql://x", "HELIOGRAPH_DATABASE_URL:"),
        ("HELIOGRAPH_CONFIG", "/nowhere/heliograph.toml", "HELIOGRAPH_CONFIG:"),
        ("HELIOGRAPH_SECRET_KEY", "short", "HELIOGRAPH_SECRET_KEY"),
    ],
)
def test_a_wrong_setting_is_named(heliograph: Heliograph, setting: str, value: str, told: str) -> None:
    heliograph.env[setting] = value
    assert told in heliograph.fails("numbers", "list")


def test_a_config_file_that_is_not_toml_is_named(heliograph: Heliograph, tmp_path: Path) -> None:
    path = tmp_path / "heliograph.toml"
    path.write_text("port = = 1")
    heliograph.env["HELIOGRAPH_CONFIG"] = str(path)
    assert heliograph.fails("numbers", "list").startswith(f"Error: HELIOGRAPH_CONFIG: {path} is not TOML")


# --- numbers, sender IDs, pools, routes ---


def test_a_number_is_added_listed_and_removed(heliograph: Heliograph) -> None:
    added = heliograph.json("numbers", "add", "+1 (206) 555-0100", "--rate", "10", "--one-way")
    assert (added["sender"], added["kind"], added["country"]) == (NUMBER, "LONG_CODE", "US")
    assert (added["rate"], added["two_way"]) == (10, False)
    assert heliograph.json("numbers", "list") == {"items": [added], "next": ""}
    assert NUMBER in heliograph.run("numbers", "list")
    assert heliograph.run("numbers", "remove", NUMBER) == f"Removed {NUMBER}.\n"
    assert heliograph.run("numbers", "list") == "None.\n"


def test_a_short_code_is_told_by_its_form_and_kinds_may_be_typed_as_people_do(heliograph: Heliograph) -> None:
    assert heliograph.json("numbers", "add", "12345", "--country", "us")["kind"] == "SHORT_CODE"
    assert heliograph.json("numbers", "add", "+18005550100", "--kind", "toll-free")["kind"] == "TOLL_FREE"


def test_the_inventory_is_filled_and_emptied(heliograph: Heliograph) -> None:
    words = ("--kind", "ten-dlc", "--capability", "sms", "--capability", "mms", "--price", "1.15", "--rate", "3")
    added = heliograph.json("numbers", "inventory", "add", "+1 206 555 0170", "+12065550171", *words)
    assert [(one["number"], one["kind"], one["monthly_price"]) for one in added] == [
        ("+12065550170", "TEN_DLC", "1.150000"), ("+12065550171", "TEN_DLC", "1.150000"),
    ]  # fmt: skip
    assert heliograph.json("numbers", "inventory", "list")["items"] == added
    assert "SMS MMS" in heliograph.run("numbers", "inventory", "list")
    assert heliograph.run("numbers", "inventory", "remove", "+1 206 555 0170") == "Removed +12065550170.\n"
    assert heliograph.json("numbers", "inventory", "list")["items"] == added[1:]
    assert "price is not a number" in heliograph.fails("numbers", "inventory", "add", "+12065550172", "--price", "dear")
    assert "12345" in heliograph.run("numbers", "inventory", "add", "12345", "--country", "us")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("numbers", "add", "call me maybe"), "number: A sender ID has 11 characters at most."),
        (("numbers", "add", "+1206"), "The sender is not a phone number"),
        (("numbers", "add", NUMBER, "--kind", "landline"), "kind has an unknown value. Use LONG_CODE"),
        (("numbers", "add", NUMBER, "--country", "XX"), "country is not the ISO 3166 code"),
        (("numbers", "add", NUMBER, "--rate", "0"), "rate is 0"),
        (("numbers", "add", NUMBER, "--list", "Nobody"), "opt_out_list: There is no such opt out list."),
        (("numbers", "remove", NUMBER), "number: There is no such phone number."),
        (("numbers", "remove", "phone-1"), "There is no such phone number."),
        (("senders", "add", "TWELVE-CHARS"), "A sender ID has 11 characters at most."),
        (("senders", "add", NUMBER), "That is a number, not a sender ID."),
        (("senders", "remove", "ACME"), "There is no such sender id."),
        (("pools", "add", "phone-1"), "There is no such phone number."),
        (("pools", "remove", "pool-1"), "There is no such pool."),
        (("routes", "add", "--connector", "nobody"), "connectors: A connector is not there."),
        (("routes", "add", "--connector", "a", "--price", "much"), "price is not a number. Write it as 0.0079."),
        (("routes", "add", "--connector", "a", "--prefix", "44"), "prefix is not a plus and digits."),
        (("routes", "remove", "route-1"), "There is no such route."),
        (("keys", "create", "shop", "--scope", "everything"), "scopes has an unknown value. Use admin, compliance"),
        (("keys", "revoke", "key-1"), "There is no such api key."),
        (("staff", "add", "alice", "--password", "short"), "password has 5 characters. Give 12 to 256."),
        (("staff", "add", "alice", "--password", "long enough for it", "--role", "king"), "role has an unknown value."),
        (("staff", "password", "alice", "--password", "long enough for it"), "There is no such staff."),
        (("staff", "remove", "alice"), "There is no such staff."),
        (("connectors", "add", "Bad Id", "--kind", "smpp"), "id is not 1 to 40 of a-z, 0-9 and hyphens."),
        (("connectors", "add", "a", "--kind", "pigeon"), "kind"),
        (("connectors", "add", "a", "--kind", "smpp", "--set", "host"), "set is not NAME=VALUE."),
        (("connectors", "add", "a", "--kind", "smpp", "--set", "hosts=[1"), "settings.hosts: hosts begins like JSON"),
        (("connectors", "add", "a", "--kind", "smpp", "--set", "host=h", "--set", "system_id=x", "--set", "port=0"), "settings.port"),
        (("connectors", "change", "a", "--set", "port=1"), "There is no such connector."),
        (("connectors", "enable", "a"), "There is no such connector."),
        (("connectors", "remove", "a"), "There is no such connector."),
        (("messages", "show", "1"), "There is no message with this id."),
        (("messages", "list", "--status", "LOST"), "status has an unknown value. Use CANCELLED"),
        (("messages", "list", "--since", "yesterday"), "since is not a time."),
        (("send", "--to", NUMBER, "--body", "x", "--context", "a"), "context is not NAME=VALUE."),
        (("send", "--to", NUMBER, "--body", "x"), "HELIOGRAPH_PORT: The server takes any free port."),
        (("send", "--to", NUMBER, "--body", "x", "--url", "http://127.0.0.1:9"), "No Heliograph answers at http://127.0.0.1:9"),
        (("simulate", "--faults", "/nowhere.yaml"), "/nowhere.yaml: No such file or directory."),
        (("simulate", "--host", "203.0.113.1", "--port", "0"), "--host: 203.0.113.1 is not an address of this machine."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_sentence(heliograph: Heliograph, words: tuple[str, ...], told: str) -> None:
    said = heliograph.fails(*words)
    assert said.startswith("Error: ")
    assert told in said


def test_a_sender_id_is_added_per_country_and_named_with_its_country_when_it_is_ambiguous(
    heliograph: Heliograph,
) -> None:
    heliograph.run("senders", "add", "ACME")
    french = heliograph.json("senders", "add", "ACME", "--country", "FR", "--type", "promotional")
    assert french["message_type"] == "PROMOTIONAL"
    assert "--country" in heliograph.fails("senders", "remove", "acme")
    assert heliograph.json("senders", "remove", "acme", "--country", "fr")["id"] == french["id"]
    assert "all" in heliograph.run("senders", "list")


def test_a_pool_takes_in_and_gives_back(heliograph: Heliograph) -> None:
    first, second = (heliograph.json("numbers", "add", f"+1206555010{last}")["id"] for last in (0, 1))
    pool = heliograph.json("pools", "add", first, "--name", "shop")["id"]
    heliograph.run("pools", "join", pool, second)
    listed = heliograph.json("pools", "list")["items"]
    assert [one["sender"] for one in listed[0]["members"]] == ["+12065550100", "+12065550101"]
    assert "shop" in heliograph.run("pools", "list")
    assert "The number is in a pool." in heliograph.fails("numbers", "remove", first)
    assert heliograph.json("numbers", "list", "--pool", pool)["items"][0]["pool_ids"] == [pool]
    heliograph.run("pools", "leave", pool, second)
    assert "cannot leave" in heliograph.fails("pools", "leave", pool, first)
    assert heliograph.json("pools", "remove", pool)["name"] == "shop"
    assert heliograph.json("pools", "list")["items"] == []


def test_a_route_is_added_listed_and_removed(heliograph: Heliograph) -> None:
    _add_connector(heliograph)
    words = ("--country", "GB", "--prefix", "+4479", "--price", "0.0079", "--type", "promotional")
    added = heliograph.json("routes", "add", "--connector", "carrier-1", *words)
    assert (added["connectors"], added["price"]) == (["carrier-1"], "0.007900")
    assert "carrier-1" in heliograph.run("routes", "list")
    assert f"The route {added['id']} names it." in heliograph.fails("connectors", "remove", "carrier-1")
    heliograph.run("routes", "remove", added["id"])
    assert heliograph.json("routes", "list")["items"] == []


# --- keys, staff, connectors ---


def test_the_secret_of_a_key_is_shown_once_and_alone_on_stdout(heliograph: Heliograph) -> None:
    secret = heliograph.run("keys", "create", "shop", "--scope", "send", "--scope", "read").strip()
    assert secret.startswith("hg_")
    listed = heliograph.json("keys", "list")
    assert secret not in str(listed)
    assert listed["items"][0]["scopes"] == ["read", "send"]
    revoked = heliograph.json("keys", "revoke", listed["items"][0]["id"])
    assert revoked["revoked_at"].endswith("Z")
    made = heliograph.json("keys", "create", "till", "--scope", "send")
    assert made["secret"].startswith(made["prefix"])


def test_an_access_key_is_printed_as_aws_clients_read_it(heliograph: Heliograph) -> None:
    key, secret = heliograph.run("keys", "create", "shop", "--aws").split()
    key_id = key.removeprefix("AWS_ACCESS_KEY_ID=")
    assert (len(key_id), key_id[:4]) == (20, "AKIA")
    assert len(secret.removeprefix("AWS_SECRET_ACCESS_KEY=")) == 40
    made = heliograph.json("keys", "create", "till", "--aws", "--scope", "send")
    assert (made["scopes"], len(made["secret"]), "sealed" in made) == (["send"], 40, False)
    heliograph.run("keys", "create", "plain", "--scope", "send")
    listed = {one["name"]: one for one in heliograph.json("keys", "list")["items"]}
    assert set(listed) == {"shop", "till", "plain"}
    assert listed["shop"]["scopes"] == ["admin", "compliance", "read", "send"]
    assert "secret" not in str(listed)
    assert heliograph.json("keys", "revoke", key_id)["revoked_at"].endswith("Z")
    assert "There is no such access key." in heliograph.fails("keys", "revoke", "AKIA2222222222222222")
    assert "A key needs a scope." in heliograph.fails("keys", "create", "none")


def test_staff_are_added_given_another_password_and_removed(heliograph: Heliograph) -> None:
    password = "correct horse battery"
    added = heliograph.json("staff", "add", "Alice", "--role", "compliance", "--password", password)
    assert (added["name"], added["role"], added["locked_until"]) == ("alice", "compliance", None)
    assert "alice has a new password" in heliograph.run("staff", "password", "ALICE", "--password", password)
    assert "alice" in heliograph.run("staff", "list")
    heliograph.run("staff", "remove", "alice")
    assert heliograph.json("staff", "list")["items"] == []


def test_a_password_is_asked_for_and_never_printed(heliograph: Heliograph) -> None:
    typed = "correct horse battery"
    said = heliograph.run("staff", "add", "bob", "--json", stdin=f"{typed}\n{typed}\n")
    assert json.loads(said)["name"] == "bob"
    assert typed not in said


def test_a_connector_keeps_its_secret_and_is_changed_switched_and_removed(heliograph: Heliograph) -> None:
    _add_connector(heliograph)
    listed = heliograph.json("connectors", "list")["items"][0]
    assert listed["settings"] == {"host": "smsc.example.net", "port": 2776, "system_id": "acme"}
    assert (listed["secrets"], listed["enabled"], listed["live"]) == (["password"], True, None)
    assert "not known" in heliograph.run("connectors", "list")
    changed = heliograph.json("connectors", "change", "carrier-1", "--set", "window=50")
    assert changed["settings"] == {**listed["settings"], "window": 50}
    assert changed["secrets"] == ["password"]
    assert heliograph.json("connectors", "disable", "carrier-1")["enabled"] is False
    assert heliograph.json("connectors", "enable", "carrier-1")["enabled"] is True
    assert heliograph.run("connectors", "remove", "carrier-1") == "Removed the connector carrier-1.\n"


def test_a_secret_setting_is_asked_for(heliograph: Heliograph) -> None:
    words = ("--set", "host=smsc.example.net", "--set", "system_id=acme", "--ask", "password")
    said = heliograph.run("connectors", "add", "c", "--kind", "smpp", *words, "--json", stdin="hush\n")
    assert '"password"' in said
    assert "hush" not in said


def test_an_unanswering_server_does_not_keep_connectors_from_being_listed(heliograph: Heliograph) -> None:
    _add_connector(heliograph)
    found = heliograph.json("connectors", "list", "--url", "http://127.0.0.1:9")
    assert found["items"][0]["live"] is None


# --- what is printed ---


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain\ntext", "plain\ntext"),
        ("\x1b[2Jgone", "\\u001b[2Jgone"),
        ("a\x07\x9b", "a\\u0007\\u009b"),
        ("é🎉", "é🎉"),
    ],
)
def test_what_strangers_wrote_cannot_drive_a_terminal(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_times_are_told_as_times_and_sets_in_order() -> None:
    value = {"created_at": 1_790_000_000_000_000, "revoked_at": 0, "scopes": frozenset({"b", "a"}), "count": 5}
    shown = {"created_at": "2026-09-21T14:13:20.000000Z", "revoked_at": None, "scopes": ["a", "b"], "count": 5}
    assert plain(value) == shown
