from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files
from typing import Any

import phonenumbers
import pytest

from compliance.countries import countries, label
from compliance.types import SenderKind

TABLE: dict[str, Any] = json.loads(files("compliance").joinpath("data/countries.json").read_text(encoding="utf-8"))
ENTRIES = [
    (iso2, kind, entry) for iso2, row in TABLE["countries"].items() for kind, entry in row.get("senders", {}).items()
]


def provider(source: str) -> str:
    """Two pages of one company are one voice."""
    return source.split("-", maxsplit=1)[0]


def test_table_says_when_it_was_built_and_how_to_read_it() -> None:
    assert date.fromisoformat(TABLE["meta"]["built"]) == date(2026, 11, 22)
    assert TABLE["meta"]["how_to_read"].keys() == {
        "senders",
        "standing",
        "number kinds",
        "TEN_DLC",
        "date",
        "dial_code",
    }


def test_every_standing_is_agreed_by_two_companies_or_more() -> None:
    assert len(ENTRIES) > 150
    alone = [(iso2, kind) for iso2, kind, (_, *sources) in ENTRIES if len(set(map(provider, sources))) < 2]
    assert alone == []


def test_every_standing_has_a_known_value_and_sources_with_addresses() -> None:
    standings = {standing for _, _, (standing, *_) in ENTRIES}
    assert standings == {"yes", "no", "registration_required"}
    for country in countries().values():
        assert set(country.sources) == {
            kind for kind, standing in country.sender_kinds.items() if standing != "unknown"
        }
        assert all(re.fullmatch(r"https://[^\s{}]+", url) for urls in country.sources.values() for url in urls)


@pytest.mark.parametrize(
    ("iso2", "kind", "standing"),
    [
        ("US", SenderKind.SENDER_ID, "no"),
        ("CA", SenderKind.SENDER_ID, "no"),
        ("NZ", SenderKind.SENDER_ID, "no"),
        ("US", SenderKind.SHORT_CODE, "yes"),
        ("US", SenderKind.TEN_DLC, "registration_required"),
        ("US", SenderKind.TOLL_FREE, "registration_required"),
        ("SA", SenderKind.SENDER_ID, "registration_required"),
        ("GB", SenderKind.LONG_CODE, "yes"),
        ("GB", SenderKind.TEN_DLC, "yes"),  # a long code there
        ("KE", SenderKind.LONG_CODE, "no"),
        ("GB", SenderKind.SENDER_ID, "unknown"),  # two say yes, two ask for registration
        ("CN", SenderKind.SENDER_ID, "unknown"),  # three say no, one asks for registration
        ("CM", SenderKind.SENDER_ID, "unknown"),  # AWS in 2023 and AWS in 2026 differ
        ("KP", SenderKind.SENDER_ID, "unknown"),  # one source only
        ("FR", SenderKind.TOLL_FREE, "unknown"),
        ("CX", SenderKind.SHORT_CODE, "unknown"),  # no source at all
        ("US", SenderKind.SIMULATOR, "unknown"),
    ],
)
def test_standing_of(iso2: str, kind: SenderKind, standing: str) -> None:
    assert countries()[iso2].sender_kinds[kind] == standing


def test_sources_are_the_country_s_own_pages_first() -> None:
    assert countries()["NZ"].sources[SenderKind.SENDER_ID] == (
        "https://www.twilio.com/en-us/guidelines/nz/sms",
        "https://support.telnyx.com/en/articles/6679036-new-zealand-sms-guidelines",
        "https://github.com/awsdocs/amazon-pinpoint-user-guide/blob/07daf3a6659b8029d14a1228e5668054ae2ce11d/doc-source/channels-sms-countries.md",
        "https://docs.bird.com/applications/channels/channels/supported-channels/sms/concepts/choose-the-right-sender-availability-and-restrictions-by-country",
    )


def test_a_10dlc_number_has_the_sources_of_a_long_code_abroad() -> None:
    sources = countries()["KE"].sources
    assert sources[SenderKind.TEN_DLC] == sources[SenderKind.LONG_CODE]


def test_every_kind_has_a_standing_in_every_country() -> None:
    assert len(countries()) == 251
    assert all(set(country.sender_kinds) == set(SenderKind) for country in countries().values())


def test_dial_codes_are_those_of_libphonenumber() -> None:
    withdrawn = {"AN": "+599"}
    for iso2, country in countries().items():
        code = phonenumbers.country_code_for_region(iso2)
        assert country.iso2 == iso2
        assert country.dial_code == (f"+{code}" if code else withdrawn.get(iso2, ""))


def test_table_cannot_be_changed_by_a_reader() -> None:
    with pytest.raises(TypeError):
        countries()["US"] = countries()["GB"]  # type: ignore[index]
    with pytest.raises(TypeError):
        countries()["US"].sender_kinds[SenderKind.SENDER_ID] = "yes"  # type: ignore[index]
    with pytest.raises(TypeError):
        countries()["US"].sources[SenderKind.SENDER_ID] = ()  # type: ignore[index]


@pytest.mark.parametrize(("iso2", "words"), [("US", "US (United States)"), ("ZZ", "ZZ"), ("", "")])
def test_label_names_the_country_or_keeps_the_code(iso2: str, words: str) -> None:
    assert label(iso2) == words
