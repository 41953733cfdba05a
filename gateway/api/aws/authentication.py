"""Who calls: an access key whose secret signed the request, and whether it may.

Keys are looked up in memory (``gateway.resources.catalog``). A session token is not asked for: our keys have none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.api.aws import sigv4
from gateway.api.aws.arns import Region
from gateway.api.aws.call import Call
from gateway.api.aws.errors import AwsError
from gateway.api.aws.rights import scope_of
from gateway.services import SERVICES
from gateway.store.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from gateway.resources.access_keys import AccessKey
    from gateway.services import Services
    from gateway.store.secrets import Vault

_FORBIDDEN = 403


class Caller(NamedTuple):
    """An authenticated client of the AWS wire."""

    services: Services
    key: AccessKey
    region: Region
    service: str  # the signing name of the one that is called: "sms-voice", "mobiletargeting"

    def require(self, operation: str) -> None:
        """Raises AwsError (AccessDeniedException) when the key may not call the operation."""
        if (scope := scope_of(operation)) not in self.key.scopes:
            raise AwsError(
                "AccessDeniedException", 400,
                Message=f"The access key {self.key.id} is not authorized to perform: {self.service}:{operation} "
                f"because it lacks the scope {scope}.",
            )  # fmt: skip

    def call(self, operation: str, values: Mapping[str, Any], request_id: str) -> Call:
        return Call(operation, values, self.services, self.key.account_id, self.key.id, self.region, request_id)


def authenticate(request: web.Request, octets: bytes, service: str) -> Caller:
    """The caller that the signature of a request to this service, with these octets as its body, proves.

    Raises:
        AwsError: MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException (never
            issued, or revoked), InvalidSignatureException (also: expired, or for another region).
    """
    services = request.app[SERVICES]
    signed = sigv4.Signable(request.method, request.raw_path, request.headers, octets)
    try:
        claim = sigv4.read(signed)
        key = _key(services, claim)
        sigv4.verify(claim, signed, _secret(services.desk.vault, key), service, from_micros(services.now()))
    except sigv4.SignatureError as error:
        raise AwsError(error.name, _FORBIDDEN, Message=str(error)) from None
    return Caller(services, key, _region(claim.region), service)


_region = lru_cache(maxsize=64)(Region)


def _key(services: Services, claim: sigv4.Claim) -> AccessKey:
    if (key := services.desk.catalog.access_key(claim.key_id)) is None:
        raise sigv4.SignatureError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    if claim.region != (services.settings.aws_region or claim.region):
        raise sigv4.SignatureError("InvalidSignatureException", "Credential should be scoped to a valid region.")
    return key


@lru_cache(maxsize=1024)
def _secret(vault: Vault, key: AccessKey) -> str:
    """Opened once for each key: that costs as much as the whole check of a signature."""
    return vault.open("access_keys", key.id, key.sealed).decode()
