"""Secrets that must be read back are kept encrypted: AES-256-GCM under the instance's key.

Rule 1: what is sealed is bound to its table and row, so that one row's secret cannot be moved to another row.
Rule 2: the first octet names the form, so that a later form can be told from this one.
Rule 3: a short secret that is only compared is kept as a keyed digest (HMAC-SHA-256, RFC 2104): without the key nobody
can try all there are. That key is made from the instance's, so that no key serves two ways.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import GatewayError, Invalid

if TYPE_CHECKING:
    from gateway.config import Settings

KEY_FILE = "instance.key"
_KEY_OCTETS = 32
_NONCE_OCTETS = 12  # NIST SP 800-38D section 8.2.2: 96 random bits
_FORM = b"\x01"


class SecretUnreadable(GatewayError):  # noqa: N818 -- reads as what it says, as all errors of the gateway
    """What is stored was sealed with another key, or was changed."""

    title = "A stored secret cannot be read"


class Vault:
    """Seals and opens secrets of rows."""

    def __init__(self, key: bytes) -> None:
        """``key`` is 32 octets. Raises ValueError when it is not."""
        if len(key) != _KEY_OCTETS:
            raise ValueError(f"the key has {len(key)} octets; it must have {_KEY_OCTETS}")
        self._cipher = AESGCM(key)
        self._digest_key = hmac.digest(key, b"digest", "sha256")

    @classmethod
    def of(cls, settings: Settings) -> Vault:
        """The vault of this instance; makes ``instance.key`` at the first start when Settings give no key.

        Raises:
            Invalid: the key is not 32 octets of base64; names where it was read.
        """
        if settings.secret_key is not None:
            return cls(_decode(settings.secret_key.get_secret_value(), "HELIOGRAPH_SECRET_KEY"))
        path = settings.data_dir / KEY_FILE
        if not path.exists():
            _make_key(path)
        return cls(_decode(path.read_text(encoding="ascii", errors="replace"), str(path)))

    def seal(self, table: str, row: str, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        return _FORM + nonce + self._cipher.encrypt(nonce, plain, _place(table, row))

    def digest(self, table: str, row: str, plain: bytes) -> str:
        """What is kept of a secret of a row to know it again; hexadecimal."""
        return hmac.digest(self._digest_key, _place(table, row) + b"\0" + plain, "sha256").hex()

    def open(self, table: str, row: str, sealed: bytes) -> bytes:
        """What ``seal`` was given for the same table and row.

        Raises:
            SecretUnreadable: it was sealed with another key or for another row, or was changed.
        """
        start = len(_FORM) + _NONCE_OCTETS
        # Another form than ours opens with no nonce, which the cipher refuses.
        nonce = sealed[len(_FORM) : start] if sealed.startswith(_FORM) else b""
        try:
            return self._cipher.decrypt(nonce, sealed[start:], _place(table, row))
        except (InvalidTag, ValueError) as error:
            raise SecretUnreadable(
                "secret_unreadable",
                f"The secret of {row} in {table} cannot be decrypted with this instance's key.",
                remedy=f"Restore the {KEY_FILE} or HELIOGRAPH_SECRET_KEY it was made with, or set the secret again.",
            ) from error


def new_key() -> str:
    """A fresh key, in the form that Settings and ``instance.key`` take."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_OCTETS)).decode()


def _place(table: str, row: str) -> bytes:
    return f"{table}/{row}".encode()


def _decode(written: str, where: str) -> bytes:
    try:
        key = base64.b64decode(written.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_OCTETS:
        raise Invalid(
            "bad_secret_key",
            f"The key in {where} is not {_KEY_OCTETS} octets in URL-safe base64.",
            field=where,
            remedy="Restore the key from a backup; secrets in the database can be read with no other.",
        )
    return key


def _make_key(path: Path) -> None:
    """Written whole beside its place and then linked there: two processes that start at once agree on one key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{KEY_FILE}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
