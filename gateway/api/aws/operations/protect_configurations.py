"""Protect configurations: their country rules, their overrides of single numbers, and where they count."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about, invalid
from gateway.api.aws.lists import asked, filtered, page, yes
from gateway.api.aws.phones import e164
from gateway.resources import protect_configurations
from gateway.store.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.protect_configurations import NumberOverride, ProtectConfiguration

_KIND = protect_configurations.KIND
_FIELD = "ProtectConfigurationId"
_FILTERS: Mapping[str, Callable[[ProtectConfiguration], Iterable[str]]] = {
    "account-default": lambda one: yes(one.account_default),
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
}
# Filter of overrides -> whether an override matches one of its values.
_MATCHES: Mapping[str, Callable[[NumberOverride, str], bool]] = {
    "iso-country-code": lambda one, value: one.country == value,
    "destination-phone-number-begins-with": lambda one, value: one.phone.startswith(e164(value)),
    "action": lambda one, value: one.action == value,
    "expires-before": lambda one, value: one.expires_at is not None and one.expires_at < _moment(value),
    "expires-after": lambda one, value: one.expires_at is not None and one.expires_at > _moment(value),
    "created-before": lambda one, value: one.created_at < _moment(value),
    "created-after": lambda one, value: one.created_at > _moment(value),
}


async def create_protect_configuration(call: Call) -> Mapping[str, Any]:
    tags = tagging.tags_of(call)
    made = await protect_configurations.create(
        call.desk, account_id=call.account_id, now=call.now(), tagged=tags,
        deletion_protection=call.input.get("DeletionProtectionEnabled", False),
    )  # fmt: skip
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_protect_configurations(call: Call) -> Mapping[str, Any]:
    known = {one.id: one for one in await protect_configurations.find(call.desk, account_id=call.account_id)}
    found = filtered(call, asked(call, "ProtectConfigurationIds", _KIND, known), _FILTERS)
    return page(call, "ProtectConfigurations", found, lambda one: one.id, lambda one: _shown(call, one))


async def update_protect_configuration(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        changed = await protect_configurations.update(
            call.desk, account_id=call.account_id, configuration_id=_id(call),
            deletion_protection=call.input.get("DeletionProtectionEnabled"),
        )  # fmt: skip
    return _shown(call, changed)


async def delete_protect_configuration(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await protect_configurations.delete(call.desk, account_id=call.account_id, configuration_id=_id(call))
    return _shown(call, gone)


async def associate_protect_configuration(call: Call) -> Mapping[str, Any]:
    return await _of_set(call, protect_configurations.associate)


async def disassociate_protect_configuration(call: Call) -> Mapping[str, Any]:
    return await _of_set(call, protect_configurations.disassociate)


async def set_account_default_protect_configuration(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        found = await protect_configurations.set_default(
            call.desk, account_id=call.account_id, configuration_id=_id(call)
        )
    return _default(call, found)


async def delete_account_default_protect_configuration(call: Call) -> Mapping[str, Any]:
    with about(_KIND, ""):
        found = await protect_configurations.clear_default(call.desk, account_id=call.account_id)
    return _default(call, found)


async def get_protect_configuration_country_rule_set(call: Call) -> Mapping[str, Any]:
    capability = call.input["NumberCapability"]
    with about(_KIND, _id(call)):
        rules = await protect_configurations.country_rules(
            call.desk, account_id=call.account_id, configuration_id=_id(call), capability=capability
        )
    return _rule_set(call, rules)


async def update_protect_configuration_country_rule_set(call: Call) -> Mapping[str, Any]:
    changes = {country: rule["ProtectStatus"] for country, rule in call.input["CountryRuleSetUpdates"].items()}
    with about(_KIND, _id(call)):
        rules = await protect_configurations.change_country_rules(
            call.desk, account_id=call.account_id, configuration_id=_id(call),
            capability=call.input["NumberCapability"], changes=changes,
        )  # fmt: skip
    return _rule_set(call, rules)


async def put_protect_configuration_rule_set_number_override(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        put = await protect_configurations.put_override(
            call.desk, account_id=call.account_id, configuration_id=_id(call), action=call.input["Action"],
            phone=e164(call.input["DestinationPhoneNumber"]), now=call.now(),
            expires_at=call.input.get("ExpirationTimestamp"),
        )  # fmt: skip
    return {**_names(call, _id(call)), **_override(put)}


async def delete_protect_configuration_rule_set_number_override(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await protect_configurations.delete_override(
            call.desk, account_id=call.account_id, configuration_id=_id(call),
            phone=e164(call.input["DestinationPhoneNumber"]),
        )  # fmt: skip
    return {**_names(call, _id(call)), **_override(gone)}


async def list_protect_configuration_rule_set_number_overrides(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        known = await protect_configurations.overrides(
            call.desk, account_id=call.account_id, configuration_id=_id(call)
        )
    found = [one for one in known if _is_wanted(call, one)]
    listed = page(call, "RuleSetNumberOverrides", found, lambda one: one.phone, _override)
    return {**_names(call, _id(call)), **listed}


async def _of_set(call: Call, work: Callable[..., Any]) -> Mapping[str, Any]:
    name = id_of(call.input["ConfigurationSetName"], "configuration-set", "ConfigurationSetName")
    with about(_KIND, _id(call)):
        await protect_configurations.get(call.desk, account_id=call.account_id, configuration_id=_id(call))
    with about("configuration-set", name):
        await work(call.desk, account_id=call.account_id, configuration_id=_id(call), set_name=name)
    of_set = {"ConfigurationSetArn": call.arn(f"configuration-set/{name}"), "ConfigurationSetName": name}
    return {**of_set, **_names(call, _id(call))}


def _is_wanted(call: Call, one: NumberOverride) -> bool:
    return all(
        any(_MATCHES[wanted["Name"]](one, value) for value in wanted["Values"])
        for wanted in call.input.get("Filters", ())
    )


def _id(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


def _moment(written: str) -> int:
    """A filter's time in microseconds: ISO 8601 with its zone, or seconds since 1970."""
    try:
        return int(written) * 1_000_000 if written.isdecimal() else to_micros(datetime.fromisoformat(written))
    except (ValueError, TypeError) as error:
        raise invalid("INVALID_FILTER_VALUES", "Filters", "Is no time, such as 2026-11-30T00:00:00Z.") from error


def _names(call: Call, configuration_id: str) -> dict[str, Any]:
    return {"ProtectConfigurationArn": call.arn(f"{_KIND}/{configuration_id}"), _FIELD: configuration_id}


def _shown(call: Call, one: ProtectConfiguration) -> dict[str, Any]:
    return {
        **_names(call, one.id),
        "CreatedTimestamp": one.created_at,
        "AccountDefault": one.account_default,
        "DeletionProtectionEnabled": one.deletion_protection,
    }


def _default(call: Call, one: ProtectConfiguration) -> dict[str, Any]:
    return {f"Default{name}": value for name, value in _names(call, one.id).items()}


def _rule_set(call: Call, rules: Mapping[str, str]) -> dict[str, Any]:
    return {
        **_names(call, _id(call)),
        "NumberCapability": call.input["NumberCapability"],
        "CountryRuleSet": {country: {"ProtectStatus": status} for country, status in rules.items()},
    }


def _override(one: NumberOverride) -> dict[str, Any]:
    return {
        "DestinationPhoneNumber": one.phone,
        "CreatedTimestamp": one.created_at,
        "Action": one.action,
        "IsoCountryCode": one.country or None,
        "ExpirationTimestamp": one.expires_at,
    }
