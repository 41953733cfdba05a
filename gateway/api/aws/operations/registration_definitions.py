"""What each kind of registration asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.aws.errors import invalid
from gateway.api.aws.lists import filtered, page
from gateway.resources import registration_types
from gateway.resources.registration_types import ATTACHMENT, CONDITIONAL, SELECT, TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.registration_types import Field, RegistrationType, Section

_FILTERS: Mapping[str, Callable[[RegistrationType], Iterable[str]]] = {
    "supported-association-resource-type": lambda one: [each.resource for each in one.associations],
    "supported-association-iso-country-code": lambda one: [each.country for each in one.associations],
}
_FILES = "A PDF, JPEG or PNG of 5 MB at most."


async def describe_registration_type_definitions(call: Call) -> Mapping[str, Any]:
    wanted = call.input.get("RegistrationTypes", ())
    found = [_kind(one, "RegistrationTypes") for one in wanted] or list(registration_types.types().values())
    return page(call, "RegistrationTypeDefinitions", filtered(call, found, _FILTERS), lambda one: one.name, _type)


async def describe_registration_section_definitions(call: Call) -> Mapping[str, Any]:
    kind = _kind(call.input["RegistrationType"], "RegistrationType")
    wanted = call.input.get("SectionPaths", ())
    _check_known(wanted, {one.path for one in kind.sections}, "UNKNOWN_REGISTRATION_SECTION", "SectionPaths")
    found = [one for one in kind.sections if not wanted or one.path in wanted]
    listed = page(call, "RegistrationSectionDefinitions", found, lambda one: one.path, _section)
    return {"RegistrationType": kind.name, **listed}


async def describe_registration_field_definitions(call: Call) -> Mapping[str, Any]:
    kind = _kind(call.input["RegistrationType"], "RegistrationType")
    section, wanted = call.input.get("SectionPath"), call.input.get("FieldPaths", ())
    sections = [section] if section else []
    _check_known(sections, {one.path for one in kind.sections}, "UNKNOWN_REGISTRATION_SECTION", "SectionPath")
    _check_known(wanted, kind.fields.keys(), "UNKNOWN_REGISTRATION_FIELD", "FieldPaths")
    found = [
        one
        for one in kind.fields.values()
        if (not wanted or one.path in wanted) and (not section or one.path.startswith(f"{section}."))
    ]
    listed = page(call, "RegistrationFieldDefinitions", found, lambda one: one.path, _field)
    return {"RegistrationType": kind.name, **listed}


def _kind(name: str, field: str) -> RegistrationType:
    known = registration_types.types()
    if name not in known:
        raise invalid("UNKNOWN_REGISTRATION_TYPE", field, f"Must be one of {', '.join(known)}.")
    return known[name]


def _check_known(wanted: Iterable[str], known: Iterable[str], reason: str, field: str) -> None:
    if unknown := set(wanted) - set(known):
        raise invalid(reason, field, f"The form has no {min(unknown)}.")


def _type(one: RegistrationType) -> dict[str, Any]:
    return {
        "RegistrationType": one.name,
        "SupportedAssociations": [
            {
                "ResourceType": each.resource,
                "IsoCountryCode": each.country,
                "AssociationBehavior": each.behavior,
                "DisassociationBehavior": "DELETE_REGISTRATION_DISASSOCIATES",
            }
            for each in one.associations
        ],
        "DisplayHints": {
            "Title": one.title,
            "ShortDescription": one.about,
            "DocumentationTitle": one.title,
            "DocumentationLink": one.link,
        },
    }


def _section(one: Section) -> dict[str, Any]:
    return {"SectionPath": one.path, "DisplayHints": {"Title": one.title, "ShortDescription": one.about}}


def _field(one: Field) -> dict[str, Any]:
    return {
        "SectionPath": one.path.partition(".")[0],
        "FieldPath": one.path,
        "FieldType": one.kind,
        "FieldRequirement": one.requirement,
        "DisplayHints": {
            "Title": one.title,
            "ShortDescription": _FILES if one.kind == ATTACHMENT else one.title,
            "ExampleTextValue": one.example or None,
        },
        "TextValidation": _text(one) if one.kind == TEXT else None,
        "SelectValidation": _select(one) if one.kind == SELECT else None,
        "ConditionalBehavior": _condition(one) if one.requirement == CONDITIONAL else None,
    }


def _text(one: Field) -> dict[str, Any]:
    return {"MinLength": one.shortest, "MaxLength": one.longest, "Pattern": one.pattern}


def _select(one: Field) -> dict[str, Any]:
    return {"MinChoices": 1, "MaxChoices": one.most, "Options": list(one.choices)}


def _condition(one: Field) -> dict[str, Any]:
    conditions = [
        {"DependsOnFieldPath": path, "Operator": "IN", "Values": list(values)} for path, values in one.when.items()
    ]
    rule = {"Conditions": conditions, "RuleBehavior": "REQUIRED"}
    return {"Rules": [rule], "DefaultBehavior": "DISALLOWED"}
