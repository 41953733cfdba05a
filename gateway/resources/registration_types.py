"""What each kind of registration asks: its sections and fields, and whether an answer will do.

The forms are in ``data/registration_types.yaml``, with their sources.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from gateway.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY_TEXT = r"^(?=\s*\S)[\s\S]+$"  # what AWS writes for text of which only the length matters
TEXT, SELECT, ATTACHMENT = "TEXT", "SELECT", "ATTACHMENT"
REQUIRED, CONDITIONAL, OPTIONAL = "REQUIRED", "CONDITIONAL", "OPTIONAL"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a field of a form says: one of these."""

    text: str = ""
    choices: tuple[str, ...] = ()
    attachment_id: str = ""

    @property
    def kind(self) -> str:
        return ATTACHMENT if self.attachment_id else SELECT if self.choices else TEXT


@dataclass(frozen=True, slots=True)
class Field:
    path: str  # "companyInfo.companyName"
    title: str
    kind: str  # TEXT, SELECT or ATTACHMENT
    requirement: str  # REQUIRED, CONDITIONAL or OPTIONAL
    shortest: int = 1
    longest: int = 0
    pattern: str = ANY_TEXT
    choices: tuple[str, ...] = ()
    most: int = 1  # choices
    open: bool = False  # other choices pass too
    example: str = ""
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of a conditional one: path -> values

    def is_wanted(self, answers: Mapping[str, Answer]) -> bool:
        """Of a conditional field: whether these answers make it required; elsewhere it is not allowed."""
        given = {path: {answers[path].text, *answers[path].choices} for path in self.when if path in answers}
        return all(given.get(path, set()) & set(values) for path, values in self.when.items())


@dataclass(frozen=True, slots=True)
class Section:
    path: str
    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Association:
    """What a registration can be about. ``resource``: a kind of number, SENDER_ID, or a kind of registration."""

    resource: str
    country: str
    behavior: str


@dataclass(frozen=True, slots=True)
class RegistrationType:
    name: str
    title: str
    about: str
    link: str
    associations: tuple[Association, ...]
    sections: tuple[Section, ...]
    fields: Mapping[str, Field]  # by path, in the order of the form


@cache
def types() -> Mapping[str, RegistrationType]:
    """Every kind of registration, by its name."""
    text = files("gateway.resources").joinpath("data/registration_types.yaml").read_text(encoding="utf-8")
    return {name: _type(name, row) for name, row in yaml.safe_load(text).items()}


def of(name: str) -> RegistrationType:
    """Raises NotFound (``registration_type_not_found``)."""
    if name not in types():
        known = ", ".join(types())
        raise NotFound("registration_type_not_found", "There is no such kind of registration.", remedy=f"Use {known}.")
    return types()[name]


def check(kind: RegistrationType, path: str, answer: Answer) -> None:
    """Whether an answer will do for a field. Raises Invalid: ``unknown_field``, ``wrong_kind`` or ``wrong_answer``."""
    asked = kind.fields.get(path)
    if asked is None:
        raise Invalid("unknown_field", f"The form has no field {path}.", field="path")
    if answer.kind != asked.kind:
        raise Invalid("wrong_kind", f"{path} takes {_KINDS[asked.kind]}.", field="answer")
    if fault := _CHECKS[asked.kind](asked, answer):
        raise Invalid("wrong_answer", f"{asked.title}: {fault}", field="answer")


def faults(kind: RegistrationType, answers: Mapping[str, Answer]) -> list[tuple[str, str]]:
    """What keeps a form from being submitted: paths, each with a sentence."""
    found = []
    for path, asked in kind.fields.items():
        wanted = asked.requirement == REQUIRED or (asked.requirement == CONDITIONAL and asked.is_wanted(answers))
        if wanted and path not in answers:
            found.append((path, f"{asked.title} is missing."))
        elif path in answers and asked.requirement == CONDITIONAL and not wanted:
            found.append((path, f"{asked.title} does not go with the other answers."))
    return found


_KINDS = {TEXT: "text", SELECT: "choices", ATTACHMENT: "an attachment"}


def _text_fault(asked: Field, answer: Answer) -> str:
    if not asked.shortest <= len(answer.text) <= asked.longest:
        return f"write {asked.shortest} to {asked.longest} characters."
    return "" if re.fullmatch(asked.pattern, answer.text) else f"it must match {asked.pattern}"


def _choice_fault(asked: Field, answer: Answer) -> str:
    if len(answer.choices) > asked.most:
        return f"choose {asked.most} at most."
    unknown = set(answer.choices) - set(asked.choices)
    return f"choose among {', '.join(asked.choices)}." if unknown and not asked.open else ""


def _no_fault(_asked: Field, _answer: Answer) -> str:
    return ""


_CHECKS = {TEXT: _text_fault, SELECT: _choice_fault, ATTACHMENT: _no_fault}


def _type(name: str, row: Mapping[str, Any]) -> RegistrationType:
    sections = row["sections"].items()
    fields = [(f"{path}.{key}", one) for path, section in sections for key, one in section["fields"].items()]
    return RegistrationType(
        name=name,
        title=row["title"],
        about=row["about"],
        link=row["link"],
        associations=tuple(Association(**one) for one in row["associations"]),
        sections=tuple(Section(path, one["title"], one["about"]) for path, one in sections),
        fields={path: _field(path, **one) for path, one in fields},
    )


def _field(path: str, *, attachment: bool = False, optional: bool = False, **row: Any) -> Field:  # noqa: ANN401 -- YAML
    when = {other: tuple(values) for other, values in row.pop("when", {}).items()}
    choices = tuple(row.pop("choices", ()))
    return Field(
        path=path,
        kind=ATTACHMENT if attachment else SELECT if choices else TEXT,
        requirement=CONDITIONAL if when else OPTIONAL if optional else REQUIRED,
        choices=choices,
        when=when,
        **row,
    )
