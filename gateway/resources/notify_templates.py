"""The texts that Notify sends. They are fixed: an app fills in the variables, nothing else.

They are in ``data/notify_templates.yaml``, with their source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from gateway.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

BRAND = "brand"  # the display name, which we put in
CODE = "code"  # what the app gives
CODE_PATTERN = "[A-Za-z0-9-]{1,20}"
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class NotifyTemplate:
    id: str
    language: str  # ISO 639-1
    content: str  # with {{names}} in it

    @property
    def variables(self) -> frozenset[str]:
        """What an app gives."""
        return frozenset(_PLACE.findall(self.content)) - {BRAND}

    def text(self, brand: str, values: Mapping[str, str]) -> str:
        """The text with its variables filled in. Raises Invalid for one that is missing, unknown or cannot be."""
        if missing := self.variables - values.keys():
            raise Invalid("missing", f"The variable {min(missing)} is missing.", field="variables")
        if unknown := values.keys() - self.variables:
            raise Invalid("unknown_variable", f"The template has no variable {min(unknown)}.", field="variables")
        for name, value in values.items():
            if not re.fullmatch(CODE_PATTERN, value):
                raise Invalid("bad_variable", f"{name} must match {CODE_PATTERN}", field="variables")
        given = {**values, BRAND: brand}
        return _PLACE.sub(lambda place: given[place[1]], self.content)


@cache
def templates() -> Mapping[str, NotifyTemplate]:
    """All, by their ids."""
    text = files("gateway.resources").joinpath("data/notify_templates.yaml").read_text(encoding="utf-8")
    return {name: NotifyTemplate(name, **row) for name, row in yaml.safe_load(text).items()}


def require(template_id: str) -> NotifyTemplate:
    """Raises NotFound (``notify_template_not_found``)."""
    if template_id not in templates():
        raise NotFound("notify_template_not_found", "There is no such template.", field="template_id")
    return templates()[template_id]
