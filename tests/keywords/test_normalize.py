from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keywords.normalize import clauses, fold

FEW = settings(max_examples=150, deadline=None)

FOLDED = [
    ("", ""),
    (" \n\t", ""),
    ("Stop.", "stop"),
    ("STOP!!", "stop"),
    ("ＳＴＯＰ", "stop"),
    ("𝓢𝓽𝓸𝓹", "stop"),
    ("Ⓢⓣⓞⓟ", "stop"),
    ("ﬆop", "stop"),
    ("ARRÊT", "arret"),
    ("Arre\u0302t", "arret"),
    ("Straße", "strasse"),
    ("İSTANBUL", "istanbul"),
    ("ΣΤΟΠ σς", "στοπ σσ"),
    ("СТОП Ё", "стоп е"),
    ("Opt-Out", "opt out"),
    ("opt_out", "opt out"),
    ("a\u00a0b", "a b"),
    ("  two   words ", "two words"),
    ("st\u200bo\u200dp", "stop"),
    ("\u202eSTOP\u202c\u2066", "stop"),
    ("\ufeffstop", "stop"),
    ("s\u00adtop", "stop"),
    ("stop\ufe0f", "stop"),
    ("stop\u3164", "stop"),
    ("1\ufe0f\u20e3", "1"),
    ("s\U000e0074top", "stop"),
    ("stop 🛑✋🏽👨‍👩‍👧", "stop"),
    ("🛑", ""),
    ("s🛑top", "s top"),
    ("don't", "dont"),
    ("don’t", "dont"),
    ("don`t", "dont"),
    ("don\u00b4t", "dont"),
    ("ŉ", "n"),
    ("'stop'", "stop"),
    ("rock 'n' roll", "rock n roll"),
    ("x''y", "xy"),
    ("s t o p", "stop"),
    ("S.T.O.P.", "stop"),
    ("please s-t-o-p now", "please stop now"),
    ("u r ok", "u r ok"),
    ("a b c", "abc"),
    ("a b", "a b"),
    ("1 2 3", "1 2 3"),
    ("a b 1 c", "a b 1 c"),
    ("①½", "11 2"),
    ("拒收请回复R", "拒收请回复r"),
    ("가\u1102\u1161", "\u1100\u1161\u1102\u1161"),
    ("ガ", "カ\u3099"),
    ("เส้น", "เส้น"),
    ("की", "की"),
    ("\x00stop\x07", "stop"),
    ("\ud800stop", "stop"),
]


@pytest.mark.parametrize(("text", "folded"), FOLDED, ids=[ascii(text) for text, _ in FOLDED])
def test_a_text_folds(text, folded):
    assert fold(text) == folded


@FEW
@given(st.text(max_size=60))
@example("\u0f73\u0300'")
@example("a 'b c d")
def test_folding_twice_is_folding_once(text):
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


def test_every_character_folds_to_what_folds_to_itself():
    changed = [hex(code) for code in range(0x30000) if fold(once := fold(chr(code))) != once]
    assert changed == []


@FEW
@given(st.text(alphabet=st.characters(codec="ascii"), max_size=40))
def test_case_and_width_do_not_count(text):
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    assert fold(text.upper()) == fold(text.lower()) == fold(wide)


CLAUSES = [
    ("stop", ("stop",)),
    ("Stop. Thank you", ("stop", "thank you")),
    ("Hi, I said: stop! Now? ok; bye", ("hi", "i said", "stop", "now", "ok", "bye")),
    ("one\ntwo\r\nthree", ("one", "two", "three")),
    ("S.T.O.P me", ("stop me",)),
    ("see acme.com at 5.30", ("see acme com at 5 30",)),
    ("好。 停！", ("好", "停")),
    ("...", ()),
    ("", ()),
]


@pytest.mark.parametrize(("text", "parts"), CLAUSES)
def test_a_text_is_cut_at_marks_before_a_blank_and_at_lines(text, parts):
    assert clauses(text) == parts
