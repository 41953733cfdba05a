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
    "not_opted_out": "opted-out-number",
    "no_number_available": "phone-number",
}

# Code of a Conflict -> Reason and, where it is always the same, ResourceType.
CONFLICTS = {
    "message_type_mismatch": ("MESSAGE_TYPE_MISMATCH",),
    "opt_out_list_mismatch": ("OPT_OUT_LIST_MISMATCH",),
    "two_way_mismatch": ("TWO_WAY_CONFIG_MISMATCH",),
    "self_managed_opt_outs_mismatch": ("SELF_MANAGED_OPT_OUTS_MISMATCH",),
    "keyword_mismatch": ("KEYWORD_MISMATCH",),
    "match_mode_mismatch": ("KEYWORD_MISMATCH",),  # how keywords are matched differs
    "capabilities_mismatch": ("NUMBER_CAPABILITIES_MISMATCH",),
    "phone_number_in_pool": ("PHONE_NUMBER_ASSOCIATED_TO_POOL",),
    "sender_id_in_pool": ("SENDER_ID_ASSOCIATED_TO_POOL",),
    "sender_id_exists": ("RESOURCE_ALREADY_EXISTS", "sender-id"),
    "opt_out_list_exists": ("RESOURCE_ALREADY_EXISTS", "opt-out-list"),
    "configuration_set_exists": ("RESOURCE_ALREADY_EXISTS", "configuration-set"),
    "event_destination_exists": ("RESOURCE_ALREADY_EXISTS", "event-destination"),
    "event_destination_mismatch": ("EVENT_DESTINATION_MISMATCH", "event-destination"),
    "opt_out_list_in_use": ("RESOURCE_DELETION_NOT_ALLOWED", "opt-out-list"),
    "default_opt_out_list": ("RESOURCE_DELETION_NOT_ALLOWED", "opt-out-list"),
    "mandatory": ("RESOURCE_DELETION_NOT_ALLOWED", "keyword"),
    "action_fixed": ("RESOURCE_MODIFICATION_NOT_ALLOWED", "keyword"),
    "last_identity": ("RESOURCE_MODIFICATION_NOT_ALLOWED", "sender-id"),
    "last_phone_number": ("LAST_PHONE_NUMBER", "phone-number"),
    "deletion_protection": ("DELETION_PROTECTION_ENABLED",),
}

# Code of a Conflict that AWS tells as a quota -> Reason.
QUOTAS = {
    "too_many_tags": "TAGS_PER_RESOURCE",
}

# Code of an Invalid, or of a Conflict that AWS tells as one -> Reason.
INVALIDS: dict[str, str] = {
    "two_way_needed": "TWO_WAY_NOT_ENABLED",
    "bad_arn": "INVALID_ARN",
    "identity_in_use": "PHONE_NUMBER_CANNOT_BE_RELEASED",
    "opt_in_locked": "PHONE_NUMBER_CANNOT_BE_OPTED_IN",
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
    "number": "PhoneNumber",
    "phone": "OptedOutNumber",
    "sender": "SenderId",
    "country": "IsoCountryCode",
    "message_type": "MessageType",
    "opt_out_list": "OptOutListName",
    "two_way": "TwoWayEnabled",
    "two_way_channel": "TwoWayChannelArn",
    "self_managed_opt_outs": "SelfManagedOptOutsEnabled",
    "word": "Keyword",
    "message": "KeywordMessage",
    "action": "KeywordAction",
    "tags": "Tags",
}
