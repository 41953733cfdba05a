"""Which Reason of AWS's tells each code of ours. A handler that knows the resource better raises by itself."""

from __future__ import annotations

# Code of a NotFound -> ResourceType.
THINGS = {
    "phone_number_not_found": "phone-number",
    "sender_id_not_found": "sender-id",
    "pool_not_found": "pool",
    "opt_out_list_not_found": "opt-out-list",
    "opt_out_not_found": "opted-out-number",
    "keyword_not_found": "keyword",
    "message_not_found": "message",
    "not_in_pool": "phone-number",
    "protect_configuration_not_found": "protect-configuration",
    "number_override_not_found": "protect-configuration",
    "notify_configuration_not_found": "notify-configuration",
    "notify_template_not_found": "notify-template",
    "rcs_agent_not_found": "rcs-agent",
    "registration_not_found": "registration",
    "registration_attachment_not_found": "registration-attachment",
    "verified_number_not_found": "verified-destination-number",
    "configuration_set_not_found": "configuration-set",
    "event_destination_not_found": "event-destination",
}

# Code of a Conflict -> Reason and, where it is always the same, ResourceType.
CONFLICTS = {
    "message_type_mismatch": ("MESSAGE_TYPE_MISMATCH",),
    "opt_out_list_mismatch": ("OPT_OUT_LIST_MISMATCH",),
    "two_way_mismatch": ("TWO_WAY_CONFIG_MISMATCH",),
    "self_managed_opt_outs_mismatch": ("SELF_MANAGED_OPT_OUTS_MISMATCH",),
    "keyword_mismatch": ("KEYWORD_MISMATCH",),
    "last_phone_number": ("LAST_PHONE_NUMBER", "phone-number"),
    "deletion_protection": ("DELETION_PROTECTION_ENABLED",),
    "protect_configuration_is_default": ("PROTECT_CONFIGURATION_IS_ACCOUNT_DEFAULT",),
    "protect_configuration_in_use": ("PROTECT_CONFIGURATION_ASSOCIATED_WITH_CONFIGURATION_SET",),
    "protect_configuration_not_in_use": ("PROTECT_CONFIGURATION_NOT_ASSOCIATED_WITH_CONFIGURATION_SET",),
    "version_open": ("CREATE_REGISTRATION_VERSION_NOT_ALLOWED",),
    "version_not_draft": ("DISCARD_REGISTRATION_VERSION_NOT_ALLOWED",),
    "already_submitted": ("REGISTRATION_ALREADY_SUBMITTED",),
    "not_submittable": ("SUBMIT_REGISTRATION_VERSION_NOT_ALLOWED",),
    "association_missing": ("SUBMIT_REGISTRATION_VERSION_NOT_ALLOWED",),
    "not_editable": ("EDIT_REGISTRATION_FIELD_VALUES_NOT_ALLOWED",),
    "registration_in_review": ("RESOURCE_DELETION_NOT_ALLOWED",),
    "registration_in_use": ("RESOURCE_DELETION_NOT_ALLOWED",),
    "attachment_in_use": ("RESOURCE_DELETION_NOT_ALLOWED",),
    "already_associated": ("RESOURCE_ALREADY_ASSOCIATED",),
    "registration_not_complete": ("REGISTRATION_NOT_COMPLETE",),
    "pool_in_use": ("POOL_ASSOCIATED_TO_NOTIFY_CONFIGURATION",),
    "verified_number_exists": ("RESOURCE_ALREADY_EXISTS",),
    "too_new": ("RESOURCE_DELETION_NOT_ALLOWED",),
    "already_verified": ("VERIFICATION_ALREADY_COMPLETE",),
    "code_expired": ("VERIFICATION_CODE_EXPIRED",),
}

# Code of a Conflict that AWS tells as a quota -> Reason.
QUOTAS = {
    "too_many_tags": "TAGS_PER_RESOURCE",
}

# Code of an Invalid, or of a Conflict that AWS tells as one -> Reason.
INVALIDS: dict[str, str] = {
    "wrong_code": "VERIFICATION_CODE_MISMATCH",
    "two_way_channel_missing": "TWO_WAY_CHANNEL_NOT_PRESENT",
    "two_way_off": "TWO_WAY_NOT_ENABLED",
    "unknown_field": "UNKNOWN_REGISTRATION_FIELD",
    "wrong_kind": "FIELD_VALIDATION_FAILED",
    "wrong_answer": "INVALID_PARAMETER",  # so AWS tells a tax ID with a hyphen
    "required_field": "REGISTRATION_FIELD_CANNOT_BE_DELETED",
    "association_unsupported": "INVALID_REGISTRATION_ASSOCIATION",
}

# Our name of a field -> the member of AWS's input.
FIELDS = {
    "to": "DestinationPhoneNumber",
    "body": "MessageBody",
    "origination": "OriginationIdentity",
    "ttl": "TimeToLive",
    "max_price": "MaxPrice",
    "context": "Context",
    "policy": "Policy",
    "phone": "DestinationPhoneNumber",
    "countries": "CountryRuleSetUpdates",
    "expires_at": "ExpirationTimestamp",
    "code": "VerificationCode",
    "path": "FieldPath",
    "variables": "TemplateVariables",
    "channels": "EnabledChannels",
    "events": "TwoWayRcsEventsEnabled",
    "two_way": "TwoWayEnabled",
    "two_way_channel": "TwoWayChannelArn",
    "answer": "TextValue",
    "resource": "ResourceId",
}
