from __future__ import annotations

import pytest

from keywords.engine import DEFAULT, MANDATORY, check_keyword, check_removal, default_keywords, match
from keywords.types import Action, Keyword, KeywordError, KeywordSet, Meaning

ANSWER, OUT, IN = Action.AUTOMATIC_RESPONSE, Action.OPT_OUT, Action.OPT_IN
OWN = tuple(Keyword(f"WORD{number}", ANSWER) for number in range(28))  # with START and UNSTOP: the most

REFUSED = [
    (Keyword("", ANSWER), "word", "word_length"),
    (Keyword("x" * 31, ANSWER), "word", "word_length"),
    (Keyword(" JOIN", ANSWER), "word", "word_blank_edges"),
    (Keyword("JOIN\n", ANSWER), "word", "word_blank_edges"),
    (Keyword("🛑", ANSWER), "word", "word_without_letters"),
    (Keyword("JOIN", ANSWER, "x" * 1601), "message", "message_length"),
    (Keyword("STOP", OUT, " "), "message", "message_missing"),
    (Keyword("help", ANSWER), "message", "message_missing"),
    (Keyword("STOP", ANSWER, "x"), "action", "action_fixed"),
    (Keyword("stop.", IN, "x"), "action", "action_fixed"),
    (Keyword("HELP", OUT, "x"), "action", "action_fixed"),
    (Keyword("End", ANSWER), "action", "opt_out_word"),
    (Keyword("opt-out", IN), "action", "opt_out_word"),
    (Keyword("ARRÊT", ANSWER), "action", "opt_out_word"),
    (Keyword("stop all", ANSWER), "action", "opt_out_word"),
    (Keyword("please cancel", ANSWER), "action", "opt_out_word"),
    (Keyword("No more texts", ANSWER), "action", "opt_out_word"),
    (Keyword("remove me", ANSWER), "action", "opt_out_word"),
    (Keyword("Start!", IN), "word", "duplicate"),
    (Keyword("stop!", OUT, "x"), "word", "duplicate"),
]
ALLOWED = [
    Keyword("J", ANSWER),
    Keyword("x" * 30, ANSWER, "x" * 1600),
    Keyword("STOP", OUT, "Gone."),
    Keyword("stop", OUT, "Gone."),
    Keyword("HELP", ANSWER, "Call +1 206 555 0199."),
    Keyword("START", IN, "Back."),
    Keyword("START", ANSWER),
    Keyword("END", OUT),
    Keyword("PAUSE", OUT),
    Keyword("STOP 12345", ANSWER),
    Keyword("STOP NEWS", ANSWER),
    Keyword("REMOVE", ANSWER),
    Keyword("YES", ANSWER),
    Keyword("INFO", ANSWER),
    Keyword("R", ANSWER),
]


@pytest.mark.parametrize(("keyword", "field", "code"), REFUSED)
def test_a_row_that_cannot_work_is_refused_with_its_field_and_what_to_do(keyword, field, code):
    with pytest.raises(KeywordError) as refused:
        check_keyword(keyword, DEFAULT)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert str(refused.value) == f"{field}: {refused.value.sentence}"


@pytest.mark.parametrize("keyword", ALLOWED, ids=lambda row: f"{row.word}-{row.action}")
def test_a_good_row_is_taken(keyword):
    check_keyword(keyword, DEFAULT)


def test_thirty_rows_besides_stop_and_help_are_the_most():
    full = (*DEFAULT, *OWN)
    with pytest.raises(KeywordError) as refused:
        check_keyword(Keyword("ONE MORE", ANSWER), full)
    assert (refused.value.field, refused.value.code) == ("word", "too_many")
    check_keyword(Keyword("ONE MORE", ANSWER), full[:-1])
    check_keyword(Keyword("word3", ANSWER, "changed"), full)
    check_keyword(Keyword("STOP", OUT, "changed"), full)


@pytest.mark.parametrize("word", ["STOP", "stop", "Help", "H.E.L.P"])
def test_mandatory_rows_stay(word):
    with pytest.raises(KeywordError) as refused:
        check_removal(word)
    assert (refused.value.field, refused.value.code) == ("word", "mandatory")


@pytest.mark.parametrize("word", ["START", "UNSTOP", "JOIN", "STOP 12345"])
def test_other_rows_go(word):
    check_removal(word)


def test_the_default_rows_pass_their_own_check_and_tell_the_contact():
    rows = default_keywords("Acme, +1 206 555 0199")
    assert [(row.word, row.action) for row in rows] == [("STOP", OUT), ("HELP", ANSWER), ("START", IN), ("UNSTOP", IN)]
    assert "Acme, +1 206 555 0199" in rows[1].message
    assert [row.word for row in MANDATORY] == ["STOP", "HELP"]
    assert DEFAULT[:2] == MANDATORY
    for row in rows:
        check_keyword(row, rows)
        assert 0 < len(row.message) <= 160


def test_what_is_refused_as_taking_an_opt_out_away_opts_out_all_the_same():
    for keyword, _, code in REFUSED:
        if code == "opt_out_word":
            assert match(keyword.word, KeywordSet((*DEFAULT, keyword))).meaning is Meaning.OPT_OUT
