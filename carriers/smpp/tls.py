"""TLS towards the SMSC, as the settings ask for it."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from carriers.errors import SettingsError

if TYPE_CHECKING:
    from carriers.smpp.settings import SmppSettings


def context(settings: SmppSettings) -> ssl.SSLContext | None:
    """The client's context; None when the settings do not ask for TLS.

    Raises:
        SettingsError: A file cannot be read; names the setting.
    """
    if not settings.tls:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    _trust(made, settings)
    _identify(made, settings)
    return made


def _trust(made: ssl.SSLContext, settings: SmppSettings) -> None:
    made.check_hostname = settings.tls_verify and settings.tls_check_host_name
    if not settings.tls_verify:
        made.verify_mode = ssl.CERT_NONE  # the settings allow this with tls_pin alone
        return
    try:
        if settings.tls_ca_file:
            made.load_verify_locations(settings.tls_ca_file)
        else:
            made.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise SettingsError("tls_ca_file", f"cannot be used: {error}") from error


def _identify(made: ssl.SSLContext, settings: SmppSettings) -> None:
    if not settings.tls_client_cert:
        return
    try:
        made.load_cert_chain(settings.tls_client_cert, settings.tls_client_key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError("tls_client_cert", f"cannot be used: {error}") from error


def spki_pin(certificate: bytes) -> str:
    """Base64 of SHA-256 over the SubjectPublicKeyInfo of a certificate in DER (as in RFC 7469 section 2.4)."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    octets = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()
