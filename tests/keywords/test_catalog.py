from __future__ import annotations

import re

import pytest
import yaml

from keywords.catalog import CATALOG, RULE_SOURCES, Certainty, _read, find, find_idle
from keywords.normalize import fold
from keywords.types import Meaning

ROWS = list(CATALOG.values())
FCC = ["STOP", "QUIT", "END", "REVOKE", "OPT OUT", "CANCEL", "UNSUBSCRIBE"]  # 47 CFR 64.1200(a)(10)
CANADA = ["STOP", "ARRET", "HELP", "AIDE", "INFO"]  # Canadian Common Short Code guidelines
AMAZON = ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "UNSUBSCRIBE"]  # and TD, by country
OTHERS = ["STOPALL", "STOP ALL", "PLEASE OPT ME OUT", "UNSUB", "ARRETT", "ARRETE", "START", "UNSTOP", "YES"]
OFF = ["BAJA", "ALTO", "PARAR", "CANCELAR", "AYUDA", "SAIR", "ARRETER", "STOPP", "ABMELDEN", "SPAM", "ALTA", "ZRUS"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.word)
def test_a_word_is_listed_under_what_it_folds_to(row):
    assert CATALOG[row.folded] is row
    assert row.folded == fold(row.word)
    assert row.meaning in {Meaning.OPT_OUT, Meaning.OPT_IN, Meaning.HELP}
    assert row.languages


def test_no_two_words_fold_to_one():
    assert len(_read()["words"]) == len(ROWS)


@pytest.mark.parametrize("row", [row for row in ROWS if row.confirmed], ids=lambda row: row.word)
def test_every_word_that_acts_says_where_it_is_stated(row):
    assert row.sources
    assert all(re.fullmatch(r"https://[\w.-]+\.\w+/\S*", source) for source in row.sources)


@pytest.mark.parametrize("word", [*FCC, *CANADA, *AMAZON, *OTHERS])
def test_the_words_of_law_rule_books_and_platforms_act_everywhere(word):
    row = find(fold(word), "")
    assert row is not None
    assert row.confirmed
    assert find(fold(word), "JP") is row
    assert find_idle(fold(word), "JP") is None


@pytest.mark.parametrize("word", OFF)
def test_what_nobody_names_is_shipped_and_off(word):
    row = CATALOG[fold(word)]
    assert row.certainty in {Certainty.EXAMPLE, Certainty.UNCONFIRMED}
    assert find(row.folded, "") is None
    assert find_idle(row.folded, "") is row


@pytest.mark.parametrize(("word", "region"), [("td", "US"), ("td", "CA"), ("r", "CN"), ("t", "CN"), ("salir", "PY")])
def test_a_word_of_some_countries_acts_there_alone(word, region):
    assert find(word, region) is CATALOG[word]
    assert find_idle(word, region) is None
    for elsewhere in ("", "DE"):
        assert find(word, elsewhere) is None
        assert find_idle(word, elsewhere) is CATALOG[word]


def test_the_law_and_the_rule_books_are_required_and_platforms_alone_are_not():
    required = {row.word for row in ROWS if row.required}
    assert required == {*FCC, "ARRET", "OPTOUT", "PLEASE OPT ME OUT", "STOPALL", "STOP ALL"}
    assert all(row.meaning is Meaning.OPT_OUT for row in ROWS if row.required)
    assert all(row.required for row in ROWS if row.certainty is Certainty.LAW)


def test_only_yes_waits_to_be_expected():
    assert [row.word for row in ROWS if row.when_expected] == ["YES"]


def test_an_unknown_word_is_neither_acting_nor_idle():
    assert find("hello") is None
    assert find_idle("hello") is None


def test_every_source_is_used_and_every_rule_has_one():
    data = _read()
    used = {name for row in data["words"] for name in row.get("sources", ())} | {
        name for names in data["rules"].values() for name in names
    }
    assert used == set(data["sources"])
    assert all(RULE_SOURCES.values())


def test_no_word_is_lost_to_yaml_reading_it_as_a_truth_value():
    # "no" and "yes" without quotation marks are booleans in YAML 1.1
    rows = _read()["words"]
    assert all(
        isinstance(text, str)
        for row in rows
        for text in [row["word"], *row["languages"], *row.get("jurisdictions", [])]
    )
    assert yaml.safe_load("no") is False


def test_the_catalog_cannot_be_changed():
    with pytest.raises(TypeError):
        CATALOG["hello"] = ROWS[0]
