"""AWS Signature Version 4, the checking side. Pure: no clock and no IO.

Rule 1: a signature is in the header ``Authorization`` or in the query (``X-Amz-Algorithm`` and its fellows).
Rule 2: what says where a request goes and what it does must be signed: ``Host``, and ``X-Amz-Target`` where it is.
Rule 3: a request may be 15 minutes from now; a signature in the query is good from its date for ``X-Amz-Expires``.
Rule 4: the hash of the body is always worked out here; what ``X-Amz-Content-SHA256`` claims is not asked.
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import quote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
_LONGEST_LIFE = 604_800  # seconds: a week
_LIFE = re.compile("[1-9][0-9]{0,5}")
_TIME = "%Y%m%dT%H%M%SZ"
_DAY = 8  # characters of a time that name its day
_HEADER_FIELDS = ("Credential", "SignedHeaders", "Signature")
_QUERY_FIELDS = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires")
_RAW = "surrogateescape"  # octets that are no text stay what they are, as aiohttp gives them
_SCOPE_PARTS = 5  # key id, date, region, service, "aws4_request"


class SignatureError(Exception):
    """Why a signature is not taken: the exception that AWS names, and its sentence."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Headers(Protocol):
    """The headers of a request, whatever the case of their names."""

    def get(self, key: str, default: str) -> str: ...

    def getall(self, key: str, default: list[str]) -> list[str]: ...


class Signable(NamedTuple):
    """What of a request is signed."""

    method: str
    target: str  # path and query, as they came over the wire
    headers: Headers
    octets: bytes


class Claim(NamedTuple):
    """Who says to have signed, and how: not yet believed."""

    key_id: str
    date: str  # "20261123"
    region: str
    service: str
    signed: tuple[str, ...]  # names of headers, in lower case and in order
    signature: str
    at: str  # "20261123T051500Z"
    life: int  # seconds; 0 for a signature in the header


def read(request: Signable) -> Claim:
    """The claim that a request makes.

    Raises:
        SignatureError: it makes none (``MissingAuthenticationTokenException``), or not a whole one
            (``IncompleteSignatureException``).
    """
    written = request.headers.get("Authorization", "")
    if written.startswith(ALGORITHM):
        return _of_header(written, request.headers.get("X-Amz-Date", ""))
    query = dict(_pairs(request.target))
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        return _of_query(query)
    if written or "X-Amz-Algorithm" in query:
        raise _incomplete(f"Unsupported signature; this service takes {ALGORITHM}.")
    raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")


