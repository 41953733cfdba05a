"""Which kind of sender is allowed in which country, where the published sources agree.

The table is ``data/countries.json``; its ``meta`` says when it was built, what it was read from and how to read it.
It is read once, at first use, and never again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from compliance.types import SenderKind

if TYPE_CHECKING:
    from collections.abc import Mapping

Standing: TypeAlias = Literal["yes", "no", "registration_required", "overwritten", "unknown"]


@dataclass(frozen=True, slots=True)
class CountryRules:
    """One country. A kind of sender on which the sources disagree, or too few speak, stands as "unknown"."""

    iso2: str
    name: str
    dial_code: str  # "+1"; "" where the country has none of its own
    sender_kinds: Mapping[SenderKind, Standing]  # every kind has a standing
    sources: Mapping[SenderKind, tuple[str, ...]]  # URLs, the most specific first; only of the kinds that are known


@cache
def countries() -> Mapping[str, CountryRules]:
    """All countries by ISO 3166-1 alpha-2 code."""
    table = json.loads(files("compliance").joinpath("data/countries.json").read_text(encoding="utf-8"))
    shared = {key: source["url"] for key, source in table["meta"]["sources"].items()}
    return MappingProxyType({iso2: _country(iso2, row, shared) for iso2, row in table["countries"].items()})


def label(iso2: str) -> str:
    """The country as a sentence names it: ``US (United States)``; an unknown code stays as it is."""
    country = countries().get(iso2)
    return f"{iso2} ({country.name})" if country else iso2


def _country(iso2: str, row: dict[str, Any], shared: Mapping[str, str]) -> CountryRules:
    urls = {key: url.format(iso2=iso2.lower()) for key, url in {**shared, **row.get("links", {})}.items()}
    known = {SenderKind(kind): entry for kind, entry in row.get("senders", {}).items()}
    # A 10DLC number is a US local long code; to the rest of the world it is any long code.
    if SenderKind.LONG_CODE in known:
        known.setdefault(SenderKind.TEN_DLC, known[SenderKind.LONG_CODE])
    return CountryRules(
        iso2=iso2,
        name=row["name"],
        dial_code=row["dial_code"],
        sender_kinds=MappingProxyType({kind: known.get(kind, ("unknown",))[0] for kind in SenderKind}),
        sources=MappingProxyType({kind: tuple(urls[key] for key in keys) for kind, (_, *keys) in known.items()}),
    )
