"""The service as botocore describes it: its operations, the shapes of what goes in and out, its errors."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import botocore.loaders
from botocore.model import ServiceModel

if TYPE_CHECKING:
    from botocore.model import OperationModel

SERVICE = "pinpoint-sms-voice-v2"


@cache
def service() -> ServiceModel:
    """The newest version of the model that the installed botocore has."""
    found = botocore.loaders.create_loader().load_service_model(SERVICE, "service-2")
    return ServiceModel(found, service_name=SERVICE)


@cache
def operations() -> frozenset[str]:
    return frozenset(service().operation_names)


@cache
def operation(name: str) -> OperationModel:
    """The operation of that name. Raises KeyError when the service has none."""
    if name not in operations():
        raise KeyError(name)
    return service().operation_model(name)
