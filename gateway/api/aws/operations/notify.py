"""Notify: one-time codes in fixed words, from a configuration that says who sends them."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from compliance.countries import countries
from gateway import numbers
from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about, invalid
from gateway.api.aws.lists import asked, filtered, named, page, yes
from gateway.api.aws.phones import e164
from gateway.api.aws.refusals import TOLD_BY_EVENT, of_refusal, of_send_error
from gateway.api.aws.sets import configuration_set_of
from gateway.errors import GatewayError
from gateway.model import DEFAULT_TTL
from gateway.outbound.request import NO_CONTEXT, SendRequest
from gateway.resources import notify_configurations, notify_templates
from gateway.resources.notify_templates import BRAND, CODE, CODE_PATTERN
from gateway.resources.protect_configurations import COUNTRIES
from gateway.store.times import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.notify_configurations import NotifyConfiguration
    from gateway.resources.notify_templates import NotifyTemplate

_KIND = notify_configurations.KIND
_FIELD = "NotifyConfigurationId"
_TIER = "BASIC"  # tiers are of AWS's contracts
_UNSET = {"UNSET_DEFAULT_TEMPLATE", "UNSET_DEFAULT_POOL_FOR_NOTIFY"}
_SAME = {
    "DefaultTemplateId": "template_id", "PoolId": "pool_id", "EnabledCountries": "countries",
    "EnabledChannels": "channels", "DeletionProtectionEnabled": "deletion_protection",
}  # fmt: skip
_FILTERS: Mapping[str, Callable[[NotifyConfiguration], Iterable[str]]] = {
    "display-name": lambda one: [one.display_name],
    "enabled-countries": lambda one: one.countries,
    "enabled-channels": lambda one: one.channels,
    "default-template": lambda one: [one.template_id],
    "default-pool": lambda one: [one.pool_id],
    "use-case": lambda one: [one.use_case],
    "status": lambda _one: ["ACTIVE"],
    "deletion-protection-enabled": lambda one: yes(one.deletion_protection),
    "tier-upgrade-status": lambda _one: [_TIER],
}
_TEMPLATE_FILTERS: Mapping[str, Callable[[NotifyTemplate], Iterable[str]]] = {
    "template-type": lambda _one: ["OTP_VERIFICATION"],
    "channels": lambda _one: ["SMS"],
    "tier-access": lambda _one: [_TIER],
    "supported-countries": lambda _one: COUNTRIES,
    "language-code": lambda one: [one.language],
    "supported-voice-ids": lambda _one: [],
}


async def create_notify_configuration(call: Call) -> Mapping[str, Any]:
    tags = tagging.tags_of(call)
    with _told(call):
        made = await notify_configurations.create(
            call.desk, account_id=call.account_id, display_name=call.input["DisplayName"],
            use_case=call.input["UseCase"], now=call.now(), tagged=tags, **_changes(call),
        )  # fmt: skip
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_notify_configurations(call: Call) -> Mapping[str, Any]:
    known = {one.id: one for one in await notify_configurations.find(call.desk, account_id=call.account_id)}
    found = filtered(call, asked(call, "NotifyConfigurationIds", _KIND, known), _FILTERS)
    return page(call, "NotifyConfigurations", found, lambda one: one.id, lambda one: _shown(call, one))


async def update_notify_configuration(call: Call) -> Mapping[str, Any]:
    with _told(call):
        changed = await notify_configurations.update(
            call.desk, account_id=call.account_id, configuration_id=_id(call), **_changes(call)
        )
    return _shown(call, changed)


async def delete_notify_configuration(call: Call) -> Mapping[str, Any]:
    with _told(call):
        gone = await notify_configurations.delete(call.desk, account_id=call.account_id, configuration_id=_id(call))
    return _shown(call, gone)


async def describe_notify_templates(call: Call) -> Mapping[str, Any]:
    chosen = named(call.input.get("TemplateIds"), notify_templates.templates(), "notify-template")
    found = filtered(call, chosen, _TEMPLATE_FILTERS)
    return page(call, "NotifyTemplates", found, lambda one: one.id, _template)


async def list_notify_countries(call: Call) -> Mapping[str, Any]:
    texts = "SMS" in call.input.get("Channels", ["SMS"]) and call.input.get("Tier", _TIER) == _TIER
    return page(call, "NotifyCountries", COUNTRIES if texts else (), str, _country)


async def send_notify_text_message(call: Call) -> Mapping[str, Any]:
    configuration = await _configuration(call, "SMS")
    destination = numbers.parse_destination(e164(call.input["DestinationPhoneNumber"]), "to")
    if not configuration.reaches(destination.country):
        raise invalid("COUNTRY_NOT_ENABLED", "DestinationPhoneNumber", "The configuration does not send there.")
    template = _chosen(call, configuration)
    body = template.text(configuration.display_name, call.input["TemplateVariables"])
    try:
        accepted = await call.services.outbound.accept(_request(call, configuration, body))
    except GatewayError as error:
        raise of_send_error(error, configuration.pool_id) from error
    if accepted.refusal and accepted.refusal["code"] not in TOLD_BY_EVENT:
        raise of_refusal(accepted)
    message_id = accepted.message_id or new_id()  # a dry run has one too, of no message
    return {"MessageId": message_id, "TemplateId": template.id, "ResolvedMessageBody": body}


async def send_notify_voice_message(call: Call) -> Mapping[str, Any]:
    await _configuration(call, "VOICE")
    raise invalid("VOICE_CAPABILITY_NOT_AVAILABLE", "NotifyConfigurationId", "No connector here makes calls.")


async def _configuration(call: Call, channel: str) -> NotifyConfiguration:
    with _told(call):
        found = await notify_configurations.get(call.desk, account_id=call.account_id, configuration_id=_id(call))
    if channel not in found.channels:
        raise invalid("CHANNEL_NOT_ENABLED", _FIELD, f"The configuration has {channel} not enabled.")
    return found


def _chosen(call: Call, configuration: NotifyConfiguration) -> NotifyTemplate:
    template_id = call.input.get("TemplateId") or configuration.template_id
    if not template_id:
        raise invalid("MISSING_PARAMETER", "TemplateId", "Is missing, and the configuration has no default.")
    with _told(call):
        return notify_templates.require(template_id)


def _request(call: Call, configuration: NotifyConfiguration, body: str) -> SendRequest:
    given, rules = call.input, configuration_set_of(call)
    return SendRequest(
        account_id=call.account_id,
        to=e164(given["DestinationPhoneNumber"]),
        body=body,
        origination=configuration.pool_id,
        ttl=timedelta(seconds=given["TimeToLive"]) if "TimeToLive" in given else DEFAULT_TTL,
        dry_run=given.get("DryRun", False),
        context=given.get("Context", NO_CONTEXT),
        key_id=call.key_id,
        configuration_set=rules.name,
        message_feedback=given.get("MessageFeedbackEnabled", rules.message_feedback),
    )


@contextlib.contextmanager
def _told(call: Call) -> Iterator[None]:
    """Within it, what is not there is told by the id that the client gave."""
    template = call.input.get("TemplateId") or call.input.get("DefaultTemplateId", "")
    pool = id_of(call.input.get("PoolId", ""), "pool", "PoolId")
    configuration = id_of(call.input.get(_FIELD, ""), _KIND, _FIELD)
    with about("pool", pool), about("notify-template", template), about(_KIND, configuration):
        yield


def _changes(call: Call) -> dict[str, Any]:
    changes = {ours: call.input[name] for name, ours in _SAME.items() if name in call.input}
    if "pool_id" in changes:
        changes["pool_id"] = id_of(changes["pool_id"], "pool", "PoolId")
    return {name: "" if isinstance(value, str) and value in _UNSET else value for name, value in changes.items()}


def _id(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


def _shown(call: Call, one: NotifyConfiguration) -> dict[str, Any]:
    return {
        "NotifyConfigurationArn": call.arn(f"{_KIND}/{one.id}"),
        _FIELD: one.id,
        "DisplayName": one.display_name,
        "UseCase": one.use_case,
        "DefaultTemplateId": one.template_id or None,
        "PoolId": one.pool_id or None,
        "EnabledCountries": list(one.countries),
        "EnabledChannels": list(one.channels),
        "Tier": _TIER,
        "TierUpgradeStatus": _TIER,
        "Status": "ACTIVE",
        "DeletionProtectionEnabled": one.deletion_protection,
        "CreatedTimestamp": one.created_at,
    }


def _template(one: NotifyTemplate) -> dict[str, Any]:
    brand = {"Type": "STRING", "Required": False, "Source": "SYSTEM", "Description": "The display name."}
    code = {
        "Type": "STRING", "Required": True, "Source": "CUSTOMER", "Description": "The code.", "Pattern": CODE_PATTERN,
        "MaxLength": 20, "Sample": "123456",
    }  # fmt: skip
    return {
        "TemplateId": one.id,
        "Version": 1,
        "TemplateType": "OTP_VERIFICATION",
        "Channels": ["SMS"],
        "TierAccess": [_TIER],
        "Status": "ACTIVE",
        "SupportedCountries": list(COUNTRIES),
        "LanguageCode": one.language,
        "Content": one.content,
        "Variables": {BRAND: brand, CODE: code},
        "CreatedTimestamp": 0,
    }


def _country(code: str) -> dict[str, Any]:
    known = countries().get(code)
    return {
        "IsoCountryCode": code,
        "CountryName": known.name if known else code,
        "SupportedChannels": ["SMS"],
        "SupportedUseCases": ["CODE_VERIFICATION"],
        "SupportedTiers": [_TIER],
        "CustomerOwnedIdentityRequired": True,  # nobody lends one here
    }
