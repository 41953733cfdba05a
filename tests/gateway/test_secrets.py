from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from gateway.config import Settings
from gateway.errors import Invalid
from gateway.store.secrets import KEY_FILE, SecretUnreadable, Vault, new_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("plain", [b"", b"x", "pässword".encode(), bytes(range(256)) * 40])
def test_what_is_sealed_opens_again(vault, plain):
    assert vault.open("connectors", "smpp-1", vault.seal("connectors", "smpp-1", plain)) == plain


def test_the_sealed_form_shows_nothing_and_differs_each_time(vault):
    first, second = (vault.seal("connectors", "smpp-1", b"swordfish") for _ in range(2))
    assert first != second
    assert b"swordfish" not in first


@pytest.mark.parametrize(
    ("table", "row"), [("connectors", "smpp-2"), ("event_destinations", "smpp-1"), ("connector", "s/smpp-1")]
)
def test_a_secret_cannot_be_moved_to_another_row(vault, table, row):
    with pytest.raises(SecretUnreadable):
        vault.open(table, row, vault.seal("connectors", "smpp-1", b"swordfish"))


def test_a_digest_is_the_same_for_the_same_and_for_nothing_else(vault):
    digest = vault.digest("codes", "a/b", b"123456")
    assert digest == Vault(bytes(range(32))).digest("codes", "a/b", b"123456")
    others = [
        vault.digest("codes", "a/b", b"123457"),
        vault.digest("codes", "a/c", b"123456"),
        vault.digest("code", "a/b", b"123456"),
        Vault(bytes(32)).digest("codes", "a/b", b"123456"),
    ]
    assert len({digest, *others}) == 5


@pytest.mark.parametrize("at", [0, 1, 12, 13, -1])
def test_a_changed_octet_is_noticed(vault, at):
    sealed = bytearray(vault.seal("connectors", "smpp-1", b"swordfish"))
    sealed[at] ^= 1
    with pytest.raises(SecretUnreadable):
        vault.open("connectors", "smpp-1", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
def test_a_cut_secret_is_unreadable(vault, length):
    with pytest.raises(SecretUnreadable):
        vault.open("connectors", "smpp-1", vault.seal("connectors", "smpp-1", b"swordfish")[:length])


def test_another_key_does_not_open_it_and_the_error_says_what_to_do(vault):
    with pytest.raises(SecretUnreadable) as caught:
        Vault(bytes(32)).open("connectors", "smpp-1", vault.seal("connectors", "smpp-1", b"swordfish"))
    assert caught.value.code == "secret_unreadable"
    assert KEY_FILE in caught.value.remedy
    assert "swordfish" not in str(caught.value)


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path):
    settings = Settings(data_dir=tmp_path / "new")
    sealed = Vault.of(settings).seal("t", "r", b"x")
    assert Vault.of(settings).open("t", "r", sealed) == b"x"
    assert stat.S_IMODE((tmp_path / "new" / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == [KEY_FILE]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.of(settings), range(16)))
    sealed = vaults[0].seal("t", "r", b"x")
    assert {one.open("t", "r", sealed) for one in vaults} == {b"x"}


def test_a_key_of_the_settings_wins_over_the_file(tmp_path: Path):
    given = Settings(data_dir=tmp_path, secret_key=SecretStr(new_key()))
    sealed = Vault.of(given).seal("t", "r", b"x")
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(SecretUnreadable):
        Vault.of(Settings(data_dir=tmp_path)).open("t", "r", sealed)


@pytest.mark.parametrize("written", ["short", "!" * 44, "A" * 40, "A" * 43 + "=AAAA", "é" * 44])
def test_a_bad_key_names_where_it_was_read_and_is_not_repeated(tmp_path: Path, written):
    with pytest.raises(Invalid) as caught:
        Vault.of(Settings(data_dir=tmp_path, secret_key=SecretStr(written)))
    assert caught.value.field == "HELIOGRAPH_SECRET_KEY"
    assert written not in str(caught.value)
    (tmp_path / KEY_FILE).write_text(written, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        Vault.of(Settings(data_dir=tmp_path))
    assert caught.value.field == str(tmp_path / KEY_FILE)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_vault_takes_keys_of_32_octets_only(length):
    with pytest.raises(ValueError, match="32"):
        Vault(bytes(length))
