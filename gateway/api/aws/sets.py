"""ConfigurationSetName, as every send takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import not_found
from gateway.resources.configuration_sets import ConfigurationSet

if TYPE_CHECKING:
    from gateway.api.aws.call import Call

_NO_SET = ConfigurationSet("", "")


def configuration_set_of(call: Call) -> ConfigurationSet:
    """The one that the request names; one without rules when it names none. Raises AwsError when there is no such."""
    written = call.input.get("ConfigurationSetName")
    if written is None:
        return _NO_SET
    name = id_of(written, "configuration-set", "ConfigurationSetName")
    if (found := call.desk.catalog.configuration_set(call.account_id, name)) is None:
        raise not_found("configuration-set", name)
    return found
