"""The two services as botocore describes them: their operations, and where a request has the members of an input.

(https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html)
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.loaders
from botocore.model import ServiceModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel, Shape

_VERSIONS = {"pinpoint": "2016-12-01", "pinpoint-sms-voice": "2018-09-05"}


@cache
def operations() -> tuple[OperationModel, ...]:
    """Every operation of both services; no two have the same name."""
    return tuple(service.operation_model(name) for service in _services() for name in service.operation_names)


def _services() -> list[ServiceModel]:
    loader = botocore.loaders.create_loader()
    return [
        ServiceModel(loader.load_service_model(name, "service-2", version), service_name=name)
        for name, version in _VERSIONS.items()
    ]


def path_of(operation: OperationModel) -> str:
    """Its path as aiohttp takes it: "/v1/apps/{application_id}/messages"."""
    return re.sub(r"\{[^}]*\}", lambda variable: _variable(variable[0]), operation.http["requestUri"])


def gathered(
    operation: OperationModel, path: Mapping[str, str], query: Mapping[str, str], body: Mapping[str, Any]
) -> dict[str, Any]:
    """The members of the input, each from where the model puts it.

    Those of path and query stay texts, which is what all operations that are offered have there.
    """
    payload = payload_of(operation.input_shape)
    found: dict[str, Any] = {payload: body} if payload else dict(body)
    for name, member in operation.input_shape.members.items():
        key = member.serialization.get("name", name)
        if member.serialization.get("location") == "uri":
            found[name] = path[_variable(key)]
        elif member.serialization.get("location") == "querystring":
            found[name] = query.get(key)
    return found


def payload_of(shape: Shape) -> str:
    """The member that the whole body is; "" where the body has the members."""
    return str(shape.serialization.get("payload", ""))


def _variable(name: str) -> str:
    return name.replace("-", "_")  # aiohttp takes no hyphens in the names of variables
