"""Files that registrations refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import about, invalid
from gateway.api.aws.lists import asked, filtered, page
from gateway.errors import Invalid
from gateway.resources import registration_attachments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.registration_attachments import Attachment

_KIND = registration_attachments.KIND
_FIELD = "RegistrationAttachmentId"
_THERE = "UPLOAD_COMPLETE"  # what is kept is kept at once
_FILTERS: Mapping[str, Callable[[Attachment], Iterable[str]]] = {"attachment-status": lambda _one: [_THERE]}
# Code of an Invalid -> Reason and field.
_INVALIDS = {
    "one_source": ("PARAMETERS_CANNOT_BE_USED_TOGETHER", "AttachmentUrl"),
    "bad_url": ("INVALID_PARAMETER", "AttachmentUrl"),
    "file_too_large": ("MAXIMUM_SIZE_EXCEEDED", "AttachmentBody"),
    "wrong_file_type": ("ATTACHMENT_TYPE_NOT_SUPPORTED", "AttachmentBody"),
}


async def create_registration_attachment(call: Call) -> Mapping[str, Any]:
    given, tags = call.input, tagging.tags_of(call)
    if "AttachmentBody" not in given and "AttachmentUrl" not in given:
        raise invalid("MISSING_PARAMETER", "AttachmentBody", "Give the file, or its address.")
    try:
        made = await registration_attachments.create(
            call.desk, account_id=call.account_id, now=call.now(), body=given.get("AttachmentBody", b""),
            url=given.get("AttachmentUrl", ""), tagged=tags,
        )  # fmt: skip
    except Invalid as error:
        raise invalid(*_INVALIDS[error.code], error.detail) from error
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_registration_attachments(call: Call) -> Mapping[str, Any]:
    known = {one.id: one for one in await registration_attachments.find(call.desk, account_id=call.account_id)}
    found = filtered(call, asked(call, "RegistrationAttachmentIds", _KIND, known), _FILTERS)
    return page(
        call, "RegistrationAttachments", found, lambda one: one.id,
        lambda one: {**_shown(call, one), "AttachmentUrl": one.url or None},
    )  # fmt: skip


async def delete_registration_attachment(call: Call) -> Mapping[str, Any]:
    attachment_id = id_of(call.input[_FIELD], _KIND, _FIELD)
    with about(_KIND, attachment_id):
        gone = await registration_attachments.delete(call.desk, account_id=call.account_id, attachment_id=attachment_id)
    return {**_shown(call, gone), "AttachmentStatus": "DELETED"}


def _shown(call: Call, one: Attachment) -> dict[str, Any]:
    return {
        "RegistrationAttachmentArn": call.arn(f"{_KIND}/{one.id}"),
        _FIELD: one.id,
        "AttachmentStatus": _THERE,
        "CreatedTimestamp": one.created_at,
    }
