"""Registrations: their versions and field values, and what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws import tagging
from gateway.api.aws.arns import id_of, parse
from gateway.api.aws.errors import about, invalid, not_found, of_faults
from gateway.api.aws.lists import asked, filtered, named, page
from gateway.errors import Invalid, NotFound
from gateway.resources import registration_associations, registrations
from gateway.resources.registration_types import Answer
from gateway.resources.registrations import APPROVED, ARCHIVED, DENIED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.registration_associations import Associated
    from gateway.resources.registrations import Registration, Version

_KIND = registrations.KIND
_FIELD = "RegistrationId"
_FILTERS: Mapping[str, Callable[[Registration], Iterable[str]]] = {
    "registration-type": lambda one: [one.kind],
    "registration-status": lambda one: [one.status],
}
_VERSION_FILTERS: Mapping[str, Callable[[Version], Iterable[str]]] = {
    "registration-version-status": lambda one: [one.status],
}
_ASSOCIATION_FILTERS: Mapping[str, Callable[[Associated], Iterable[str]]] = {
    "resource-type": lambda one: [one.resource_type],
    "iso-country-code": lambda one: [one.country],
}
_TIMES = {
    "DRAFT": "DraftTimestamp", "SUBMITTED": "SubmittedTimestamp", "APPROVED": "ApprovedTimestamp",
    "DENIED": "DeniedTimestamp", "DISCARDED": "DiscardedTimestamp", "ARCHIVED": "ArchivedTimestamp",
}  # fmt: skip


async def create_registration(call: Call) -> Mapping[str, Any]:
    tags = tagging.tags_of(call)
    kind = call.input["RegistrationType"]
    try:
        made = await registrations.create(call.desk, account_id=call.account_id, kind=kind, now=call.now(), tagged=tags)
    except NotFound as error:
        raise invalid("UNKNOWN_REGISTRATION_TYPE", "RegistrationType", error.remedy) from error
    return {**_shown(call, made), "Tags": tagging.shown(tags)}


async def describe_registrations(call: Call) -> Mapping[str, Any]:
    known = {one.id: one for one in await registrations.find(call.desk, account_id=call.account_id)}
    found = filtered(call, asked(call, "RegistrationIds", _KIND, known), _FILTERS)
    return page(call, "Registrations", found, lambda one: one.id, lambda one: _shown(call, one))


async def delete_registration(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await registrations.delete(call.desk, account_id=call.account_id, registration_id=_id(call))
    return {**_shown(call, gone), "RegistrationStatus": "DELETED"}


async def create_registration_version(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        made = await registrations.new_version(
            call.desk, account_id=call.account_id, registration_id=_id(call), now=call.now()
        )
    return {**_names(call), **_version(made)}


async def describe_registration_versions(call: Call) -> Mapping[str, Any]:
    registration = await _registration(call)
    known = {str(one.number): one for one in registration.versions}
    wanted = [str(number) for number in call.input.get("VersionNumbers", ())]
    if unknown := set(wanted) - known.keys():
        raise invalid("UNKNOWN_REGISTRATION_VERSION", "VersionNumbers", f"There is no version {min(unknown)}.")
    found = filtered(call, named(wanted, known, _KIND), _VERSION_FILTERS)
    listed = page(call, "RegistrationVersions", found, lambda one: f"{one.number:06}", _whole_version)
    return {**_names(call), **listed}


async def submit_registration_version(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        try:
            submitted = await registrations.submit(
                call.desk, account_id=call.account_id, registration_id=_id(call), now=call.now()
            )
        except Invalid as error:
            raise of_faults("FIELD_VALIDATION_FAILED", error.extra["faults"]) from error
    # Reviewers are the same people whichever review is asked for.
    return {**_names(call), **_version(submitted), "AwsReview": call.input.get("AwsReview", False)}


async def discard_registration_version(call: Call) -> Mapping[str, Any]:
    with about(_KIND, _id(call)):
        gone = await registrations.discard(
            call.desk, account_id=call.account_id, registration_id=_id(call), now=call.now()
        )
    return {**_names(call), **_version(gone)}


async def put_registration_field_value(call: Call) -> Mapping[str, Any]:
    path, answer = call.input["FieldPath"], _answer(call)
    with about("registration-attachment", answer.attachment_id), about(_KIND, _id(call)):
        written = await registrations.put_answer(
            call.desk, account_id=call.account_id, registration_id=_id(call), path=path, answer=answer
        )
    return {**_names(call), "VersionNumber": written.number, **_value(path, answer)}


async def delete_registration_field_value(call: Call) -> Mapping[str, Any]:
    path = call.input["FieldPath"]
    with about(_KIND, _id(call)):
        version, was = await registrations.delete_answer(
            call.desk, account_id=call.account_id, registration_id=_id(call), path=path
        )
    return {**_names(call), "VersionNumber": version.number, **_value(path, was)}


async def describe_registration_field_values(call: Call) -> Mapping[str, Any]:
    registration = await _registration(call)
    number = call.input.get("VersionNumber", registration.last.number)
    version = next((one for one in registration.versions if one.number == number), None)
    if version is None:
        raise invalid("UNKNOWN_REGISTRATION_VERSION", "VersionNumber", f"There is no version {number}.")
    section, paths = call.input.get("SectionPath"), call.input.get("FieldPaths", ())
    found = [
        (path, answer)
        for path, answer in version.answers.items()
        if (not paths or path in paths) and (not section or path.startswith(f"{section}."))
    ]
    listed = page(call, "RegistrationFieldValues", found, lambda one: one[0], lambda one: _value(*one))
    return {**_names(call), "VersionNumber": number, **listed}


async def create_registration_association(call: Call) -> Mapping[str, Any]:
    registration = await _registration(call)
    resource = _resource(call.input["ResourceId"])
    kind, _, name = resource.partition("/")
    with about(kind, name):
        made = await registration_associations.create(
            call.desk, account_id=call.account_id, registration_id=_id(call), resource=resource, now=call.now()
        )
    return {**_names(call), "RegistrationType": registration.kind, **_associated(call, made)}


async def list_registration_associations(call: Call) -> Mapping[str, Any]:
    registration = await _registration(call)
    known = await registration_associations.find(call.desk, account_id=call.account_id, registration_id=_id(call))
    found = filtered(call, known, _ASSOCIATION_FILTERS)
    listed = page(call, "RegistrationAssociations", found, lambda one: one.resource, lambda one: _associated(call, one))
    return {**_names(call), "RegistrationType": registration.kind, **listed}


async def _registration(call: Call) -> Registration:
    with about(_KIND, _id(call)):
        return await registrations.get(call.desk, account_id=call.account_id, registration_id=_id(call))


def _id(call: Call) -> str:
    return id_of(call.input[_FIELD], _KIND, _FIELD)


def _answer(call: Call) -> Answer:
    """The one answer that the input has. Raises AwsError for none, or more than one."""
    given = [name for name in ("TextValue", "SelectChoices", "RegistrationAttachmentId") if call.input.get(name)]
    if not given:
        raise invalid("MISSING_PARAMETER", "TextValue", "Give a text, choices or an attachment.")
    if len(given) > 1:
        raise invalid("PARAMETERS_CANNOT_BE_USED_TOGETHER", given[1], "Give one answer only.")
    attachment = call.input.get("RegistrationAttachmentId", "")
    return Answer(
        call.input.get("TextValue", ""),
        tuple(call.input.get("SelectChoices", ())),
        id_of(attachment, "registration-attachment", "RegistrationAttachmentId"),
    )


def _resource(written: str) -> str:
    """A thing as at the end of its ARN, from its ARN or its id; a bare name is a sender ID."""
    if written.startswith("arn:"):
        return "/".join(parse(written, "ResourceId"))
    for prefix, kind in (("phone-", "phone-number"), ("registration-", "registration")):
        if written.startswith(prefix):
            return f"{kind}/{written}"
    if written.startswith("pool-"):
        raise not_found("phone-number", written)
    return f"sender-id/{written}"


def _names(call: Call) -> dict[str, Any]:
    return {"RegistrationArn": call.arn(f"{_KIND}/{_id(call)}"), _FIELD: _id(call)}


def _shown(call: Call, one: Registration) -> dict[str, Any]:
    approved, denied = one.latest(APPROVED, ARCHIVED), one.latest(DENIED)
    return {
        "RegistrationArn": call.arn(f"{_KIND}/{one.id}"),
        _FIELD: one.id,
        "RegistrationType": one.kind,
        "RegistrationStatus": one.status,
        "CurrentVersionNumber": one.last.number,
        "CreatedTimestamp": one.created_at,
        **({"ApprovedVersionNumber": approved.number} if approved else {}),
        **({"LatestDeniedVersionNumber": denied.number} if denied else {}),
    }


def _version(one: Version) -> dict[str, Any]:
    return {
        "VersionNumber": one.number,
        "RegistrationVersionStatus": one.status,
        "RegistrationVersionStatusHistory": {_TIMES[status]: at for status, at in one.times.items()},
    }


def _whole_version(one: Version) -> dict[str, Any]:
    denied = [{"Reason": one.reason, "ShortDescription": one.reason}] if one.status == DENIED else None
    return {**_version(one), "DeniedReasons": denied}


def _value(path: str, answer: Answer) -> dict[str, Any]:
    return {
        "FieldPath": path,
        "TextValue": answer.text or None,
        "SelectChoices": list(answer.choices) or None,
        "RegistrationAttachmentId": answer.attachment_id or None,
    }


def _associated(call: Call, one: Associated) -> dict[str, Any]:
    return {
        "ResourceArn": call.arn(one.resource),
        "ResourceId": one.resource.split("/")[1],
        "ResourceType": one.resource_type,
        "IsoCountryCode": one.country or None,
        "PhoneNumber": one.phone or None,
    }
