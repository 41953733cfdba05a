from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keywords import phrases
from keywords.catalog import CATALOG, RULE_SOURCES
from keywords.courtesy import COURTESIES, DISMISSALS
from keywords.engine import default_keywords, match
from keywords.normalize import fold
from keywords.types import Action, Keyword, KeywordSet, MatchMode, Meaning

GROUPS = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))
CASES = [(group, text) for group in GROUPS for text in group["texts"]]
DEFAULT = KeywordSet(default_keywords())
BARE = KeywordSet(())
BEGINS = KeywordSet(default_keywords(), mode=MatchMode.BEGINS)
OPT_OUT_WORDS = sorted(word for word, row in CATALOG.items() if row.meaning is Meaning.OPT_OUT and row.acts_in(""))
REVOCATIONS = sorted({text for group, text in CASES if group["meaning"] == "OPT_OUT"})
PHRASE_NAMES = {phrase.name for phrase in phrases._PHRASES}
ANY_SET = st.sampled_from([DEFAULT, BARE, BEGINS, KeywordSet((Keyword("STOP 12345", Action.AUTOMATIC_RESPONSE),))])
FEW = settings(max_examples=60, deadline=None)


def keyword_set(group):
    rows = group.get("rows", "default")
    base = () if rows == "none" else default_keywords()
    added = [*(rows if isinstance(rows, list) else []), *group.get("own", [])]
    own = tuple(Keyword(word, Action(action), f"answer to {word}") for word, action in added)
    return KeywordSet((*base, *own), mode=MatchMode(group.get("mode", "whole")))


def read(group, text):
    state = {name: group[name] for name in ("opted_out", "opt_in_pending", "region") if name in group}
    return match(text, keyword_set(group), **state)


@pytest.mark.parametrize(("group", "text"), CASES, ids=[f"{group['rule']}-{text!r}" for group, text in CASES])
def test_a_text_means_what_the_table_says(group, text):
    found = read(group, text)
    assert (found.meaning, found.rule) == (group["meaning"], group["rule"]), found.how
    assert found.word == group.get("word", found.word)
    assert found.how.endswith(f"({found.rule}).")


def test_every_rule_and_phrase_has_rows():
    found = [read(group, text) for group, text in CASES]
    assert {reading.rule for reading in found} >= set(RULE_SOURCES)
    assert {reading.word for reading in found} >= PHRASE_NAMES


def test_the_table_is_large_and_has_no_row_twice():
    keys = [
        (yaml.safe_dump({**group, "texts": [], "about": "", "meaning": "", "rule": ""}), text) for group, text in CASES
    ]
    assert len(keys) >= 150
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("filler", sorted(COURTESIES | DISMISSALS))
def test_a_courtesy_or_dismissal_beside_stop_changes_nothing(filler):
    assert match(f"{filler} stop", BARE).rule == "catalog_polite"
    assert match(f"STOP, {filler}!", BARE).rule == "catalog_polite"
    assert match(filler, BARE).meaning in {Meaning.NONE, Meaning.REVIEW}


@pytest.mark.parametrize("phrase", sorted(phrases.ALONE))
def test_a_phrase_alone_opts_out_and_negated_does_not(phrase):
    assert match(phrase, BARE).meaning is Meaning.OPT_OUT
    assert match(f"don't {phrase}", BARE).meaning is not Meaning.OPT_OUT


def test_a_match_names_its_word_its_text_its_language_and_its_sources():
    found = match("Please, ARRÊT!", BARE)
    assert (found.word, found.matched_text, found.language) == ("ARRET", "please arret", "fr")
    assert found.how == "The message says nothing but ARRET and courtesies (catalog_polite)."
    assert "French" in found.note
    assert set(found.sources) > set(CATALOG["arret"].sources)


@pytest.mark.parametrize(
    ("text", "region", "part"),
    [
        ("salir", "ES", "SALIR, which acts only in PY"),
        ("baja", "ES", "BAJA, which is listed as example and does not act"),
        ("stop 36180", "FR", "the form that France uses (stop_code)"),
        ("stop 36180", "", "the number is not known as French (stop_code)"),
        ("yes", "", "YES opts in only a person who is opted out"),
        ("stop texting my wife", "", '"stop texting", but what follows may limit it'),
        ("tell Bob to stop texting me", "", "what stands before it may turn it"),
        ("why wont you stop texting me", "", "it is negated, but not plainly"),
        ("leave me alone", "", "it may be about something else"),
    ],
)
def test_the_reason_is_told_in_words(text, region, part):
    assert part in match(text, DEFAULT, region=region).how


def test_nothing_has_no_word_and_no_row():
    found = match("see you at 5", DEFAULT)
    assert (found.meaning, found.keyword, found.word, found.matched_text, found.sources) == (
        Meaning.NONE,
        None,
        "",
        "",
        (),
    )


@pytest.mark.parametrize(
    ("text", "row"), [("STOP", "STOP"), ("quit", "STOP"), ("no more texts", "STOP"), ("aide", "HELP"), ("yes", "START")]
)
def test_a_word_without_a_row_is_answered_by_the_row_of_its_meaning(text, row):
    found = match(text, DEFAULT, opt_in_pending=True)
    assert found.keyword is not None
    assert found.keyword.word == row
    assert found.keyword.message


