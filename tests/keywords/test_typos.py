from __future__ import annotations

import pytest

from keywords.typos import intended

SLIPS = {
    "stop": "stop tsop sotp stpo sstop sttop stopp ztop dtop sgop s5op stip stkp st0p stpp st9p sto0 stol stoo",
    "unsubscribe": "unsubscribe nsubscribe unsuscribe unsubscrib unsubscibe nusubscribe unnsubscribe unsubxcribe unsuscrib unsubscr1b3",
    "cancel": "cancel ancel cancl cancell canxel acncel cancle",
    "revoke": "revok revokee ervoke",
    "optout": "optuot opotut optou",
    "stopall": "stopal stoppall stopalll",
}
NOT = (
    "stp sto top tops shop step slop swop stow atop stoop stomp potss spot pots stopped stops"
    " subscribe resubscribe cancer cancels chancel evoke revoked revokes cancelled provoke unsub nsubscrb subscriber x"
)


@pytest.mark.parametrize(("word", "slip"), [(word, slip) for word, slips in SLIPS.items() for slip in slips.split()])
def test_a_slip_is_taken_for_the_word(word, slip):
    assert intended((slip,)) == word


@pytest.mark.parametrize("text", NOT.split())
def test_another_word_is_not(text):
    assert intended((text,)) == ""


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("st", "op"), "stop"),
        (("un", "sub", "scribe"), "unsubscribe"),
        (("s", "t", "o", "p"), ""),
        (("at", "op"), ""),
        ((), ""),
    ],
)
def test_up_to_three_pieces_are_put_together(words, word):
    assert intended(words) == word
