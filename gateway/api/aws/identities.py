"""Phone numbers, sender IDs and pools as operations name, change and show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.arns import id_of, parse
from gateway.api.aws.errors import about, invalid, not_found
from gateway.model import IdentityKind
from gateway.resources import phone_numbers, pools, sender_ids
from gateway.resources.existence import EVERY_COUNTRY, sender_id

if TYPE_CHECKING:
    from gateway.api.aws.call import Call
    from gateway.model import OriginationIdentity, Pool

_FIELD = "OriginationIdentity"
# Member of an input -> what it changes of a number or pool.
_CHANGES = {
    "TwoWayEnabled": "two_way",
    "TwoWayChannelArn": "two_way_channel",
    "TwoWayChannelRole": "two_way_role",
    "SelfManagedOptOutsEnabled": "self_managed_opt_outs",
    "InternationalSendingEnabled": "international",
    "SharedRoutesEnabled": "shared_routes",
    "DeletionProtectionEnabled": "deletion_protection",
}


async def phone_number(call: Call, written: str, field: str = "PhoneNumberId") -> OriginationIdentity:
    """The number of an id or ARN. Raises AwsError when there is none."""
    phone_number_id = id_of(written, "phone-number", field)
    with about("phone-number", phone_number_id):
        return await phone_numbers.get(call.desk, account_id=call.account_id, phone_number_id=phone_number_id)


async def pool(call: Call, written: str) -> Pool:
    """The pool of an id or ARN. Raises AwsError when there is none."""
    pool_id = id_of(written, "pool", "PoolId")
    with about("pool", pool_id):
        return await pools.get(call.desk, account_id=call.account_id, pool_id=pool_id)


async def sender(call: Call, written: str, country: str) -> OriginationIdentity:
    """The sender ID of a name or ARN, for that country ("" where the ARN tells it).

    Raises:
        AwsError: there is none, the ARN is of another country (COUNTRY_CODE_MISMATCH), or nothing tells the country.
    """
    name, _, of_arn = id_of(written, "sender-id", _FIELD).partition("/")
    if country and of_arn and country != of_arn:
        raise invalid("COUNTRY_CODE_MISMATCH", "IsoCountryCode", "Is not that of the ARN.")
    if not (wanted := country or of_arn):
        raise invalid("MISSING_PARAMETER", "IsoCountryCode", "Is missing.")
    with about("sender-id", f"{name}/{wanted}"):
        return await sender_ids.named(
            call.desk, account_id=call.account_id, sender=name, country="" if wanted == EVERY_COUNTRY else wanted
        )


async def origination(call: Call) -> OriginationIdentity:
    """The number or sender ID that OriginationIdentity and IsoCountryCode name.

    Raises:
        AwsError: there is none, or it is of another country (COUNTRY_CODE_MISMATCH).
    """
    written, country = call.input[_FIELD], call.input.get("IsoCountryCode", "")
    kind = parse(written, _FIELD)[0] if written.startswith("arn:") else ""
    if kind not in {"phone-number", "sender-id", ""}:
        raise invalid("INVALID_ARN", _FIELD, "Is no ARN of a phone number or a sender ID.")
    if kind == "sender-id" or not (kind or written.startswith("phone-")):
        return await sender(call, written, country)
    found = await phone_number(call, written, _FIELD)
    if country not in {"", found.country}:
        raise invalid("COUNTRY_CODE_MISMATCH", "IsoCountryCode", "Is not that of the phone number.")
    return found


async def owner_of_keywords(call: Call) -> tuple[str, str]:
    """The kind and id of the number or pool that OriginationIdentity names. Raises AwsError when there is none."""
    written = call.input[_FIELD]
    name = parse(written, _FIELD)[1] if written.startswith("arn:") else written
    if name.startswith("pool-"):
        return "pool", (await pool(call, written)).id
    if not name.startswith("phone-"):
        raise not_found("phone-number", name)
    return "phone-number", (await phone_number(call, written, _FIELD)).id


def resource_of(one: OriginationIdentity) -> str:
    """A number or sender ID as at the end of its ARN."""
    return sender_id(one.sender, one.country) if one.kind is IdentityKind.SENDER_ID else f"phone-number/{one.id}"


def country_of(one: OriginationIdentity) -> str:
    return one.country or EVERY_COUNTRY


def id_shown(one: OriginationIdentity) -> str:
    """PhoneNumberId or SenderId."""
    return one.sender if one.kind is IdentityKind.SENDER_ID else one.id


def named_list(call: Call) -> str:
    """The name of the list in OptOutListName, which takes its ARN too; "" where none is given."""
    return id_of(call.input.get("OptOutListName", ""), "opt-out-list", "OptOutListName")


def changes_of(call: Call, channel: str) -> dict[str, Any]:
    """What UpdatePhoneNumber and UpdatePool ask for; ``channel`` is the two-way channel that is there.

    Raises:
        AwsError: two-way is turned on without a channel (TWO_WAY_CHANNEL_NOT_PRESENT).
    """
    changes = {field: call.input[member] for member, field in _CHANGES.items() if member in call.input}
    if changes.get("two_way") and not changes.get("two_way_channel", channel):
        raise invalid("TWO_WAY_CHANNEL_NOT_PRESENT", "TwoWayChannelArn", "Two-way needs a channel.")
    if name := named_list(call):
        changes["opt_out_list"] = name
    return changes


def two_way_shown(one: OriginationIdentity | Pool) -> dict[str, Any]:
    """The members that numbers and pools show alike."""
    return {
        "MessageType": one.message_type,
        "TwoWayEnabled": one.two_way,
        "TwoWayChannelArn": one.two_way_channel or None,
        "TwoWayChannelRole": one.two_way_role or None,
        "SelfManagedOptOutsEnabled": one.self_managed_opt_outs,
        "OptOutListName": one.opt_out_list,
        "CreatedTimestamp": one.created_at,
    }