@pytest.mark.parametrize("text", ["stpo", "see you", "🛑"])
def test_what_is_not_certain_is_not_answered(text):
    assert match(text, DEFAULT).keyword is None


def test_yes_is_answered_by_unstop_when_start_is_gone_and_by_no_row_of_another_action():
    unstop = Keyword("UNSTOP", Action.OPT_IN, "back")
    taken = Keyword("START", Action.AUTOMATIC_RESPONSE, "game on")
    assert match("yes", KeywordSet((taken, unstop)), opted_out=True).keyword is unstop
    assert match("yes", KeywordSet((taken,)), opted_out=True).keyword is None


def test_an_own_row_is_the_answer_to_its_word():
    arret = Keyword("ARRÊT", Action.OPT_OUT, "Vous ne recevrez plus de messages.")
    found = match("arret svp", KeywordSet((*default_keywords(), arret)))
    assert (found.keyword, found.rule, found.language) == (arret, "own_polite", "fr")
    assert found.sources == CATALOG["arret"].sources


def test_self_managed_reports_the_same_and_says_that_nothing_is_acted_on():
    managed = KeywordSet(default_keywords(), self_managed=True)
    for text in ("STOP", "ARRET", "hello you"):
        plain, reported = match(text, DEFAULT), match(text, managed)
        assert (reported.meaning, reported.rule) == (plain.meaning, plain.rule)
        assert "act on nothing" in reported.note
        assert "act on nothing" not in plain.note
        assert reported.note.startswith(plain.note)


def test_a_phrase_is_found_across_lines_and_in_any_clause():
    assert match("Hi\n\nplease take me off your list\nBob", BARE).meaning is Meaning.OPT_OUT
    assert match("See you at 5! Stop texting me.", BARE).meaning is Meaning.OPT_OUT
    assert match("See you at 5 stop texting me", BARE).meaning is Meaning.REVIEW


def test_the_strongest_reading_of_all_clauses_counts():
    assert match("stop texting my wife. take me off your list", BARE).rule == "strong_phrase"
    assert match("leave me alone. see you at 5", BARE).matched_text == "leave me alone"


@FEW
@given(st.text(max_size=80), ANY_SET, st.booleans(), st.booleans(), st.sampled_from(["", "US", "CN", "FR"]))
@example("\ud800 stop", DEFAULT, False, False, "")
def test_any_text_is_read_the_same_way_twice(text, keywords, opted_out, pending, region):
    first = match(text, keywords, opted_out=opted_out, opt_in_pending=pending, region=region)
    assert first == match(text, keywords, opted_out=opted_out, opt_in_pending=pending, region=region)
    assert (first.meaning is Meaning.NONE) == (first.rule in {"empty", "not_expected", "no_match"})
    assert first.matched_text in fold(text) or first.rule in {"strong_phrase", "possible_revocation"}


DRESSINGS = st.sampled_from(
    [str.upper, str.title, lambda s: f"“{s}”", lambda s: f"{s}!!", lambda s: f" {s} 🛑", lambda s: f"\u200f{s}\u200b.",
     lambda s: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in s), lambda s: s.replace(" ", "-"),
     lambda s: s + "\ufe0f", lambda s: "".join(c + "\u0301" for c in s), lambda s: f"{s}, please", lambda s: f"ok {s}"]
)  # fmt: skip


@FEW
@given(st.sampled_from(OPT_OUT_WORDS), st.lists(DRESSINGS, max_size=4), ANY_SET)
def test_any_dressing_of_an_opt_out_word_opts_out(word, dressings, keywords):
    for dress in dressings:
        word = dress(word)
    assert match(word, keywords).meaning is Meaning.OPT_OUT


@pytest.mark.parametrize("negation", ["don't ", "Don’t ", "dont ", "do not ", "please don't "])
@pytest.mark.parametrize("word", OPT_OUT_WORDS)
def test_a_negated_word_never_opts_out(word, negation):
    for keywords in (DEFAULT, BARE, BEGINS):
        assert match(negation + word, keywords).meaning is Meaning.NONE


ONE_CLAUSE = [text for text in REVOCATIONS if len(dict.fromkeys((*phrases.clauses(text), fold(text)))) == 1]


@pytest.mark.parametrize("text", ONE_CLAUSE)
def test_a_negated_revocation_never_opts_out(text):
    assert match(f"don't {text}", DEFAULT).meaning is not Meaning.OPT_OUT


HOSTILE = {
    "phrases": "stop texting me " * 6000,
    "negations": "not to you " * 9000 + "stop texting me",
    "clauses": "unsubscribe my. " * 6000,
    "courtesies": "please " * 14000,
    "marks": "a\u0301\u0323" * 33000,
    "double marks": "\u0f73" * 100_000,
    "expanding": "\ufdfa" * 50_000,
    "apostrophes": "a'" * 50_000,
    "one word": "o" * 100_000,
    "bounded repeats": "no more all " * 8000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_very_long_text_is_read_in_linear_time(text):
    began = time.process_time()
    match(text, BEGINS)
    assert time.process_time() - began < 3  # linear takes 0.05 to 0.5 s here; quadratic, minutes
