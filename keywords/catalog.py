"""The words that people reply with, by language and country, each with its sources: ``catalog.yaml``, read once.

Rule 1  Only words that a law, an industry rule book or a platform names act; the rest ship switched off.
Rule 2  A word with regions acts only for numbers of those countries; where the country is not known, it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import yaml

from keywords.normalize import fold
from keywords.types import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping


class Certainty(StrEnum):
    """Who says that the word means it, strongest first."""

    LAW = "law"
    INDUSTRY = "industry"
    PLATFORM = "platform"
    EXAMPLE = "example"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class CatalogWord:
    """One row of the catalog; the fields are explained at the head of ``catalog.yaml``."""

    word: str
    folded: str
    meaning: Meaning
    certainty: Certainty
    languages: tuple[str, ...]
    jurisdictions: tuple[str, ...]
    regions: tuple[str, ...]
    sources: tuple[str, ...]
    required: bool
    when_expected: bool
    note: str

    @property
    def confirmed(self) -> bool:
        """Whether a law, a rule book or a platform names the word."""
        return self.certainty in {Certainty.LAW, Certainty.INDUSTRY, Certainty.PLATFORM}

    def acts_in(self, region: str) -> bool:
        """Whether the word does something for a number of this country (ISO 3166-1 alpha-2, "" when unknown)."""
        return self.confirmed and (not self.regions or region in self.regions)


def find(folded: str, region: str = "") -> CatalogWord | None:
    """The word that acts for a folded text and a number's country."""
    row = CATALOG.get(folded)
    return row if row and row.acts_in(region) else None


def find_idle(folded: str, region: str = "") -> CatalogWord | None:
    """The word that is listed and does not act here: not confirmed, or of another country."""
    row = CATALOG.get(folded)
    return None if row is None or row.acts_in(region) else row


def _read() -> dict[str, Any]:
    text = resources.files("keywords").joinpath("catalog.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def _row(data: dict[str, Any], addresses: Mapping[str, str]) -> CatalogWord:
    return CatalogWord(
        word=data["word"],
        folded=fold(data["word"]),
        meaning=Meaning(data["meaning"]),
        certainty=Certainty(data["certainty"]),
        languages=tuple(data["languages"]),
        jurisdictions=tuple(data.get("jurisdictions", ())),
        regions=tuple(data.get("regions", ())),
        sources=tuple(addresses[name] for name in data.get("sources", ())),
        required=data.get("required", False),
        when_expected=data.get("when_expected", False),
        note=data.get("note", ""),
    )


def _load() -> tuple[Mapping[str, CatalogWord], Mapping[str, tuple[str, ...]]]:
    data = _read()
    addresses: dict[str, str] = data["sources"]
    rows = [_row(row, addresses) for row in data["words"]]
    rules = {rule: tuple(addresses[name] for name in names) for rule, names in data["rules"].items()}
    return MappingProxyType({row.folded: row for row in rows}), MappingProxyType(rules)


_LOADED: Final = _load()

CATALOG: Final[Mapping[str, CatalogWord]] = _LOADED[0]
"""Every row, acting or not, by its folded word."""

RULE_SOURCES: Final[Mapping[str, tuple[str, ...]]] = _LOADED[1]
"""Public addresses behind a rule of the engine, by rule id."""
