"""Our reading of Signature Version 4 against botocore's own signer: what it signs is taken, and not one octet else."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from multidict import CIMultiDict

from gateway.api.aws.sigv4 import SKEW, Claim, Signable, SignatureError, read, verify

KEY_ID, SECRET = "AKIAEXAMPLEEXAMPLE22", "not-a-secret-of-anybody-0123456789abcdef"
SERVICE, REGION = "sms-voice", "us-east-1"
AWKWARD = " !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~äß→😀"


@dataclass
class Sent:
    """A request as it goes over the wire."""

    method: str
    target: str
    headers: CIMultiDict[str]
    octets: bytes

    @property
    def signable(self) -> Signable:
        return Signable(self.method, self.target, self.headers, self.octets)


def text(rng: random.Random, longest: int) -> str:
    return "".join(rng.choice(string.ascii_letters + string.digits + AWKWARD) for _ in range(rng.randint(0, longest)))


def unsigned(rng: random.Random) -> AWSRequest:
    """Anything that a client might send to this server."""
    path = "/" + "/".join(
        rng.choice(["v1", "apps", "a%20b", "%E2%86%92", "..", ".", "", "x~y"]) for _ in range(rng.randint(0, 4))
    )
    params = {text(rng, 8) or "a": text(rng, 12) for _ in range(rng.randint(0, 4))}
    headers = {"X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage", "Content-Type": "application/x-amz-json-1.0"}
    if rng.random() < 0.5:
        headers["X-Custom"] = "  two   spaces  " + rng.choice(["", "and more "])
    body = rng.randbytes(rng.randint(0, 60))
    return AWSRequest(rng.choice(["GET", "POST"]), f"http://127.0.0.1:8080{path}", headers, body, params)


def signed(request: AWSRequest, signer: SigV4Auth) -> Sent:
    signer.add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = CIMultiDict(
        (name, value if isinstance(value, str) else value.decode()) for name, value in prepared.headers.items()
    )
    headers.setdefault("Host", parts.netloc)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    octets = prepared.body or b""
    return Sent(prepared.method, target or "/", headers, octets if isinstance(octets, bytes) else octets.encode())


def by_header(request: AWSRequest, secret: str = SECRET) -> Sent:
    return signed(request, SigV4Auth(Credentials(KEY_ID, secret), SERVICE, REGION))


def by_query(request: AWSRequest, life: int = 60) -> Sent:
    request.data = b""  # botocore would put a body of JSON into the query
    return signed(request, SigV4QueryAuth(Credentials(KEY_ID, SECRET), SERVICE, REGION, expires=life))


def check(sent: Sent, *, now: datetime | None = None, secret: str = SECRET, service: str = SERVICE) -> Claim:
    claim = read(sent.signable)
    verify(claim, sent.signable, secret, service, now or datetime.now(UTC))
    return claim


def refusal(sent: Sent, **more: object) -> str:
    with pytest.raises(SignatureError) as caught:
        check(sent, **more)  # type: ignore[arg-type]
    return caught.value.name


@pytest.mark.parametrize("by", [by_header, by_query])
def test_what_botocore_signs_is_taken(by):
    rng = random.Random(20261123)
    for _ in range(2000):
        claim = check(by(unsigned(rng)))
        assert (claim.key_id, claim.region, claim.service) == (KEY_ID, REGION, SERVICE)


@pytest.mark.parametrize("by", [by_header, by_query])
def test_one_octet_changed_is_refused(by):
    rng = random.Random(4)
    for _ in range(1000):
        sent = by(unsigned(rng))
        for change in (change_signature, change_body, change_query, change_header, change_method):
            found = refusal(change(sent, rng))
            assert found in {"InvalidSignatureException", "IncompleteSignatureException"}, change


def changed(sent: Sent, name: str, value: str) -> CIMultiDict[str]:
    headers = CIMultiDict(sent.headers)
    headers[name] = value
    return headers


def change_signature(sent: Sent, rng: random.Random) -> Sent:
    """One of the 64 digits."""
    holder = "Authorization" if "Authorization" in sent.headers else ""
    written = sent.headers[holder] if holder else sent.target
    at = written.index("Signature=", written.index("SignedHeaders")) + len("Signature=") + rng.randrange(64)
    other = "0" if written[at] != "0" else "1"
    written = written[:at] + other + written[at + 1 :]
    if holder:
        return replace(sent, headers=changed(sent, holder, written))
    return replace(sent, target=written)


def change_body(sent: Sent, rng: random.Random) -> Sent:
    octets = bytearray(sent.octets)
    if not octets or rng.random() < 0.2:
        return replace(sent, octets=bytes(octets) + b"x")
    octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    return replace(sent, octets=bytes(octets))


def change_query(sent: Sent, rng: random.Random) -> Sent:
    more = "&" if "?" in sent.target else "?"
    return replace(sent, target=f"{sent.target}{more}zzz={rng.randrange(100)}")


def change_header(sent: Sent, rng: random.Random) -> Sent:
    name = rng.choice(["Host", "X-Amz-Target"])
    return replace(sent, headers=changed(sent, name, sent.headers[name] + "x"))


def change_method(sent: Sent, _rng: random.Random) -> Sent:
    return replace(sent, method="PUT")


PLAIN = AWSRequest("POST", "http://127.0.0.1:8080/", {"X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage"}, b"{}")


def plain() -> AWSRequest:
    return AWSRequest(PLAIN.method, PLAIN.url, dict(PLAIN.headers), PLAIN.data)


@pytest.mark.parametrize(
    ("late", "taken"),
    [
        (timedelta(0), True), (SKEW - timedelta(seconds=2), True), (SKEW + timedelta(seconds=2), False),
        (timedelta(seconds=2) - SKEW, True), (-SKEW - timedelta(seconds=2), False),
    ],
)  # fmt: skip
def test_a_clock_may_be_a_quarter_of_an_hour_off(late, taken):
    sent, now = by_header(plain()), datetime.now(UTC)
    if taken:
        check(sent, now=now + late)
    else:
        assert refusal(sent, now=now + late) == "InvalidSignatureException"


@pytest.mark.parametrize(("late", "taken"), [(58, True), (62, False), (20 * 60, False)])
def test_a_query_signature_is_good_for_as_long_as_it_says(late, taken):
    sent, now = by_query(plain()), datetime.now(UTC) + timedelta(seconds=late)
    if taken:
        check(sent, now=now)
    else:
        assert refusal(sent, now=now) == "InvalidSignatureException"


def test_a_query_signature_may_outlive_the_skew():
    check(by_query(plain(), life=3600), now=datetime.now(UTC) + timedelta(minutes=59))


@pytest.mark.parametrize("life", [0, -1, 604_801, 10**12])
def test_a_query_signature_lives_a_week_at_most(life):
    assert refusal(by_query(plain(), life=life)) == "IncompleteSignatureException"


def test_another_secret_or_service_is_refused():
    assert refusal(by_header(plain()), secret="other") == "InvalidSignatureException"
    assert refusal(by_header(plain()), service="sns") == "InvalidSignatureException"
    assert refusal(by_query(plain()), service="sns") == "InvalidSignatureException"


def resigned(signed_headers: str, **headers: str) -> Sent:
    """Signed, by the rules, over these headers only."""
    request = plain()
    for name, value in headers.items():
        request.headers[name] = value
    wanted = set(signed_headers.split(";"))

    class Signer(SigV4Auth):
        def headers_to_sign(self, request):
            found = super().headers_to_sign(request)
            for name in [name for name in found if name not in wanted]:
                del found[name]
            return found

    return signed(request, Signer(Credentials(KEY_ID, SECRET), SERVICE, REGION))


def test_what_a_request_does_must_be_signed():
    check(resigned("host;x-amz-target;x-amz-date"))
    check(resigned("host;x-amz-target"))
    assert refusal(resigned("host;x-amz-date")) == "InvalidSignatureException"
    assert refusal(resigned("x-amz-date;x-amz-target")) == "InvalidSignatureException"


def test_a_session_token_is_ignored_unless_it_is_signed():
    sent = by_header(plain())
    sent.headers["X-Amz-Security-Token"] = "whatever"
    check(sent)
    sent = resigned("host;x-amz-target;x-amz-security-token", **{"X-Amz-Security-Token": "one"})
    check(sent)
    sent.headers["X-Amz-Security-Token"] = "two"
    assert refusal(sent) == "InvalidSignatureException"


GOOD = "Credential=A/20261123/us-east-1/sms-voice/aws4_request, SignedHeaders=host, Signature=00"


@pytest.mark.parametrize(
    ("authorization", "name"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Bearer hg_x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace('Credential', 'Credentials')}", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace('SignedHeaders=host', 'SignedHeaders=')}", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace(', Signature=00', '')}", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace('/sms-voice', '')}", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD.replace('aws4_request', 'aws5_request')}", "IncompleteSignatureException"),
        (f"AWS4-ECDSA-P256-SHA256 {GOOD}", "IncompleteSignatureException"),
        (f"AWS4-HMAC-SHA256 {GOOD}é\udcff", "InvalidSignatureException"),
    ],
)
def test_each_way_to_be_wrong_has_its_name(authorization, name):
    headers = CIMultiDict({"Host": "a", "X-Amz-Date": "20261123T120000Z"})
    if authorization:
        headers["Authorization"] = authorization
    assert refusal(Sent("POST", "/", headers, b"{}"), now=datetime(2026, 11, 23, 12, tzinfo=UTC)) == name


@pytest.mark.parametrize("at", ["", "yesterday", "2026-11-23T12:00:00Z", "20261123T250000Z"])
def test_a_date_that_is_none_is_incomplete(at):
    headers = CIMultiDict({"Host": "a", "X-Amz-Date": at, "Authorization": f"AWS4-HMAC-SHA256 {GOOD}"})
    found = refusal(Sent("POST", "/", headers, b"{}"), now=datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert found in {"IncompleteSignatureException", "InvalidSignatureException"}


def test_the_day_of_the_scope_is_the_day_of_the_request():
    headers = CIMultiDict({"Host": "a", "X-Amz-Date": "20261124T000000Z", "Authorization": f"AWS4-HMAC-SHA256 {GOOD}"})
    sent = Sent("POST", "/", headers, b"{}")
    with pytest.raises(SignatureError, match="Date in Credential scope"):
        check(sent, now=datetime(2026, 11, 24, tzinfo=UTC))