def verify(claim: Claim, request: Signable, secret: str, service: str, now: datetime) -> None:
    """Believe the claim. ``now`` is aware.

    Raises:
        SignatureError: ``InvalidSignatureException``: it is for another service, too old or not yet good, or not made
            with this secret for this very request.
    """
    if claim.service != service:
        raise _wrong(f"Credential should be scoped to correct service: '{service}'.")
    if claim.at[:_DAY] != claim.date:
        raise _wrong("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
    _check_time(claim, now)
    _check_signed(claim, request)
    expected = _signature(claim, request, secret)
    if not hmac.compare_digest(expected, claim.signature.encode("utf-8", _RAW)):
        raise _wrong(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )


def canonical_request(claim: Claim, request: Signable) -> str:
    """The text that both sides work the signature out of."""
    path, _, _ = request.target.partition("?")
    pairs = sorted(
        (_encoded(name), _encoded(value)) for name, value in _pairs(request.target) if name != "X-Amz-Signature"
    )
    return "\n".join((
        request.method,
        _canonical_path(path),
        "&".join(f"{name}={value}" for name, value in pairs),
        *(f"{name}:{_canonical_value(request.headers, name)}" for name in claim.signed),
        "",
        ";".join(claim.signed),
        hashlib.sha256(request.octets).hexdigest(),
    ))  # fmt: skip


def _of_header(written: str, at: str) -> Claim:
    fields: dict[str, str] = {}
    for one in written.removeprefix(ALGORITHM).split(","):
        name, _, value = one.strip().partition("=")
        fields[name] = value
    _require(fields, _HEADER_FIELDS, "Authorization header")
    if not at:
        raise _incomplete("Authorization header requires existence of the 'X-Amz-Date' header.")
    return _claim(fields["Credential"], fields["SignedHeaders"], fields["Signature"], at, 0)


def _of_query(query: Mapping[str, str]) -> Claim:
    _require(query, _QUERY_FIELDS, "AWS query-string parameters")
    life = query["X-Amz-Expires"]
    if not _LIFE.fullmatch(life) or int(life) > _LONGEST_LIFE:
        raise _incomplete("X-Amz-Expires must be a whole number of seconds, a week at most.")
    credential, names, signature, at, _ = (query[name] for name in _QUERY_FIELDS)
    return _claim(credential, names, signature, at, int(life))


def _claim(credential: str, names: str, signature: str, at: str, life: int) -> Claim:
    parts = credential.split("/")
    if len(parts) != _SCOPE_PARTS or parts[-1] != "aws4_request":
        raise _incomplete("Credential must have exactly 5 slash-delimited elements and end in aws4_request.")
    key_id, date, region, service, _ = parts
    return Claim(key_id, date, region, service, tuple(names.lower().split(";")), signature, at, life)


def _require(found: Mapping[str, str], wanted: tuple[str, ...], where: str) -> None:
    if missing := [name for name in wanted if not found.get(name)]:
        raise _incomplete(" ".join(f"{where} requires '{name}' parameter." for name in missing))


def _check_time(claim: Claim, now: datetime) -> None:
    begins = _moment(claim.at)
    ends = begins + (timedelta(seconds=claim.life) if claim.life else SKEW)
    if now > ends:
        raise _wrong(f"Signature expired: {ends:{_TIME}} is now earlier than {now:{_TIME}}")
    if begins > now + SKEW:
        raise _wrong(f"Signature not yet current: {claim.at} is still later than {now + SKEW:{_TIME}}")


@lru_cache(maxsize=64)
def _moment(at: str) -> datetime:
    try:
        return datetime.strptime(at, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete("The date must be in ISO 8601 basic form: YYYYMMDD'T'HHMMSS'Z'.") from None


def _check_signed(claim: Claim, request: Signable) -> None:
    for name in ("host", "x-amz-target"):
        if name not in claim.signed and request.headers.get(name, ""):
            raise _wrong(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")


def _signature(claim: Claim, request: Signable, secret: str) -> bytes:
    digest = hashlib.sha256(canonical_request(claim, request).encode("utf-8", _RAW)).hexdigest()
    scope = f"{claim.date}/{claim.region}/{claim.service}/aws4_request"
    text = f"{ALGORITHM}\n{claim.at}\n{scope}\n{digest}"
    key = _signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, text.encode("utf-8", _RAW), "sha256").hex().encode()


@lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """It is the same for a day, and costs four times what a signature does."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8", _RAW), "sha256")
    return key


def _canonical_path(path: str) -> str:
    """Without ".", ".." and doubled slashes, and encoded once more than it was sent."""
    if path in {"", "/"}:
        return "/"
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    if path.endswith("/") and cleaned != "/":
        cleaned += "/"
    return quote(cleaned, safe="/", errors=_RAW)


def _canonical_value(headers: Headers, name: str) -> str:
    return ",".join([" ".join(value.split()) for value in headers.getall(name, [])])


def _pairs(target: str) -> list[tuple[str, str]]:
    """Names and values of the query, decoded; a plus is a space, as botocore writes parameters."""
    _, _, query = target.partition("?")
    found = [pair.partition("=") for pair in query.split("&") if pair]
    return [(_decoded(name), _decoded(value)) for name, _, value in found]


def _decoded(text: str) -> str:
    return unquote_plus(text, errors=_RAW)


def _encoded(text: str) -> str:
    return quote(text, safe="", errors=_RAW)


def _incomplete(message: str) -> SignatureError:
    return SignatureError("IncompleteSignatureException", message)


def _wrong(message: str) -> SignatureError:
    return SignatureError("InvalidSignatureException", message)
